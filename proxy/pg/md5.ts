/**
 * The login by MD5, which Postgres still knows and which is not safe against who has seen a stored secret. The digest is
 * handed in. Spec: PostgreSQL documentation, "AuthenticationMD5Password"; the stored form is "md5" and 32 hex digits of
 * md5(password ‖ user).
 */
import { equalSecret } from "../base/bytes.ts";
import type { Digest } from "../base/digest.ts";

const PREFIX = "md5";
const STORED = /^md5[0-9a-f]{32}$/;
const UTF8 = new TextEncoder();

export function isMd5Secret(stored: string): boolean {
  return STORED.test(stored);
}

/** What a server stores for a user. */
export function md5Secret(digest: Digest, user: string, password: string): string {
  return PREFIX + digest.md5(UTF8.encode(password + user)).toHex();
}

/** What a client answers to a salt. */
export function md5Answer(digest: Digest, stored: string, salt: Uint8Array): string {
  const hex = UTF8.encode(stored.slice(PREFIX.length));
  const salted = new Uint8Array(hex.length + salt.length);
  salted.set(hex);
  salted.set(salt, hex.length);
  return PREFIX + digest.md5(salted).toHex();
}

/** Whether a client's answer fits; in a time that tells nothing of where it does not. */
export function isMd5Answer(digest: Digest, stored: string, salt: Uint8Array, answer: string): boolean {
  return equalSecret(UTF8.encode(md5Answer(digest, stored, salt)), UTF8.encode(answer));
}
