/**
 * A Postgres server as far as logins, cancels and the simplest statements go, on any Net: for tests of who dials one. It
 * lets in as it is told, counts its sessions as pg_stat_activity would, and answers a statement by its first word: `hang`
 * until it is cancelled, `begin` by being in a transaction, and the question whether a backend lives by the truth.
 */
import type { Address } from "../../proxy/base/address.ts";
import { Budget } from "../../proxy/base/byte-queue.ts";
import { readInt32 } from "../../proxy/base/bytes.ts";
import { channelBinding } from "../../proxy/pgconn/channel-binding.ts";
import { Spill } from "../../proxy/net/spill.ts";
import type { Listener, Net, TlsContext, Wire, WireEvents } from "../../proxy/net/wire.ts";
import { STATUS, type Status } from "../../proxy/pg/backend.ts";
import * as say from "../../proxy/pg/backend-writer.ts";
import { Framer, NOTHING } from "../../proxy/pg/framer.ts";
import { clientText, Password, Query, SaslAnswer, SaslInitial } from "../../proxy/pg/frontend.ts";
import { isMd5Answer, md5Secret } from "../../proxy/pg/md5.ts";
import type { NoticeWords } from "../../proxy/pg/notice.ts";
import { deriveKeys, verifierOf } from "../../proxy/pg/scram.ts";
import { ScramServer } from "../../proxy/pg/scram-server.ts";
import { ENCRYPTION_GRANTED, ENCRYPTION_REFUSED, readOpening, type Opening } from "../../proxy/pg/startup.ts";
import { FRONTEND } from "../../proxy/pg/tag.ts";
import { Writer } from "../../proxy/pg/writer.ts";
import { digest } from "../../src/run/digest.ts";

export type Method = "trust" | "cleartext" | "md5" | "scram";

export interface FakePostgresOptions {
  readonly net: Net;
  readonly at?: Address;
  readonly method?: Method;
  readonly password?: string;
  /** Of SCRAM. */
  readonly salt?: Uint8Array;
  readonly tls?: TlsContext;
  /** What is said in place of AuthenticationOk. */
  readonly refusal?: NoticeWords;
  /** Start-up parameters that the server does not know, as an old one. */
  readonly unknown?: readonly string[];
  /** Sessions that take no notice of an end of their client, as one that computes. */
  readonly deaf?: boolean;
  /** While true, cancel requests are read and forgotten. */
  readonly isNumb?: () => boolean;
}

const BYTES_MAX = 1 << 20;
const SALT = new Uint8Array(16).fill(7);
/** Few rounds, so that a thousand logins take no time. */
const ITERATIONS = 2;

export class FakePostgres {
  readonly listener: Listener;
  readonly sessions = new Set<Session>();
  /** The most sessions there ever were at once. */
  sessionsMost = 0;
  logins = 0;
  cancels = 0;
  options: FakePostgresOptions;
  readonly startups: ReadonlyMap<string, string>[] = [];
  #lastId = 100;

  constructor(options: FakePostgresOptions) {
    this.options = options;
    const at = options.at ?? { host: "127.0.0.1", port: 0 };
    this.listener = options.net.listen(at, (wire) => new Session(this, wire));
  }

  get address(): Address {
    return this.listener.address;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  entered(session: Session): void {
    this.sessions.add(session);
    this.sessionsMost = Math.max(this.sessionsMost, this.sessions.size);
  }

  /** As `pg_terminate_backend`. */
  terminateAll(): void {
    for (const session of this.sessions) session.terminate();
  }
}

export class Session implements WireEvents {
  readonly processId: number;
  readonly #server: FakePostgres;
  readonly #wire: Wire;
  readonly #budget = new Budget(16 * BYTES_MAX);
  readonly #framer = new Framer({ side: "frontend", phase: "startup", wholeBytesMax: BYTES_MAX, budget: this.#budget });
  readonly #spill = new Spill(BYTES_MAX, this.#budget);
  readonly #writer = new Writer(BYTES_MAX);
  readonly #key: Uint8Array;
  #scram: ScramServer | undefined;
  #user = "";
  #status: Status = STATUS.idle;
  #hangs = false;
  #clientEnded = false;
  /** The answer to a wish for TLS must leave in the clear. */
  #securesNext = false;
  #challenged = false;
  #over = false;

