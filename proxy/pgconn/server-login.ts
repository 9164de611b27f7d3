/**
 * As whom we log in to a server, and by what: one for each user of a target. It keeps the SCRAM keys that a login has
 * shown to be good, so that the rounds behind a password are computed once.
 * Invariant: the secret never leaves this object but as an answer to the server's own question.
 */
import type { Digest } from "../base/digest.ts";
import type { Rng } from "../base/rng.ts";
import { Fault } from "../base/fault.ts";
import { isMd5Secret, md5Answer, md5Secret } from "../pg/md5.ts";
import { makeNonce, type ScramKeys } from "../pg/scram.ts";
import { ScramClient } from "../pg/scram-client.ts";

/** A password in the clear, or `md5…` as pg_authid holds it; or what a client's own SCRAM login has shown us. */
export type ServerSecret = string | ScramKeys;

/** More would keep this process from its other work for longer than a tenth of a second. */
const ITERATIONS_MAX = 200_000;

export interface ServerLoginOptions {
  readonly user: string;
  /** Absent: the server must trust us. */
  readonly secret?: ServerSecret | undefined;
  readonly digest: Digest;
  readonly rng: Rng;
  /** Start-up parameters of every link, beside user and database. */
  readonly parameters?: ReadonlyMap<string, string>;
}

export class ServerLogin {
  readonly user: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly #secret: ServerSecret | undefined;
  readonly #digest: Digest;
  readonly #rng: Rng;
  #known: ScramKeys | undefined;

  constructor({ user, secret, digest, rng, parameters = new Map() }: ServerLoginOptions) {
    this.user = user;
    this.parameters = parameters;
    this.#secret = secret;
    this.#digest = digest;
    this.#rng = rng;
  }

  /** Throws Fault SERVER_LOGIN when the password is not known, or would be shown to who listens. */
  cleartext(isPrivate: boolean): string {
    const secret = this.#needed();
    if (typeof secret !== "string" || isMd5Secret(secret))
      refuse("the server wants the password, which is not known here");
    if (!isPrivate) refuse("the server wants the password in the clear, on a wire that is not encrypted");
    return secret;
  }

  md5(salt: Uint8Array): string {
    const secret = this.#needed();
    if (typeof secret !== "string") refuse("the server wants an MD5 proof, and the password is not known here");
    const stored = isMd5Secret(secret) ? secret : md5Secret(this.#digest, this.user, secret);
    return md5Answer(this.#digest, stored, salt);
  }

  /** `binding` is there over TLS, where the certificate has one. */
  scram(mechanisms: readonly string[], binding: Uint8Array | undefined): ScramClient {
    const secret = this.#needed();
    if (typeof secret === "string" && isMd5Secret(secret))
      refuse("the server wants SCRAM, and only an MD5 secret is known");
    return new ScramClient({
      digest: this.#digest,
      nonce: makeNonce(this.#rng),
      secret: typeof secret === "string" ? { password: secret, known: this.#known } : secret,
      mechanisms,
      iterationsMax: ITERATIONS_MAX,
      ...(binding === undefined ? {} : { binding }),
    });
  }

  /** The server took them, and has shown that it knows them too. */
  keep(keys: ScramKeys | undefined): void {
    if (keys !== undefined) this.#known = keys;
  }

  #needed(): ServerSecret {
    return this.#secret ?? refuse("the server wants a password, and none is configured");
  }
}

function refuse(what: string): never {
  throw new Fault("SERVER_LOGIN", `Cannot log in: ${what}`);
}
