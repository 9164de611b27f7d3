/**
 * One login to a Postgres server: from the open wire over TLS, start-up packet and proof to the first ReadyForQuery. It is
 * the first user of its link. It decides neither when to log in nor what follows a failure: that is `link-places.ts`.
 *
 * Invariants: no byte in the clear passes for one under TLS; a password is shown only on a private wire; a server that
 * speaks SCRAM must prove itself before it is believed; whatever it says, the outcome is told exactly once.
 * Spec: PostgreSQL documentation, "Message Flow", "Start-up" and "SSL Session Encryption"; protocol 3.0.
 */
import { assert } from "../base/assert.ts";
import type { Digest } from "../base/digest.ts";
import { Fault, faultOf } from "../base/fault.ts";
import { State, type Edges } from "../base/state.ts";
import { BackendKeyData, readReady, STATUS } from "../pg/backend.ts";
import { BEGIN, MORE, END, NOTHING } from "../pg/framer.ts";
import { Notice } from "../pg/notice.ts";
import { readEncryptionAnswer, writeSslRequest, writeStartup } from "../pg/startup.ts";
import { BACKEND, tagName } from "../pg/tag.ts";
import { Writer } from "../pg/writer.ts";
import { hearIdle, noteParameter } from "./idle-link.ts";
import type { Link, LinkUser } from "./link.ts";
import { LoginProof } from "./login-proof.ts";
import type { ServerLogin } from "./server-login.ts";
import { refusedLogin } from "./server-refusal.ts";
import type { ServerTarget } from "./server-target.ts";

export interface LoginOptions {
  readonly link: Link;
  readonly target: ServerTarget;
  readonly login: ServerLogin;
  /** Start-up parameters beside user and database. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly digest: Digest;
  readonly outcome: LoginOutcome;
}

export interface LoginOutcome {
  /** A backend is about to be born for this link: it may outlive our wire from now on. */
  announced(link: Link): void;
  /** `link.cancelKey` is known. */
  keyed(link: Link): void;
  /** The link is in its steady phase, idle, with all that came in read; it has no user any more. */
  succeeded(link: Link): void;
  /** The link has no user any more, and must be closed if it is not gone. */
  failed(link: Link, fault: Fault): void;
}

const EDGES = {
  dialling: ["asking", "proving", "over"],
  asking: ["securing", "proving", "over"],
  securing: ["proving", "over"],
  proving: ["settling", "over"],
  settling: ["over"],
  over: [],
} as const satisfies Edges<"dialling" | "asking" | "securing" | "proving" | "settling" | "over">;

const WORDS_BYTES_MAX = 32_768;
const PROTOCOL_MINOR = 0;
const writer = new Writer(WORDS_BYTES_MAX);
const keyData = new BackendKeyData();
const notice = new Notice();