  constructor(server: FakePostgres, wire: Wire) {
    this.#server = server;
    this.#wire = wire;
    this.processId = server.nextId();
    this.#key = new Uint8Array([1, 2, this.processId >> 8, this.processId & 0xff]);
  }

  get hangs(): boolean {
    return this.#hangs;
  }

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    if (this.#over) return;
    this.#framer.feed(bytes, start, end);
    while (!this.#over && this.#framer.next() !== NOTHING) this.#hear();
    if (this.#over) this.#framer.halt();
  }

  drain(wire: Wire): void {
    if (this.#spill.drain(wire) !== "sent" || !this.#securesNext) return;
    this.#securesNext = false;
    const { tls } = this.#server.options;
    if (tls !== undefined) wire.startTls(tls, "server");
  }

  end(): void {
    this.#clientEnded = true;
    if (!(this.#hangs && this.#server.options.deaf === true)) this.#leave();
  }

  close(): void {
    if (this.#hangs && this.#server.options.deaf === true) this.#clientEnded = true;
    else this.#leave();
  }

  /** Says bytes that nobody asked for. */
  blurt(write: (writer: Writer) => void): void {
    this.#say(write);
  }

  terminate(): void {
    this.#say((writer) => say.writeErrorResponse(writer, ADMIN));
    this.#leave();
  }

  #hear(): void {
    if (this.#framer.phase === "startup") return this.#open(readOpening(this.#framer));
    if (this.#framer.tag === FRONTEND.terminate) return this.#leave();
    if (this.#framer.tag === FRONTEND.password) return this.#prove();
    if (this.#framer.tag === FRONTEND.query) return this.#obey();
    if (this.#framer.tag === FRONTEND.sync) this.#say((writer) => say.writeReady(writer, this.#status));
  }

  #open(opening: Opening): void {
    if (opening.kind === "ssl") return this.#grant();
    if (opening.kind === "cancel") return this.#cancel(opening.processId, opening.key);
    if (opening.kind !== "startup") return this.#leave();
    this.#server.startups.push(opening.parameters);
    this.#user = opening.parameters.get("user") ?? "";
    this.#framer.enter("login");
    const strange = this.#server.options.unknown?.find((name) => opening.parameters.has(name));
    if (strange !== undefined) return this.#refuse({ ...UNKNOWN, message: `unrecognized parameter "${strange}"` });
    this.#ask();
  }

  #grant(): void {
    const { tls } = this.#server.options;
    const answer = new Uint8Array([tls === undefined ? ENCRYPTION_REFUSED : ENCRYPTION_GRANTED.ssl]);
    const sent = this.#spill.write(this.#wire, answer, 0, 1);
    if (tls === undefined) return;
    if (sent === "sent") this.#wire.startTls(tls, "server");
    else this.#securesNext = true;
  }

  #cancel(processId: number, key: Uint8Array): void {
    this.#server.cancels += 1;
    if (this.#server.options.isNumb?.() === true) return this.#leave();
    for (const session of this.#server.sessions) if (session.processId === processId) session.cancelled(key);
    this.#leave();
  }

  cancelled(key: Uint8Array): void {
    if (!this.#hangs || readInt32(key, 0, 4) !== readInt32(this.#key, 0, 4)) return;
    this.#hangs = false;
    if (this.#clientEnded) return this.#leave();
    this.#say((writer) => {
      say.writeErrorResponse(writer, CANCELED);
      say.writeReady(writer, this.#status);
    });
  }

  #ask(): void {
    const { method = "trust", password = "" } = this.#server.options;
    if (method === "trust") return this.#letIn();
    this.#say((writer) => {
      if (method === "cleartext") say.writeAuthenticationCleartext(writer);
      else if (method === "md5") say.writeAuthenticationMd5(writer, SALT.slice(0, 4));
      else say.writeAuthenticationSasl(writer, this.#beginScram(password).mechanisms);
    });
  }

  #beginScram(password: string): ScramServer {
    const { tls, salt = SALT } = this.#server.options;
    const binding = this.#wire.tls === undefined || tls?.cert === undefined ? undefined : bindingOf(tls.cert);
    this.#scram = new ScramServer({
      digest,
      nonce: `server${this.processId}`,
      verifier: verifierOf(digest, deriveKeys(digest, password, { salt, iterations: ITERATIONS })),
      ...(binding === undefined ? {} : { binding }),
    });
    return this.#scram;
  }

  #prove(): void {
    const { method, password = "" } = this.#server.options;
    const { bytes } = this.#framer;
    try {
      if (method === "scram") return this.#proveScram();
      const { textStart, textEnd } = new Password().read(this.#framer);
      const said = clientText(bytes, textStart, textEnd);
      const stored = md5Secret(digest, this.#user, password);
      const good = method === "md5" ? isMd5Answer(digest, stored, SALT.slice(0, 4), said) : said === password;
      if (good) this.#letIn();
      else this.#refuse(WRONG);
    } catch {
      this.#refuse(WRONG);
    }
  }

  #proveScram(): void {
    const { bytes } = this.#framer;
    const scram = this.#scram;
    if (scram === undefined) return this.#refuse(WRONG);
    if (this.#challenged) {
      const { dataStart, dataEnd } = new SaslAnswer().read(this.#framer);
      const final = scram.finish(clientText(bytes, dataStart, dataEnd));
      this.#say((writer) => say.writeAuthenticationSaslFinal(writer, final));
      return this.#letIn();
    }
    this.#challenged = true;
    const { mechanismStart, mechanismEnd, dataStart, dataEnd } = new SaslInitial().read(this.#framer);
    const mechanism = clientText(bytes, mechanismStart, mechanismEnd);
    const words = scram.challenge(mechanism as "SCRAM-SHA-256", clientText(bytes, dataStart, dataEnd));
    this.#say((writer) => say.writeAuthenticationSaslContinue(writer, words));
  }

  #letIn(): void {
    const { refusal } = this.#server.options;
    if (refusal !== undefined) return this.#refuse(refusal);
    this.#server.logins += 1;
    this.#server.entered(this);
    this.#framer.enter("steady");
    this.#say((writer) => {
      say.writeAuthenticationOk(writer);
      say.writeParameterStatus(writer, "server_version", "15.18");
      say.writeParameterStatus(writer, "client_encoding", "UTF8");
      say.writeBackendKeyData(writer, this.processId, this.#key);
      say.writeReady(writer, STATUS.idle);
    });
  }

  #obey(): void {
    const { textStart, textEnd } = new Query().read(this.#framer);
    const text = clientText(this.#framer.bytes, textStart, textEnd);
    if (text === "hang") return void (this.#hangs = true);
    if (text === "begin") this.#status = STATUS.transaction;
    if (text === "rollback") this.#status = STATUS.idle;
    this.#say((writer) => {
      for (const statement of text.split(";")) this.#answer(writer, statement);
      say.writeReady(writer, this.#status);
    });
  }

  #answer(writer: Writer, statement: string): void {
    const asked = /pg_stat_activity WHERE pid = (\d+)/.exec(statement);
    if (asked === null) return say.writeCommandComplete(writer, "SELECT 0");
    const lives = [...this.#server.sessions].some(({ processId }) => processId === Number(asked[1]));
    say.writeRowDescription(writer, ["?column?"]);
    if (lives) say.writeDataRow(writer, ["1"]);
    say.writeCommandComplete(writer, lives ? "SELECT 1" : "SELECT 0");
  }

  #refuse(words: NoticeWords): void {
    this.#say((writer) => say.writeErrorResponse(writer, words));
    this.#leave();
  }

  #say(write: (writer: Writer) => void): void {
    this.#writer.clear();
    write(this.#writer);
    this.#spill.write(this.#wire, this.#writer.bytes, 0, this.#writer.end);
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#server.sessions.delete(this);
    this.#spill.end(this.#wire);
  }
}

function bindingOf(cert: string): Uint8Array | undefined {
  const body = cert.replace(/-----[A-Z ]+-----|\s/g, "");
  return channelBinding(digest, Uint8Array.fromBase64(body));
}

const WRONG: NoticeWords = {
  severity: "FATAL",
  code: "28P01",
  message: 'password authentication failed for user "secret"',
};
const UNKNOWN: NoticeWords = { severity: "FATAL", code: "42704", message: "unrecognized configuration parameter" };
const ADMIN: NoticeWords = { severity: "FATAL", code: "57P01", message: "terminating connection" };
const CANCELED: NoticeWords = { severity: "ERROR", code: "57014", message: "canceling statement due to user request" };
