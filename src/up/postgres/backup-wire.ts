/**
 * The least of a Postgres client: logs in, runs a simple query, and streams a base backup. For looking after our own
 * servers, where the runtime's and the app's clients have no words for replication, and where being logged in is the
 * proof that a server is up and ours. Not for the data path, no TLS (loopback only), no parameters.
 * Invariants: a frame is never larger than FRAME_BYTES_MAX; at most INBOX_BYTES_MAX wait unread, since the socket is
 * paused beyond; no wait for the next bytes is longer than the session's `waitMs`.
 * Protocol: https://www.postgresql.org/docs/18/protocol.html, base backup: …/protocol-replication.html
 */
import type { Socket } from "bun";
import { randomBytes } from "node:crypto";
import { ScramClient } from "./scram.ts";

const PROTOCOL_3_0 = 196_608;
const FRAME_BYTES_MAX = 1 << 20;
/** Before we are logged in nobody has a reason to send more. */
const LOGIN_FRAME_BYTES_MAX = 1 << 14;
const INBOX_BYTES_MAX = 1 << 20;
const ROWS_MAX = 10_000;
const AUTH = { ok: 0, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;
const MECHANISM = "SCRAM-SHA-256";

export interface SessionTarget {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** A walsender, which understands BASE_BACKUP and nothing of SQL. */
  readonly replication?: boolean;
  /** The longest silence that is borne. */
  readonly waitMs: number;
}

export type Row = readonly (string | null)[];

/** What the server answered instead of what was asked for. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly sqlstate: string;

  constructor(sqlstate: string, message: string) {
    super(message);
    this.sqlstate = sqlstate;
  }
}

/** The conversation ended, or what came is not the protocol. */
export class WireFault extends Error {
  override readonly name = "WireFault";
}

interface Frame {
  readonly tag: string;
  readonly body: Uint8Array;
}

/** Dials 127.0.0.1 and logs in. Throws WireFault, ScramFault, or ServerError (57P03 while the server starts up). */
export async function openSession(target: SessionTarget): Promise<Session> {
  const inbox = await dial(target);
  try {
    inbox.write(startupMessage(target));
    await logIn(inbox, target.password);
    return new Session(inbox);
  } catch (error) {
    inbox.close();
    throw error;
  }
}

export class Session {
  readonly #inbox: Inbox;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  /** Runs one or more statements; the rows of all of them, as text. */
  async query(sql: string): Promise<readonly Row[]> {
    this.#inbox.write(message("Q", cString(sql)));
    const rows: Row[] = [];
    await untilReady(this.#inbox, ({ tag, body }) => {
      if (tag !== "D") return;
      if (rows.length === ROWS_MAX) throw new WireFault(`Cannot read the answer: more than ${ROWS_MAX} rows`);
      rows.push(rowOf(body));
    });
    return rows;
  }

  /**
   * The bytes of the one tar archive that a base backup consists of, WAL included. A server with table spaces sends
   * several: that throws. Not read to its end, it closes the session.
   */
  async *baseBackup(label: string): AsyncGenerator<Uint8Array> {
    this.#inbox.write(message("Q", cString(`BASE_BACKUP (LABEL '${label}', CHECKPOINT 'fast', WAL, MANIFEST 'no')`)));
    let whole = false;
    try {
      let archives = 0;
      for (;;) {
        const { tag, body } = await this.#inbox.frame(FRAME_BYTES_MAX);
        if (tag === "E") throw serverError(body);
        if (tag === "Z") break;
        if (tag !== "d") continue;
        const kind = String.fromCharCode(body[0] ?? 0);
        if (kind === "n" && ++archives > 1) throw new WireFault("Cannot copy the server: it has table spaces");
        if (kind === "d") yield body.subarray(1);
      }
      whole = true;
    } finally {
      if (!whole) this.close();
    }
  }

  close(): void {
    this.#inbox.close();
  }
}

async function logIn(inbox: Inbox, password: string): Promise<void> {
  const scram = new ScramClient("", password, randomBytes(18).toString("base64"));
  let proved = false;
  for (;;) {
    const { tag, body } = await inbox.frame(LOGIN_FRAME_BYTES_MAX);
    if (tag === "E") throw serverError(body);
    if (tag === "Z") return;
    if (tag !== "R") continue;
    const rest = body.subarray(4);
    switch (int32(body, 0)) {
      case AUTH.sasl:
        if (!textOf(rest).split("\0").includes(MECHANISM))
          throw new WireFault(`The server does not offer ${MECHANISM}`);
        inbox.write(message("p", cString(MECHANISM), lengthPrefixed(scram.first())));
        break;
      case AUTH.saslContinue:
        inbox.write(message("p", new TextEncoder().encode(scram.final(textOf(rest)))));
        break;
      case AUTH.saslFinal:
        scram.verify(textOf(rest));
        proved = true;
        break;
      case AUTH.ok:
        if (!proved) throw new WireFault("The server lets us in without a proof that it knows the password");
        break;
      default:
        throw new WireFault(`The server asks for another way to log in than ${MECHANISM}`);
    }
  }
}

