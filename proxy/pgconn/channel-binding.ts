/**
 * What binds a SCRAM login to its TLS channel: the hash of the server's certificate, "tls-server-end-point". Of the
 * certificate only the algorithm of its signature is read, which says what hash it is.
 * Invariant: no byte outside of the certificate is read, whatever its lengths say; what is not understood binds nothing.
 * Spec: RFC 5929 section 4; X.690 (DER); RFC 5280 section 4.1.
 */
import type { Digest } from "../base/digest.ts";

const SEQUENCE = 0x30;
const OBJECT_ID = 0x06;

/**
 * Signatures whose hash is SHA-256, and those for which RFC 5929 wants SHA-256 in the place of MD5 and SHA-1. Of the
 * others, whose hash is not at hand, a login is not bound.
 */
const WITH_SHA256: ReadonlySet<string> = new Set([
  "2a864886f70d010104", // md5WithRSAEncryption
  "2a864886f70d010105", // sha1WithRSAEncryption
  "2a864886f70d01010b", // sha256WithRSAEncryption
  "2a8648ce3d0401", // ecdsa-with-SHA1
  "2a8648ce3d040302", // ecdsa-with-SHA256
]);

/** `certificate` is DER. Undefined where there is no hash that both sides would compute. */
export function channelBinding(digest: Digest, certificate: Uint8Array | undefined): Uint8Array | undefined {
  if (certificate === undefined) return undefined;
  const algorithm = signatureAlgorithm(certificate);
  return algorithm !== undefined && WITH_SHA256.has(algorithm) ? digest.sha256(certificate) : undefined;
}

interface Element {
  readonly start: number;
  readonly end: number;
}

/** Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, … } */
function signatureAlgorithm(der: Uint8Array): string | undefined {
  const certificate = element(der, { start: 0, end: der.length }, SEQUENCE);
  const signed = certificate && element(der, certificate, SEQUENCE);
  const algorithm = certificate && signed && element(der, { start: signed.end, end: certificate.end }, SEQUENCE);
  const id = algorithm && element(der, algorithm, OBJECT_ID);
  return id && der.subarray(id.start, id.end).toHex();
}

/** The content of the element that stands first in `within`, if it is of that kind. */
function element(der: Uint8Array, within: Element, tag: number): Element | undefined {
  const { start, end } = within;
  if (start + 2 > end || der[start] !== tag) return undefined;
  const first = der[start + 1]!;
  if (first < 0x80) return contentOf(start + 2, first, end);
  const lengthBytes = first & 0x7f;
  if (lengthBytes === 0 || lengthBytes > 3 || start + 2 + lengthBytes > end) return undefined;
  let length = 0;
  for (let at = start + 2; at < start + 2 + lengthBytes; at++) length = (length << 8) | der[at]!;
  return contentOf(start + 2 + lengthBytes, length, end);
}

function contentOf(start: number, length: number, end: number): Element | undefined {
  return start + length <= end ? { start, end: start + length } : undefined;
}
