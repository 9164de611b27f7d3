/**
 * The runtime's digests behind `Digest` (proxy/base/digest.ts). No algorithm is written here.
 * RFC 1321 (MD5), RFC 6234 (SHA-256), RFC 2104 (HMAC), RFC 8018 section 5.2 (PBKDF2).
 */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import type { Digest } from "../../proxy/base/digest.ts";

const SHA256_BYTES = 32;

export const digest: Digest = {
  md5: (bytes) => own(createHash("md5").update(bytes).digest()),
  sha256: (bytes) => own(createHash("sha256").update(bytes).digest()),
  hmacSha256: (key, bytes) => own(createHmac("sha256", key).update(bytes).digest()),
  pbkdf2Sha256: (password, salt, iterations) => own(pbkdf2Sync(password, salt, iterations, SHA256_BYTES, "sha256")),
};

/** A plain array of its own memory: a `Buffer` may be a view into a pool, and behaves differently in `slice`. */
function own(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
