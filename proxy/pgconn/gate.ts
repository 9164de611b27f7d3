/**
 * A client from accept to its first ReadyForQuery: wishes for encryption, the start-up packet, the login, or a request to
 * cancel. Behind the gate another conversation takes the wire over. What users, databases and keys there are is the
 * gatehouse's business.
 * Invariants: nothing that came in clear text passes for what came under TLS; nobody learns before the login whether a user
 * or a database exists; a peer that says nothing holds no memory but this, and not beyond its deadline (the gatehouse's).
 * Spec: PostgreSQL documentation, "Start-up" and "SSL Session Encryption".
 */
import type { Budget } from "../base/byte-queue.ts";
import type { Digest } from "../base/digest.ts";
import { Fault, faultOf } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import { State, type Edges } from "../base/state.ts";
import { Spill } from "../net/spill.ts";
import type { TlsContext, Wire, WireEvents } from "../net/wire.ts";
import {
  writeAuthenticationOk,
  writeBackendKeyData,
  writeErrorResponse,
  writeNegotiation,
  writeParameterStatus,
  writeReady,
} from "../pg/backend-writer.ts";
import { STATUS } from "../pg/backend.ts";
import { wordsOf } from "../pg/faults.ts";
import { Framer, NOTHING } from "../pg/framer.ts";
import type { NoticeWords } from "../pg/notice.ts";
import type { ScramKeys } from "../pg/scram.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { ENCRYPTION_GRANTED, ENCRYPTION_REFUSED, negotiationFor, readOpening, type Startup } from "../pg/startup.ts";
import { FRONTEND } from "../pg/tag.ts";
import type { Writer } from "../pg/writer.ts";
import type { Demand } from "./credentials.ts";
import { proofOf, type Proof } from "./proof.ts";

/** A client that has shown who it is. */
export interface Newcomer {
  readonly user: string;
  /** libpq's rule: the user's name when the client names none. */
  readonly database: string;
  readonly startup: Startup;
  /** Whether it had to show something; not where it is trusted. */
  readonly proven: boolean;
  /** By them we can log in elsewhere as this user. */
  readonly keys: ScramKeys | undefined;
}

/** What a client is told when it is let in, and who speaks with it from then on. */
export interface Welcome {
  readonly parameters: Iterable<readonly [string, string]>;
  readonly processId: number;
  readonly key: Uint8Array;
  /** Called once, when the client has been told all of it. */
  begin(wire: Wire): WireEvents;
  /** Called instead, when the client is gone before it has heard. */
  abandoned(): void;
}

/** What all gates of a process share, and what decides for them. */
export interface Gatehouse {
  readonly digest: Digest;
  readonly rng: Rng;
  readonly budget: Budget;
  readonly writer: Writer;
  readonly tls: TlsContext | undefined;
  readonly tlsRequired: boolean;
  /** The hash of our certificate for channel binding. */
  readonly binding: Uint8Array | undefined;
  /** Why nobody is let in just now, if so. */
  refusal(): NoticeWords | undefined;
  demandOf(user: string, database: string, wire: Wire): Demand;
  /** Sooner or later answers by `gate.open` or `gate.refuse`. */
  enter(newcomer: Newcomer, gate: Gate): void;
  /** Tells nothing of what became of it; `done` when the server has been told, or there is nobody to tell. */
  cancel(processId: number, key: Uint8Array, done: () => void): void;
  /** The gate is behind it, or is gone. */
  left(gate: Gate): void;
  failed(fault: Fault, wire: Wire): void;
}

const EDGES = {
  greeting: ["securing", "proving", "entering", "canceling", "leaving", "closed"],
  securing: ["greeting", "leaving", "closed"],
  proving: ["entering", "leaving", "closed"],
  entering: ["opening", "leaving", "closed"],
  opening: ["inside", "closed"],
  canceling: ["leaving", "closed"],
  leaving: ["closed"],
  inside: ["closed"],
  closed: [],
} as const satisfies Edges<
  "greeting" | "securing" | "proving" | "entering" | "opening" | "canceling" | "leaving" | "inside" | "closed"
