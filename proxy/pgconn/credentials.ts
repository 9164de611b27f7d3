/**
 * What a client must show to be let in, by what is stored of a user: nothing (trusted), an answer to an MD5 salt, or SCRAM.
 * It knows no messages (`proof.ts` says them) and decides nobody's rights.
 * Invariant: a user who does not exist is asked in the same manner, and with the same words every time, as one who does.
 */
import { readUint32 } from "../base/bytes.ts";
import type { Digest } from "../base/digest.ts";
import { isMd5Secret } from "../pg/md5.ts";
import { deriveKeys, mockVerifier, parseVerifier, verifierOf, type ScramVerifier } from "../pg/scram.ts";

export type Demand =
  | { readonly how: "nothing" }
  | { readonly how: "md5"; readonly secret: string }
  | { readonly how: "scram"; readonly verifier: ScramVerifier };

/** What Postgres takes, so that a client cannot tell which of the two it speaks to. */
const ITERATIONS = 4_096;
/** More users than this are met with a verifier of their own each time. */
const VERIFIERS_MAX = 4_096;
const UTF8 = new TextEncoder();

export class Credentials {
  readonly #digest: Digest;
  readonly #mockSecret: Uint8Array;
  /** Of passwords in the clear; the rounds are paid once. By password and user, so that a reload keeps what still holds. */
  readonly #verifiers = new Map<string, ScramVerifier>();

  /** `mockSecret` is the same in every worker, and nobody else knows it. */
  constructor(digest: Digest, mockSecret: Uint8Array) {
    this.#digest = digest;
    this.#mockSecret = mockSecret;
  }

  /**
   * `stored` is a password in the clear, or what pg_authid holds of it. Undefined is a user who does not exist: the
   * answer is a demand that nobody meets, of a kind that `others` have.
   */
  demandOf(user: string, stored: string | undefined, others: readonly string[] = []): Demand {
    if (stored === undefined) return this.#mockOf(user, others);
    if (isMd5Secret(stored)) return { how: "md5", secret: stored };
    return { how: "scram", verifier: parseVerifier(stored) ?? this.#verifierOf(user, stored) };
  }

  #verifierOf(user: string, password: string): ScramVerifier {
    const key = `${user}\0${password}`;
    const known = this.#verifiers.get(key);
    if (known !== undefined) return known;
    const { salt } = mockVerifier(this.#digest, this.#mockSecret, { user, iterations: ITERATIONS });
    const made = verifierOf(this.#digest, deriveKeys(this.#digest, password, { salt, iterations: ITERATIONS }));
    if (this.#verifiers.size < VERIFIERS_MAX) this.#verifiers.set(key, made);
    return made;
  }

  #mockOf(user: string, others: readonly string[]): Demand {
    const draw = this.#digest.hmacSha256(this.#mockSecret, UTF8.encode(`kind:${user}`));
    const like = others[readUint32(draw, 0, draw.length) % Math.max(1, others.length)];
    if (like !== undefined && isMd5Secret(like)) return { how: "md5", secret: this.#mockMd5(user) };
    const iterations = (like === undefined ? undefined : parseVerifier(like)?.iterations) ?? ITERATIONS;
    return { how: "scram", verifier: mockVerifier(this.#digest, this.#mockSecret, { user, iterations }) };
  }

  #mockMd5(user: string): string {
    return `md5${this.#digest
      .hmacSha256(this.#mockSecret, UTF8.encode(`md5:${user}`))
      .toHex()
      .slice(0, 32)}`;
  }
}
