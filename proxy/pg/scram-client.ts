/**
 * The client's side of SCRAM-SHA-256: how we log in to a server, and make sure that it knows the password too. Words in,
 * words out; the messages around them are not known here.
 * Invariants: a server never makes us compute more than `iterationsMax` rounds; nothing of the password leaves but its
 * proof; a server that has not signed the whole exchange is a Fault. A failed conversation cannot go on.
 * Spec: RFC 5802 sections 5 to 7, RFC 7677; channel binding: RFC 5929 section 4.
 */
import { equal, equalSecret } from "../base/bytes.ts";
import type { Digest } from "../base/digest.ts";
import { Fault } from "../base/fault.ts";
import { State, type Edges } from "../base/state.ts";
import {
  BINDING_KIND,
  bindingWords,
  deriveKeys,
  exclusiveOr,
  parseServerFinal,
  parseServerFirst,
  SCRAM,
  SCRAM_PLUS,
  sign,
  type ScramKeys,
  type ServerFirst,
} from "./scram.ts";

export interface ScramClientOptions {
  readonly digest: Digest;
  /** From `makeNonce`, and never used before. */
  readonly nonce: string;
  /** Keys save the rounds, and fit only where the server has the same salt and iterations: those `known` may be old. */
  readonly secret: { readonly password: string; readonly known?: ScramKeys | undefined } | ScramKeys;
  /** What the server offers. */
  readonly mechanisms: readonly string[];
  readonly iterationsMax: number;
  /** Over TLS: the hash of the server's certificate as RFC 5929 wants it. */
  readonly binding?: Uint8Array;
}

const EDGES = {
  new: ["asked"],
  asked: ["proved", "failed"],
  proved: ["verified", "failed"],
  verified: [],
  failed: [],
} as const satisfies Edges<"new" | "asked" | "proved" | "verified" | "failed">;

export class ScramClient {
  /** To be named in the SASLInitialResponse: with binding if both sides can. */
  readonly mechanism: string;
  readonly #options: ScramClientOptions;
  readonly #header: string;
  readonly #state = new State<keyof typeof EDGES>(EDGES, "new");
  #keys: ScramKeys | undefined;
  #signature: Uint8Array | undefined;

  /** Throws Fault SERVER_LOGIN when the server offers nothing that we know. */
  constructor(options: ScramClientOptions) {
    const { mechanisms, binding } = options;
    const binds = binding !== undefined && mechanisms.includes(SCRAM_PLUS);
    if (!binds && !mechanisms.includes(SCRAM)) {
      throw new Fault("SERVER_LOGIN", `Cannot log in: the server offers no ${SCRAM}`);
    }
    this.mechanism = binds ? SCRAM_PLUS : SCRAM;
    this.#header = binds ? `p=${BINDING_KIND},,` : binding === undefined ? "n,," : "y,,";
    this.#options = options;
  }

  /** Of a login that has succeeded: kept by the owner, they save the rounds of the next. */
  get keys(): ScramKeys | undefined {
    return this.#state.is("verified") ? this.#keys : undefined;
  }

  first(): string {
    this.#state.go("asked");
    return this.#header + this.#firstBare;
  }

  /** Answers the server's first words. Throws Fault SERVER_PROTOCOL or SERVER_LOGIN. */
  final(serverFirst: string): string {
    const { digest, binding } = this.#options;
    const words = parseServerFirst(serverFirst);
    if (words === undefined) this.#fail("SERVER_PROTOCOL", "the server's first words have another form");
    const keys = (this.#keys = this.#keysFor(words));
    const bound = bindingWords(this.#header, this.mechanism === SCRAM_PLUS ? binding : undefined);
    const withoutProof = `c=${bound},r=${words.nonce}`;
    const all = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const proof = exclusiveOr(keys.clientKey, sign(digest, digest.sha256(keys.clientKey), all));
    this.#signature = sign(digest, keys.serverKey, all);
    this.#state.go("proved");
    return `${withoutProof},p=${proof.toBase64()}`;
  }

  /** Throws Fault SERVER_LOGIN unless the server has proved that it knows the password. */
  verify(serverFinal: string): void {
    const stated = parseServerFinal(serverFinal);
    const wanted = this.#signature;
    if (stated === undefined) this.#fail("SERVER_LOGIN", "the server's last words hold no signature");
    if (wanted === undefined || !equalSecret(stated, wanted)) {
      this.#fail("SERVER_LOGIN", "the server has not proved that it knows the password");
    }
    this.#state.go("verified");
  }

  /** Postgres takes the user from the start-up message, and wants none here. */
  get #firstBare(): string {
    return `n=,r=${this.#options.nonce}`;
  }

  #keysFor(words: ServerFirst): ScramKeys {
    const { digest, secret, iterationsMax, nonce: ours } = this.#options;
    const { nonce, iterations } = words;
    if (!nonce.startsWith(ours) || nonce.length === ours.length) {
      this.#fail("SERVER_PROTOCOL", "the server's nonce does not continue ours");
    }
    if (iterations > iterationsMax) {
      this.#fail("SERVER_LOGIN", `the server wants ${iterations} iterations, wanted at most ${iterationsMax}`);
    }
    if ("password" in secret) {
      return fits(secret.known, words) ? secret.known : deriveKeys(digest, secret.password, words);
    }
    if (!fits(secret, words)) {
      this.#fail("SERVER_LOGIN", "the server has another salt or other iterations than our keys");
    }
    return secret;
  }

  #fail(code: "SERVER_PROTOCOL" | "SERVER_LOGIN", what: string): never {
    this.#state.go("failed");
    throw new Fault(code, `Cannot log in: ${what}`);
  }
}

function fits(keys: ScramKeys | undefined, { salt, iterations }: ServerFirst): keys is ScramKeys {
  return keys !== undefined && iterations === keys.iterations && equal(salt, keys.salt);
}
