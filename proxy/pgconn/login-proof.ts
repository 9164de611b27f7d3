/**
 * How we show a server who we are: its questions in, our answers out. One login has one question, in one of Postgres' ways.
 * Invariants: a password is shown only on a private wire, and only to a server that asks for it first; a server that has
 * begun SCRAM is believed only when it has proved that it knows the password too.
 * Spec: PostgreSQL documentation, "Message Flow", "Start-up" and "SASL Authentication".
 */
import type { Digest } from "../base/digest.ts";
import { Fault } from "../base/fault.ts";
import { State, type Edges } from "../base/state.ts";
import type { Wire } from "../net/wire.ts";
import { Authentication, AUTHENTICATION, readMechanisms, serverText } from "../pg/backend.ts";
import type { Part } from "../pg/framer.ts";
import { writePassword, writeSaslAnswer, writeSaslInitial } from "../pg/frontend-writer.ts";
import type { ScramClient } from "../pg/scram-client.ts";
import type { Writer } from "../pg/writer.ts";
import { channelBinding } from "./channel-binding.ts";
import type { ServerLogin } from "./server-login.ts";

const EDGES = {
  new: ["shown", "bound", "believed"],
  shown: ["believed"],
  bound: ["proved"],
  proved: ["verified"],
  verified: ["believed"],
  believed: [],
} as const satisfies Edges<"new" | "shown" | "bound" | "proved" | "verified" | "believed">;

type Step = keyof typeof EDGES;

const authentication = new Authentication();

export class LoginProof {
  readonly #login: ServerLogin;
  readonly #digest: Digest;
  readonly #state = new State<Step>(EDGES, "new");
  #scram: ScramClient | undefined;

  constructor(login: ServerLogin, digest: Digest) {
    this.#login = login;
    this.#digest = digest;
  }

  /** The server asks for no more. */
  get isBelieved(): boolean {
    return this.#state.is("believed");
  }

  /** Writes what is to be said to the request that `frame` is, which may be nothing. Throws Fault. */
  answer(frame: Part, wire: Wire, writer: Writer): void {
    const { request, dataStart, dataEnd } = authentication.read(frame);
    switch (request) {
      case AUTHENTICATION.ok:
        return this.#believe();
      case AUTHENTICATION.cleartext:
        this.#step("shown");
        return writePassword(writer, this.#login.cleartext(isPrivate(wire)));
      case AUTHENTICATION.md5:
        this.#step("shown");
        return writePassword(writer, this.#login.md5(frame.bytes.slice(dataStart, dataEnd)));
      case AUTHENTICATION.sasl:
        return this.#bind(readMechanisms(frame), wire, writer);
      case AUTHENTICATION.saslContinue:
        this.#step("proved");
        return writeSaslAnswer(writer, this.#underWay.final(serverText(frame.bytes, dataStart, dataEnd)));
      case AUTHENTICATION.saslFinal:
        this.#step("verified");
        return this.#underWay.verify(serverText(frame.bytes, dataStart, dataEnd));
      default:
        throw new Fault(
          "SERVER_LOGIN",
          `Cannot log in: the server wants a proof of kind ${request}, which is not spoken`,
        );
    }
  }

  #bind(mechanisms: readonly string[], wire: Wire, writer: Writer): void {
    this.#step("bound");
    const scram = this.#login.scram(mechanisms, channelBinding(this.#digest, wire.tls?.peerCertificate));
    this.#scram = scram;
    writeSaslInitial(writer, scram.mechanism, scram.first());
  }

  #believe(): void {
    if (this.#state.is("bound") || this.#state.is("proved")) {
      throw new Fault("SERVER_LOGIN", "Cannot log in: the server has not proved that it knows the password");
    }
    this.#step("believed");
    this.#login.keep(this.#scram?.keys);
  }

  #step(to: Step): void {
    if (!this.#state.can(to)) {
      throw new Fault("SERVER_PROTOCOL", `Cannot log in: the server's question does not follow "${this.#state.now}"`);
    }
    this.#state.go(to);
  }

  get #underWay(): ScramClient {
    if (this.#scram === undefined)
      throw new Fault("SERVER_PROTOCOL", "Cannot log in: the server answers what was not said");
    return this.#scram;
  }
}

/** Whether nobody listens: the kernel's own pipe, or TLS. */
function isPrivate(wire: Wire): boolean {
  return wire.tls !== undefined || wire.remote.path !== undefined;
}