/** Reads frames up to ReadyForQuery; an error of the server is thrown when it is over. */
async function untilReady(inbox: Inbox, take: (frame: Frame) => void): Promise<void> {
  let failed: ServerError | undefined;
  for (;;) {
    const frame = await inbox.frame(FRAME_BYTES_MAX);
    if (frame.tag === "E") failed ??= serverError(frame.body);
    else if (frame.tag === "Z") break;
    else take(frame);
  }
  if (failed !== undefined) throw failed;
}

/** What has arrived and was not read yet, and the socket behind it. */
class Inbox {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #wanted = 0;
  #wake: (() => void) | undefined;
  #fault: WireFault | undefined;
  readonly #waitMs: number;
  #socket: Socket<Inbox> | undefined;

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  opened(socket: Socket<Inbox>): void {
    this.#socket = socket;
  }

  arrived(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= Math.max(INBOX_BYTES_MAX, this.#wanted)) this.#socket?.pause();
    if (this.#bytes >= this.#wanted) this.#wakeUp();
  }

  fail(why: string): void {
    this.#fault ??= new WireFault(`Cannot talk to Postgres: ${why}`);
    this.#socket?.terminate();
    this.#wakeUp();
  }

  close(): void {
    if (this.#fault !== undefined) return;
    this.#fault = new WireFault("Cannot talk to Postgres: the session was closed");
    this.#socket?.write(message("X"));
    this.#socket?.end();
    this.#wakeUp();
  }

  /** Our messages are a few hundred bytes into an empty buffer: a kernel that does not take one is a broken pipe. */
  write(bytes: Uint8Array): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#socket?.write(bytes) !== bytes.length) throw new WireFault("Cannot talk to Postgres: it does not read");
  }

  async frame(bytesMax: number): Promise<Frame> {
    const head = await this.#take(5);
    const length = int32(head, 1) - 4;
    const tag = String.fromCharCode(head[0] ?? 0);
    if (length < 0 || length > bytesMax) throw new WireFault(`Cannot read frame "${tag}": ${length} bytes long`);
    return { tag, body: await this.#take(length) };
  }

  async #take(count: number): Promise<Uint8Array> {
    this.#wanted = count;
    while (this.#bytes < count) {
      if (this.#fault !== undefined) throw this.#fault;
      await this.#arrival();
    }
    this.#wanted = 0;
    const taken = this.#cut(count);
    if (this.#bytes < INBOX_BYTES_MAX) this.#socket?.resume();
    return taken;
  }

  async #arrival(): Promise<void> {
    const timer = setTimeout(() => this.fail(`it was silent for ${this.#waitMs} ms`), this.#waitMs);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#socket?.resume();
    });
    clearTimeout(timer);
  }

  #cut(count: number): Uint8Array {
    const first = this.#chunks[0];
    this.#bytes -= count;
    if (first !== undefined && first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const into = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) throw new WireFault("Cannot read a frame: bytes are missing");
      const part = chunk.subarray(0, count - filled);
      into.set(part, filled);
      filled += part.length;
      if (part.length < chunk.length) this.#chunks.unshift(chunk.subarray(part.length));
    }
    return into;
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

async function dial({ port, waitMs }: SessionTarget): Promise<Inbox> {
  const inbox = new Inbox(waitMs);
  try {
    await Bun.connect<Inbox>({
      hostname: "127.0.0.1",
      port,
      data: inbox,
      socket: {
        open: (socket) => inbox.opened(socket),
        data: (_socket, chunk) => inbox.arrived(chunk),
        close: () => inbox.fail("the connection was closed"),
        error: (_socket, error) => inbox.fail(error.message),
      },
    });
  } catch (error) {
    throw new WireFault(`Cannot dial 127.0.0.1:${port}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return inbox;
}

function startupMessage({ user, database, replication }: SessionTarget): Uint8Array {
  const pairs = ["user", user, "database", database, "application_name", "scale up", "client_encoding", "UTF8"];
  if (replication === true) pairs.push("replication", "true");
  const body = Buffer.concat([...pairs.map(cString), new Uint8Array(1)]);
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(PROTOCOL_3_0, 4);
  return Buffer.concat([head, body]);
}

function message(tag: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(tag, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function lengthPrefixed(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(4);
  head.writeInt32BE(bytes.length, 0);
  return Buffer.concat([head, bytes]);
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function int32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new WireFault("Cannot read a frame: it is too short");
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt32(at);
}

/** DataRow: a count, then for each value its length (-1: null) and its bytes. */
function rowOf(body: Uint8Array): Row {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length < 2) throw new WireFault("Cannot read a row: it is too short");
  const row: (string | null)[] = [];
  let at = 2;
  for (let left = view.getInt16(0); left > 0; left--) {
    const length = int32(body, at);
    at += 4;
    if (length > body.length - at) throw new WireFault("Cannot read a row: a value is longer than the row");
    row.push(length < 0 ? null : textOf(body.subarray(at, at + length)));
    at += Math.max(length, 0);
  }
  return row;
}

/** ErrorResponse: fields of a letter and a text. */
function serverError(body: Uint8Array): ServerError {
  const fields = new Map(
    textOf(body)
      .split("\0")
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );
  return new ServerError(fields.get("C") ?? "XX000", fields.get("M") ?? "an error without a message");
}
