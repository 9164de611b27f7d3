/**
 * What a request's fields must be together (RFC 9112 §3.2, §6.3; RFC 9110 §7.2, §10.1.1). It runs once the head is complete
 * and sets what the head means; what it refuses is never forwarded.
 */
import { equalsAsciiFold, lowerAscii, NONE, parseDecimal } from "../base/bytes.ts";
import { COLON, HOST_NAME, IPV6, SLASH, TOKEN } from "./characters.ts";
import { FIELD } from "./fields.ts";
import type { Flaw } from "./flaws.ts";
import { judgeFraming } from "./framing-rules.ts";
import { FRAMING, type HttpHead } from "./head.ts";

const HOST = FIELD.host;
const EXPECT = FIELD.expect;
const UPGRADE = FIELD.upgrade;
const PORT_MAX = 65_535;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

export function judgeRequest(head: HttpHead): Flaw | undefined {
  const flaw = judgeHost(head) ?? judgeFraming(head);
  if (flaw !== undefined) return flaw;
  if (head.framing === FRAMING.none && head.lengthField !== NONE) {
    head.framing = FRAMING.length;
    head.bodyLength = head.lengthField;
  }
  if (head.upgrade) head.upgrade = head.minor === 1 && !hasBody(head) && namesOneProtocol(head);
  return head.has(EXPECT) ? judgeExpect(head) : undefined;
}

function hasBody(head: HttpHead): boolean {
  return head.framing === FRAMING.chunked || head.bodyLength > 0;
}

/** HTTP/1.0 knows no expectations: it is ignored there, and goes no further (RFC 9110 §10.1.1). */
function judgeExpect(head: HttpHead): Flaw | undefined {
  if (head.minor === 0) {
    head.dropAll(EXPECT);
    return undefined;
  }
  const index = head.find(EXPECT);
  const asked = equalsAsciiFold(head.bytes, head.valueStart(index), head.valueEnd(index), "100-continue");
  if (!asked || head.repeats(EXPECT)) return "EXPECT";
  head.expectsContinue = true;
  return undefined;
}

function judgeHost(head: HttpHead): Flaw | undefined {
  const index = head.find(HOST);
  if (index === NONE) {
    if (head.minor > 0) return "HOST_MISSING";
    return head.authorityEnd === 0 ? undefined : cutHost(head, head.base + head.authorityStart, authorityEnd(head));
  }
  if (head.repeats(HOST)) return "HOST_MANY";
  const flaw = cutHost(head, head.valueStart(index), head.valueEnd(index));
  if (flaw !== undefined || head.authorityEnd === 0) return flaw;
  return sameAuthority(head) ? undefined : "HOST_DIFFERS";
}

/** Sets host and port from [start, end): a name, an IPv4 address or a bracketed IPv6 one, with or without a port. */
function cutHost(head: HttpHead, start: number, end: number): Flaw | undefined {
  const { bytes } = head;
  const hostEnd = findHostEnd(bytes, start, end);
  if (hostEnd === start || hostEnd === NONE) return "HOST";
  head.hostStart = start - head.base;
  head.hostEnd = hostEnd - head.base;
  head.port = 0;
  if (hostEnd === end) return undefined;
  if (bytes[hostEnd] !== COLON) return "HOST";
  if (hostEnd + 1 === end) return undefined;
  const port = parseDecimal(bytes, hostEnd + 1, end, PORT_MAX);
  if (port === NONE || port === 0) return "HOST";
  head.port = port;
  return undefined;
}

function findHostEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  if (bytes[start] !== BRACKET || start === end) {
    while (at < end && HOST_NAME[bytes[at]!] === 1) at++;
    return at;
  }
  at += 1;
  while (at < end && IPV6[bytes[at]!] === 1) at++;
  return at > start + 2 && at < end && bytes[at] === BRACKET_END ? at + 1 : NONE;
}

/** Whether the authority of an absolute target is the one that Host names, a port that goes without saying left out. */
function sameAuthority(head: HttpHead): boolean {
  const { hostStart, hostEnd } = head;
  const port = plainPort(head);
  if (cutHost(head, head.base + head.authorityStart, authorityEnd(head)) !== undefined) return false;
  const length = hostEnd - hostStart;
  if (plainPort(head) !== port || head.hostEnd - head.hostStart !== length) return false;
  for (let index = 0; index < length; index++) {
    const one = head.bytes[head.base + hostStart + index] as number;
    const other = head.bytes[head.base + head.hostStart + index] as number;
    if (lowerAscii(one) !== lowerAscii(other)) return false;
  }
  return true;
}

function plainPort(head: HttpHead): number {
  return head.port === (head.secureTarget ? HTTPS_PORT : HTTP_PORT) ? 0 : head.port;
}

function authorityEnd(head: HttpHead): number {
  return head.base + head.authorityEnd;
}

/**
 * Whether `Upgrade` stands once and names one protocol that is not h2c. Anything else is served without an upgrade: HTTP/2
 * over cleartext is not switched to from here (RFC 9113 §3.1), and of a list the server would choose behind our back.
 */
function namesOneProtocol(head: HttpHead): boolean {
  const index = head.find(UPGRADE);
  if (index === NONE || head.repeats(UPGRADE)) return false;
  const start = head.valueStart(index);
  const end = head.valueEnd(index);
  for (let at = start; at < end; at++) {
    const byte = head.bytes[at] as number;
    if (TOKEN[byte] === 0 && byte !== SLASH) return false;
  }
  return end > start && !equalsAsciiFold(head.bytes, start, end, "h2c");
}