>;

/** The start-up packet's own limit; nothing before the first ReadyForQuery is shown in parts. */
const WHOLE_BYTES_MAX = 65_536;
const SPILL_BYTES_MAX = 65_536;
/** What a client may send before it hears that it is let in. */
const EARLY_BYTES_MAX = 65_536;
const TLS_HANDSHAKE = 0x16;
/** Registered with IANA; TLS without an SSLRequest before it must name it (since Postgres 17). */
export const ALPN = "postgresql";
const NO_REPLICATION = new Set(["false", "off", "no", "0", ""]);
const ENCRYPTION_ANSWER = {
  granted: Uint8Array.of(ENCRYPTION_GRANTED.ssl),
  refused: Uint8Array.of(ENCRYPTION_REFUSED),
} as const;

export class Gate implements WireEvents {
  readonly wire: Wire;
  /** Only where TLS may begin without a word before it: otherwise nobody needs to look first. */
  readonly arrive?: (wire: Wire) => void;
  readonly #house: Gatehouse;
  readonly #state = new State<keyof typeof EDGES>(EDGES, "greeting");
  readonly #framer: Framer;
  readonly #spill: Spill;
  readonly #asked = { ssl: false, gss: false };
  #startup: Startup | undefined;
  #proof: Proof | undefined;
  #welcome: Welcome | undefined;
  /** Bytes that came behind the login's last word. */
  #early: Uint8Array | undefined;
  #inside: WireEvents | undefined;

