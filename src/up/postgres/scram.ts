/**
 * The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), by which we log in to our own Postgres and make sure that it
 * is ours: a stranger who took its port cannot answer with the right signature, and learns nothing of the password.
 * Not for the data path (`proxy/pg` has its own), no channel binding, and ASCII passwords only.
 */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";

/** Postgres' default is 4096; a stranger must not make us compute for minutes. */
const ITERATIONS_MAX = 100_000;
const SALT_BYTES_MAX = 1_024;
const NONCE_LENGTH_MAX = 256;
/** "n": no channel binding, no other identity; "biws" is that in base64. */
const GS2_HEADER = "n,,";

export class ScramFault extends Error {
  override readonly name = "ScramFault";
}

export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #firstBare: string;
  #signature: Uint8Array | undefined;

  /**
   * `user` without comma or equals sign; Postgres takes it from the startup message and wants it empty here.
   * `nonce`: random printable text without a comma, never used twice.
   */
  constructor(user: string, password: string, nonce: string) {
    this.#password = password;
    this.#nonce = nonce;
    this.#firstBare = `n=${user},r=${nonce}`;
  }

  first(): string {
    return GS2_HEADER + this.#firstBare;
  }

  /** Answers the server's first message. Throws ScramFault when it is not one. */
  final(serverFirst: string): string {
    const fields = fieldsOf(serverFirst);
    const nonce = fields.get("r") ?? "";
    const salt = Buffer.from(fields.get("s") ?? "", "base64");
    const iterations = Number(fields.get("i"));
    if (!nonce.startsWith(this.#nonce) || nonce.length <= this.#nonce.length || nonce.length > NONCE_LENGTH_MAX) {
      throw new ScramFault("Cannot log in: the server's nonce does not continue ours");
    }
    if (salt.length === 0 || salt.length > SALT_BYTES_MAX) throw new ScramFault("Cannot log in: the salt is unusable");
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > ITERATIONS_MAX) {
      throw new ScramFault(`Cannot log in: ${fields.get("i")} iterations, wanted 1 to ${ITERATIONS_MAX}`);
    }
    const salted = pbkdf2Sync(this.#password, salt, iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString("base64")},r=${nonce}`;
    const message = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const proof = hmac(createHash("sha256").update(clientKey).digest(), message);
    for (let i = 0; i < proof.length; i++) proof[i] = (proof[i] ?? 0) ^ (clientKey[i] ?? 0);
    this.#signature = hmac(hmac(salted, "Server Key"), message);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /** Throws ScramFault unless the server has proved that it knows the password. */
  verify(serverFinal: string): void {
    const stated = Buffer.from(fieldsOf(serverFinal).get("v") ?? "", "base64");
    const wanted = this.#signature;
    if (wanted === undefined || stated.length !== wanted.length || !timingSafeEqual(stated, wanted)) {
      throw new ScramFault("Cannot log in: the server does not know the password, so it is not ours");
    }
  }
}

/** `a=…,b=…` */
function fieldsOf(message: string): ReadonlyMap<string, string> {
  return new Map(message.split(",").map((field) => [field.slice(0, 1), field.slice(2)]));
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
