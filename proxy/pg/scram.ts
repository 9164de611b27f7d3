/**
 * What both sides of SCRAM-SHA-256 are made of: keys, the stored verifier, and the words that they exchange. The two
 * conversations are `scram-client.ts` and `scram-server.ts`. Digests are handed in.
 * Invariants: words are taken only in their exact form and below a length; what is compared of a secret is compared in a
 * time that tells nothing of it. Spec: RFC 5802, RFC 7677; the stored form is Postgres' `pg_authid.rolpassword`.
 */
import type { Digest } from "../base/digest.ts";
import type { Rng } from "../base/rng.ts";
import { saslprep } from "./saslprep.ts";

export const SCRAM = "SCRAM-SHA-256";
/** With channel binding. */
export const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";
/** The only kind of channel binding that Postgres knows (RFC 5929). */
export const BINDING_KIND = "tls-server-end-point";

/** Longer words are refused unread. */
export const WORDS_LENGTH_MAX = 4096;
export const NONCE_LENGTH_MAX = 1024;
const NONCE_BYTES = 18;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const SALT_BYTES_MAX = 1024;
const ITERATIONS_MAX = 0x7fffffff;
const UTF8 = new TextEncoder();
const BASE64 = "[A-Za-z0-9+/]+={0,2}";
const STORED = new RegExp(`^SCRAM-SHA-256\\$([1-9][0-9]{0,9}):(${BASE64})\\$(${BASE64}):(${BASE64})$`);

/** What stands for a password: enough to log in where salt and iterations are these. */
export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly clientKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** What a server stores of a user: enough to check a login, and not to make one. */
export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** Slow by design: `iterations` rounds. */
export function deriveKeys(
  digest: Digest,
  password: string,
  { salt, iterations }: Pick<ScramKeys, "salt" | "iterations">,
): ScramKeys {
  const salted = digest.pbkdf2Sha256(UTF8.encode(saslprep(password)), salt, iterations);
  const clientKey = digest.hmacSha256(salted, UTF8.encode("Client Key"));
  const serverKey = digest.hmacSha256(salted, UTF8.encode("Server Key"));
  return { iterations, salt, clientKey, serverKey };
}

export function verifierOf(digest: Digest, { iterations, salt, clientKey, serverKey }: ScramKeys): ScramVerifier {
  return { iterations, salt, storedKey: digest.sha256(clientKey), serverKey };
}

/** Undefined for anything but `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`. */
export function parseVerifier(stored: string): ScramVerifier | undefined {
  const [, count = "", ...encoded] = STORED.exec(stored) ?? [];
  const [salt, storedKey, serverKey] = encoded.map(fromBase64);
  const iterations = Number(count);
  if (salt === undefined || salt.length > SALT_BYTES_MAX || iterations > ITERATIONS_MAX) return undefined;
  if (storedKey?.length !== KEY_BYTES || serverKey?.length !== KEY_BYTES) return undefined;
  return { iterations, salt, storedKey, serverKey };
}

export function formatVerifier({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  return `${SCRAM}$${iterations}:${salt.toBase64()}$${storedKey.toBase64()}:${serverKey.toBase64()}`;
}

/**
 * For a user who does not exist: a verifier that no password fits and that is the same every time, so that a stranger
 * cannot tell. `secret` is the same on every worker and box, and nobody else knows it.
 */
export function mockVerifier(
  digest: Digest,
  secret: Uint8Array,
  { user, iterations }: { readonly user: string; readonly iterations: number },
): ScramVerifier {
  const made = (what: string): Uint8Array => digest.hmacSha256(secret, UTF8.encode(`${what}:${user}`));
  return {
    iterations,
    salt: made("salt").slice(0, SALT_BYTES),
    storedKey: made("stored key"),
    serverKey: made("server key"),
  };
}

export function makeNonce(rng: Rng): string {
  const bytes = new Uint8Array(NONCE_BYTES);
  rng.fill(bytes);
  return bytes.toBase64();
}

export function sign(digest: Digest, key: Uint8Array, words: string): Uint8Array {
  return digest.hmacSha256(key, UTF8.encode(words));
}

export function exclusiveOr(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, index) => byte ^ (other[index] ?? 0));
}

