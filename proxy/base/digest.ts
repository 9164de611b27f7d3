/** Message digests, handed in: `proxy` is pure and the algorithms are the runtime's (`src/run/digest.ts`). */
export interface Digest {
  /** 16 bytes. */
  md5(bytes: Uint8Array): Uint8Array;
  /** 32 bytes. */
  sha256(bytes: Uint8Array): Uint8Array;
  /** 32 bytes. */
  hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array;
  /** RFC 8018 section 5.2 with HMAC-SHA-256; 32 bytes. Slow by design: never on the path of one message. */
  pbkdf2Sha256(password: Uint8Array, salt: Uint8Array, iterations: number): Uint8Array;
}