export class Login implements LinkUser {
  readonly #options: LoginOptions;
  readonly #state = new State<keyof typeof EDGES>(EDGES, "dialling");
  readonly #proof: LoginProof;
  #isReady = false;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.#proof = new LoginProof(options.login, options.digest);
  }

  /** The owner waits no longer. Harmless when it is over. */
  expire(afterMs: number): void {
    this.#fail(new Fault("SERVER_DIAL_SLOW", `Cannot log in: not done after ${afterMs} ms (${this.#state.now})`));
  }

  drained(link: Link): void {
    this.#guarded(() => {
      if (this.#state.is("dialling")) this.#begin(link);
      else if (this.#state.is("securing")) this.#introduce(link);
    });
  }

  received(link: Link, bytes: Uint8Array, start: number, end: number): void {
    this.#guarded(() => {
      if (this.#state.is("asking")) return this.#answered(link, bytes, start, end);
      if (this.#state.is("over")) return;
      link.framer.feed(bytes, start, end);
      this.#read(link);
    });
    if (this.#isReady) this.#succeed(link);
  }

  ended(_link: Link, fault: Fault): void {
    const early = fault.code === "SERVER_GONE";
    this.#fail(early ? new Fault("SERVER_UNREACHABLE", "Cannot log in: the server closed", { cause: fault }) : fault);
  }

  #begin(link: Link): void {
    if (this.#options.target.tls.wish === "never") return this.#introduce(link);
    this.#state.go("asking");
    writer.clear();
    writeSslRequest(writer);
    this.#say(link);
  }

  #answered(link: Link, bytes: Uint8Array, start: number, end: number): void {
    const { tls } = this.#options.target;
    assert(tls.wish !== "never", "Cannot hear an answer to a wish for TLS: there was none");
    const answer = readEncryptionAnswer({ bytes, start, end }, "ssl");
    if (end - start > 1) throw new Fault("SERVER_PROTOCOL", "Cannot log in: the server says more than was asked");
    if (answer === "granted") {
      this.#state.go("securing");
      link.wire.startTls(tls.context, "client");
      return;
    }
    if (tls.wish === "must")
      throw new Fault("SERVER_LOGIN", "Cannot log in: the server speaks no TLS, and it is required");
    this.#introduce(link);
  }

  #introduce(link: Link): void {
    const { login, target, parameters } = this.#options;
    this.#state.go("proving");
    writer.clear();
    const start = new Map([...parameters, ["user", login.user], ["database", target.database]]);
    writeStartup(writer, PROTOCOL_MINOR, start);
    this.#options.outcome.announced(link);
    this.#say(link);
  }

  #read(link: Link): void {
    const { framer } = link;
    while (!this.#isReady) {
      const shown = framer.next();
      if (shown === NOTHING) return;
      if (shown !== MORE && shown !== END) this.#hear(link, shown === BEGIN);
    }
    framer.enter("steady");
    hearIdle(link);
  }

  #hear(link: Link, isCut: boolean): void {
    const { framer } = link;
    if (framer.tag === BACKEND.error) throw refusedLogin(notice.readHead(framer));
    if (framer.tag === BACKEND.notice) return;
    if (isCut) throw new Fault("SERVER_PROTOCOL", `Cannot log in: "${tagName("backend", framer.tag)}" is too long`);
    if (this.#state.is("proving")) {
      if (framer.tag !== BACKEND.authentication) this.#unwanted(framer.tag);
      return this.#prove(link);
    }
    if (framer.tag === BACKEND.parameterStatus) return noteParameter(link);
    if (framer.tag === BACKEND.backendKeyData) return this.#keepKey(link);
    if (framer.tag !== BACKEND.ready) this.#unwanted(framer.tag);
    if (readReady(framer) !== STATUS.idle)
      throw new Fault("SERVER_PROTOCOL", "Cannot log in: the session begins inside of a transaction");
    this.#isReady = true;
  }

  #prove(link: Link): void {
    writer.clear();
    this.#proof.answer(link.framer, link.wire, writer);
    if (this.#proof.isBelieved) this.#state.go("settling");
    else if (writer.length > 0) this.#say(link);
  }

  #keepKey(link: Link): void {
    const { processId, keyStart, keyEnd } = keyData.read(link.framer);
    link.cancelKey = { processId, secret: link.framer.bytes.slice(keyStart, keyEnd) };
    this.#options.outcome.keyed(link);
  }

  #say(link: Link): void {
    const sent = link.send(writer.bytes, writer.start, writer.end);
    if (sent === "full") throw new Fault("OVERLOADED", "Cannot log in: the budget for bytes is used up");
    // What is "gone" will be told by `ended`, and what waits is sent before anything else is.
  }

  #unwanted(tag: number): never {
    throw new Fault(
      "SERVER_PROTOCOL",
      `Cannot log in: "${tagName("backend", tag)}" is not awaited while ${this.#state.now}`,
    );
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#fail(faultOf(thrown));
    }
  }

  #succeed(link: Link): void {
    this.#state.go("over");
    link.user = undefined;
    this.#options.outcome.succeeded(link);
  }

  #fail(fault: Fault): void {
    if (this.#state.is("over")) return;
    this.#isReady = false;
    this.#state.go("over");
    const { link, outcome } = this.#options;
    link.user = undefined;
    outcome.failed(link, fault);
  }
}
