/**
 * The server's side of SCRAM-SHA-256: how a client logs in to us, by a stored verifier. Words in, words out; the messages
 * around them are not known here.
 * Invariants: one challenge has one answer, right or wrong; a client that could bind to the channel is not talked out of
 * it; an unknown user with a mock verifier is told nothing else than a wrong password is. A failed conversation cannot go on.
 * Spec: RFC 5802 sections 5 to 7, RFC 7677; channel binding: RFC 5929 section 4.
 */
import { equalSecret } from "../base/bytes.ts";
import type { Digest } from "../base/digest.ts";
import { Fault } from "../base/fault.ts";
import { State, type Edges } from "../base/state.ts";
import {
  BINDING_KIND,
  bindingWords,
  exclusiveOr,
  parseClientFinal,
  parseClientFirst,
  SCRAM,
  SCRAM_PLUS,
  sign,
  type ClientFirst,
  type ScramKeys,
  type ScramVerifier,
} from "./scram.ts";

export interface ScramServerOptions {
  readonly digest: Digest;
  /** From `makeNonce`, and never used before. */
  readonly nonce: string;
  readonly verifier: ScramVerifier;
  /** Over TLS: the hash of our certificate as RFC 5929 wants it. Then binding is offered. */
  readonly binding?: Uint8Array;
}

const EDGES = {
  new: ["challenged", "failed"],
  challenged: ["verified", "failed"],
  verified: [],
  failed: [],
} as const satisfies Edges<"new" | "challenged" | "verified" | "failed">;

export class ScramServer {
  /** To be offered, best first. */
  readonly mechanisms: readonly string[];
  readonly #options: ScramServerOptions;
  readonly #state = new State<keyof typeof EDGES>(EDGES, "new");
  #nonce = "";
  /** What the client's last words must repeat of its first, with the binding. */
  #bound = "";
  /** Both first words, as they will be signed. */
  #firsts = "";
  #keys: ScramKeys | undefined;

  constructor(options: ScramServerOptions) {
    this.#options = options;
    this.mechanisms = options.binding === undefined ? [SCRAM] : [SCRAM_PLUS, SCRAM];
  }

  /** Of a client that is verified: by them we can log in elsewhere as this user, where salt and iterations are the same. */
  get keys(): ScramKeys | undefined {
    return this.#keys;
  }

  /** Answers a client's first words. Throws Fault CLIENT_PROTOCOL or CLIENT_LOGIN. */
  challenge(mechanism: string, clientFirst: string): string {
    const { verifier, binding, nonce } = this.#options;
    if (!this.mechanisms.includes(mechanism)) this.#fail("CLIENT_PROTOCOL", "the client takes a mechanism not offered");
    const words = parseClientFirst(clientFirst);
    if (words === undefined) this.#fail("CLIENT_PROTOCOL", "the client's first words have another form");
    this.#checkBinding(mechanism, words);
    this.#bound = bindingWords(words.header, mechanism === SCRAM_PLUS ? binding : undefined);
    this.#nonce = words.nonce + nonce;
    const serverFirst = `r=${this.#nonce},s=${verifier.salt.toBase64()},i=${verifier.iterations}`;
    this.#firsts = `${words.bare},${serverFirst}`;
    this.#state.go("challenged");
    return serverFirst;
  }

  /** Answers a client's last words. Throws Fault CLIENT_LOGIN for a wrong password, CLIENT_PROTOCOL for bad words. */
  finish(clientFinal: string): string {
    const { digest, verifier } = this.#options;
    const words = parseClientFinal(clientFinal);
    if (words === undefined) this.#fail("CLIENT_PROTOCOL", "the client's last words have another form");
    if (words.nonce !== this.#nonce) this.#fail("CLIENT_PROTOCOL", "the client repeats another nonce");
    if (words.binding !== this.#bound) this.#fail("CLIENT_LOGIN", "the client is bound to another channel");
    const all = `${this.#firsts},${words.withoutProof}`;
    const clientKey = exclusiveOr(words.proof, sign(digest, verifier.storedKey, all));
    if (!equalSecret(digest.sha256(clientKey), verifier.storedKey)) {
      this.#fail("CLIENT_LOGIN", "the client does not know the password");
    }
    this.#state.go("verified");
    this.#keys = { iterations: verifier.iterations, salt: verifier.salt, clientKey, serverKey: verifier.serverKey };
    return `v=${sign(digest, verifier.serverKey, all).toBase64()}`;
  }

  #checkBinding(mechanism: string, { header, kind }: ClientFirst): void {
    const binds = mechanism === SCRAM_PLUS;
    if (binds !== (kind !== undefined))
      this.#fail("CLIENT_PROTOCOL", "the mechanism and the words disagree on binding");
    if (binds && kind !== BINDING_KIND) this.#fail("CLIENT_PROTOCOL", `the client binds by other than ${BINDING_KIND}`);
    // "y" says: I could bind, but you do not. We do, so somebody in between has taken it out of our offer.
    if (header.startsWith("y") && this.#options.binding !== undefined) {
      this.#fail("CLIENT_LOGIN", "the client was not shown that channel binding is offered");
    }
  }

  #fail(code: "CLIENT_PROTOCOL" | "CLIENT_LOGIN", what: string): never {
    this.#state.go("failed");
    throw new Fault(code, `Cannot log the client in: ${what}`);
  }
}