  constructor(house: Gatehouse, wire: Wire) {
    this.#house = house;
    this.wire = wire;
    this.#framer = new Framer({
      side: "frontend",
      phase: "startup",
      wholeBytesMax: WHOLE_BYTES_MAX,
      budget: house.budget,
    });
    this.#spill = new Spill(SPILL_BYTES_MAX, house.budget);
    if (house.tls !== undefined && wire.local.path === undefined) this.arrive = () => this.#look();
  }

  data(wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    if (this.#inside !== undefined) return this.#inside.data(wire, bytes, start, end);
    this.#guard(() => this.#hear(bytes, start, end));
  }

  drain(wire: Wire): void {
    if (this.#inside !== undefined) return this.#inside.drain(wire);
    this.#guard(() => this.#drained());
  }

  end(wire: Wire): void {
    if (this.#inside !== undefined) return this.#inside.end(wire);
    if (this.#state.is("canceling")) return;
    this.#close();
  }

  close(wire: Wire, fault?: Fault): void {
    this.#framer.close();
    this.#spill.clear();
    const inside = this.#inside;
    if (!this.#state.is("inside")) this.#house.left(this);
    this.#state.go("closed");
    if (inside !== undefined) inside.close(wire, fault);
    else this.#welcome?.abandoned();
  }

  /** Lets the client in. */
  open(welcome: Welcome): void {
    if (!this.#state.can("opening")) return welcome.abandoned();
    this.#state.go("opening");
    this.#welcome = welcome;
    const { writer } = this.#house;
    writeAuthenticationOk(writer);
    for (const [name, value] of welcome.parameters) writeParameterStatus(writer, name, value);
    writeBackendKeyData(writer, welcome.processId, welcome.key);
    writeReady(writer, STATUS.idle);
    this.#say();
    if (this.#spill.length === 0) this.#begin();
    else this.wire.pause();
  }

  /** Tells the client why not, and closes behind it. */
  refuse(words: NoticeWords): void {
    if (!this.#state.can("leaving")) return;
    this.#state.go("leaving");
    this.#framer.close();
    this.#early = undefined;
    this.#house.writer.clear();
    writeErrorResponse(this.#house.writer, words);
    this.#say();
    this.#spill.end(this.wire);
    this.wire.resume();
  }

  /** It took too long. */
  expire(): void {
    if (this.#startup !== undefined && this.#state.can("leaving")) {
      this.refuse({ severity: "FATAL", code: SQLSTATE.queryCanceled, message: "the login took too long" });
      return;
    }
    this.#close();
  }

  /** TLS without a word before it, or something to be framed. */
  #look(): void {
    const [first] = this.wire.peek(1);
    if (first === undefined) return;
    if (first === TLS_HANDSHAKE && this.#state.is("greeting") && this.#house.tls !== undefined) {
      this.#asked.ssl = true;
      this.#secure({ ...this.#house.tls, alpn: [ALPN] });
    } else {
      this.wire.resume();
    }
  }

  #hear(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state.is("leaving") || this.#state.is("canceling") || this.#state.is("closed")) return;
    if (this.#state.is("entering")) return this.#keepEarly(bytes, start, end);
    const framer = this.#framer;
    framer.feed(bytes, start, end);
    while (!this.#halted && framer.next() !== NOTHING) this.#take();
    if (framer.unread === 0) return;
    const at = framer.halt();
    const inside: WireEvents | undefined = this.#inside;
    if (inside !== undefined) inside.data(this.wire, bytes, at, end);
    else if (this.#state.is("entering") || this.#state.is("opening")) this.#keepEarly(bytes, at, end);
  }

  /** Whether frames are not to be read here any more, or not now. */
  get #halted(): boolean {
    return !this.#state.is("greeting") && !this.#state.is("proving");
  }

  #take(): void {
    if (this.#state.is("proving")) this.#hearProof();
    else this.#greet();
  }

  #greet(): void {
    const opening = readOpening(this.#framer);
    switch (opening.kind) {
      case "ssl":
      case "gss":
        return this.#answerWish(opening.kind);
      case "cancel":
        this.#state.go("canceling");
        return this.#house.cancel(opening.processId, opening.key, () => this.#leave());
      case "unsupported":
        return this.refuse({
          severity: "FATAL",
          code: SQLSTATE.featureNotSupported,
          message: `unsupported frontend protocol ${opening.major}.${opening.minor}: server supports 3.0 to 3.0`,
        });
      case "startup":
        return this.#start(opening);
    }
  }

  #answerWish(wish: "ssl" | "gss"): void {
    if (this.#asked[wish] || this.wire.tls !== undefined) {
      throw new Fault("CLIENT_PROTOCOL", "Cannot speak of encryption: the client has asked before");
    }
    if (this.#framer.unread > 0) {
      throw new Fault("CLIENT_PROTOCOL", "Cannot speak of encryption: the client did not wait for the answer");
    }
    this.#asked[wish] = true;
    const { tls } = this.#house;
    const granted = wish === "ssl" && tls !== undefined && this.wire.local.path === undefined;
    const answer = granted ? ENCRYPTION_ANSWER.granted : ENCRYPTION_ANSWER.refused;
    // The room of an empty socket: a byte that does not fit is no peer's fault that could be told.
    const sent = this.#spill.write(this.wire, answer, 0, 1);
    if (sent !== "sent") return granted ? this.#close() : undefined;
    if (granted) this.#secure({ ...tls, alpn: [ALPN] });
  }

  #secure(tls: TlsContext): void {
    this.#state.go("securing");
    this.#framer.halt();
    this.wire.startTls(tls, "server");
  }

  #start(startup: Startup): void {
    this.#startup = startup;
    const { parameters } = startup;
    const user = parameters.get("user") ?? "";
    const database = parameters.get("database") ?? user;
    const refusal = this.#refusalOf(startup);
    if (refusal !== undefined) return this.refuse(refusal);
    const { digest, rng, binding, writer } = this.#house;
    const negotiation = negotiationFor(startup, 0);
    if (negotiation !== undefined) writeNegotiation(writer, negotiation);
    const demand = this.#house.demandOf(user, database, this.wire);
    this.#proof = proofOf(demand, { digest, rng, binding: this.wire.tls === undefined ? undefined : binding });
    if (this.#proof === undefined) return this.#enter();
    this.#framer.enter("login");
    this.#state.go("proving");
    this.#proof.ask(writer);
    this.#say();
  }

  #refusalOf({ parameters }: Startup): NoticeWords | undefined {
    if (this.#house.tlsRequired && this.wire.tls === undefined && this.wire.local.path === undefined) {
      return { severity: "FATAL", code: SQLSTATE.invalidAuthorization, message: "TLS is required" };
    }
    if (!NO_REPLICATION.has((parameters.get("replication") ?? "").toLowerCase())) {
      return {
        severity: "FATAL",
        code: SQLSTATE.featureNotSupported,
        message: "replication connections are not supported by the pool",
        hint: "Connect to the database server itself.",
      };
    }
    return this.#house.refusal();
  }

  #hearProof(): void {
    if (this.#framer.tag === FRONTEND.terminate) return this.#close();
    const shown = this.#proof?.hear(this.#framer, this.#house.writer) ?? false;
    if (shown) this.#enter();
    else this.#say();
  }

  /** What the login has said until now waits in the writer only as long as the house answers at once. */
  #enter(): void {
    const startup = this.#startup;
    if (startup === undefined) return;
    this.#say();
    this.#state.go("entering");
    const user = startup.parameters.get("user") ?? "";
    const database = startup.parameters.get("database") ?? user;
    const { keys } = this.#proof ?? {};
    this.#house.enter({ user, database, startup, proven: this.#proof !== undefined, keys }, this);
  }

  #keepEarly(bytes: Uint8Array, start: number, end: number): void {
    const before = this.#early ?? new Uint8Array(0);
    if (before.length + end - start > EARLY_BYTES_MAX) {
      throw new Fault("CLIENT_PROTOCOL", "Cannot let the client in: it sent too much before it was");
    }
    const early = new Uint8Array(before.length + end - start);
    early.set(before);
    early.set(bytes.subarray(start, end), before.length);
    this.#early = early;
  }

  #drained(): void {
    if (this.#state.is("securing")) return this.#state.go("greeting");
    const sent = this.#spill.drain(this.wire);
    if (sent === "sent" && this.#state.is("opening")) {
      this.#begin();
      if (this.#state.is("inside")) this.wire.resume();
    }
  }

  #begin(): void {
    const welcome = this.#welcome;
    if (welcome === undefined) return;
    this.#state.go("inside");
    this.#house.left(this);
    const inside = welcome.begin(this.wire);
    const early = this.#early;
    this.#inside = inside;
    this.#early = undefined;
    this.#welcome = undefined;
    this.#proof = undefined;
    this.#startup = undefined;
    if (early !== undefined) inside.data(this.wire, early, 0, early.length);
  }

  /** What is in the writer. */
  #say(): void {
    const { writer } = this.#house;
    const sent = this.#spill.write(this.wire, writer.bytes, 0, writer.end);
    writer.clear();
    if (sent === "full" || sent === "gone") this.#close();
  }

  #leave(): void {
    if (!this.#state.can("leaving")) return;
    this.#state.go("leaving");
    this.#spill.end(this.wire);
  }

  #close(): void {
    if (!this.#state.is("closed")) this.wire.close();
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      if (this.#state.is("inside")) throw thrown;
      const fault = faultOf(thrown);
      this.#house.writer.clear();
      this.#house.failed(fault, this.wire);
      this.refuse(this.#wordsOf(fault));
      if (!this.#state.is("leaving")) this.#close();
    }
  }

  #wordsOf(fault: Fault): NoticeWords {
    const words = { ...wordsOf(fault), severity: "FATAL" } as const;
    const user = this.#startup?.parameters.get("user");
    if (fault.code !== "CLIENT_LOGIN" || user === undefined) return words;
    return { ...words, message: `password authentication failed for user "${user}"` };
  }
}