/** The words that begin a client's first message, and that its last must repeat together with the binding. */
export function bindingWords(gs2Header: string, binding: Uint8Array | undefined): string {
  const header = UTF8.encode(gs2Header);
  const data = binding ?? new Uint8Array(0);
  const both = new Uint8Array(header.length + data.length);
  both.set(header);
  both.set(data, header.length);
  return both.toBase64();
}

/** Undefined for what is not exactly base64 with its padding. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!BASE64_ONLY.test(text)) return undefined;
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

const BASE64_ONLY = new RegExp(`^${BASE64}$`);
const NONCE = "[\\x21-\\x2b\\x2d-\\x7e]+";
const EXTENSIONS = "(?:,[^\\0]*)?";
const CLIENT_FIRST = new RegExp(`^((?:n|y|p=([A-Za-z0-9.-]+)),,)(n=[^,\\0]*,r=(${NONCE})${EXTENSIONS})$`);
const SERVER_FIRST = new RegExp(`^r=(${NONCE}),s=(${BASE64}),i=([1-9][0-9]{0,9})${EXTENSIONS}$`);
const CLIENT_FINAL = new RegExp(`^(c=(${BASE64}),r=(${NONCE})${EXTENSIONS}),p=(${BASE64})$`);
const SERVER_FINAL = new RegExp(`^v=(${BASE64})${EXTENSIONS}$`);

export interface ClientFirst {
  /** "n,,", "y,," or "p=KIND,,": whether and how it binds to the channel. */
  readonly header: string;
  /** Of "p=KIND". */
  readonly kind: string | undefined;
  readonly bare: string;
  readonly nonce: string;
}

/** Undefined for a message in another form; one that asks for another identity, or that must be understood, is that. */
export function parseClientFirst(words: string): ClientFirst | undefined {
  const match = matchOf(CLIENT_FIRST, words);
  if (match === undefined) return undefined;
  const [, header = "", kind, bare = "", nonce = ""] = match;
  return nonce.length > NONCE_LENGTH_MAX ? undefined : { header, kind, bare, nonce };
}

export interface ServerFirst {
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

export function parseServerFirst(words: string): ServerFirst | undefined {
  const match = matchOf(SERVER_FIRST, words);
  if (match === undefined) return undefined;
  const [, nonce = "", encoded = "", iterations] = match;
  const salt = fromBase64(encoded);
  if (salt === undefined || salt.length > SALT_BYTES_MAX || nonce.length > 2 * NONCE_LENGTH_MAX) return undefined;
  return { nonce, salt, iterations: Number(iterations) };
}

export interface ClientFinal {
  readonly withoutProof: string;
  readonly binding: string;
  readonly nonce: string;
  readonly proof: Uint8Array;
}

export function parseClientFinal(words: string): ClientFinal | undefined {
  const match = matchOf(CLIENT_FINAL, words);
  if (match === undefined) return undefined;
  const [, withoutProof = "", binding = "", nonce = "", encoded = ""] = match;
  const proof = fromBase64(encoded);
  return proof?.length === KEY_BYTES ? { withoutProof, binding, nonce, proof } : undefined;
}

/** The server's signature. */
export function parseServerFinal(words: string): Uint8Array | undefined {
  const match = matchOf(SERVER_FINAL, words);
  const signature = match === undefined ? undefined : fromBase64(match[1] ?? "");
  return signature?.length === KEY_BYTES ? signature : undefined;
}

function matchOf(form: RegExp, words: string): RegExpExecArray | undefined {
  return words.length > WORDS_LENGTH_MAX ? undefined : (form.exec(words) ?? undefined);
}
