/**
 * One conversation with a real Postgres through `proxy/pg` and nothing else: a plain socket, our writers, our framer, our
 * readers. What the server sends is cut anew into random chunks before it is framed, and every frame must be read by the
 * reader of its type. For tests; the pool's own connections are in `proxy/pgconn`.
 */
import { connect, type Socket } from "node:net";
import { Budget } from "../../proxy/base/byte-queue.ts";
import type { Rng } from "../../proxy/base/rng.ts";
import * as backend from "../../proxy/pg/backend.ts";
import { Framer, NOTHING } from "../../proxy/pg/framer.ts";
import { writePassword, writeSaslAnswer, writeSaslInitial, writeTerminate } from "../../proxy/pg/frontend-writer.ts";
import { Notice, type NoticeTexts } from "../../proxy/pg/notice.ts";
import { makeNonce } from "../../proxy/pg/scram.ts";
import { ScramClient } from "../../proxy/pg/scram-client.ts";
import { readEncryptionAnswer, writeSslRequest, writeStartup, type EncryptionAnswer } from "../../proxy/pg/startup.ts";
import { BACKEND, tagName } from "../../proxy/pg/tag.ts";
import { Writer } from "../../proxy/pg/writer.ts";
import { digest } from "../../src/run/digest.ts";

/** A message as a test wants it: the name of its type, and what was read of it. */
export interface Said {
  readonly name: string;
  readonly value?: unknown;
  readonly bytes: Uint8Array;
}

export interface Login {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

const WHOLE_BYTES_MAX = 16_384;
const ITERATIONS_MAX = 100_000;

export function loginOf(url: string): Login {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
  };
}

export class PgTalk {
  readonly said: Said[] = [];
  /** Whether the server has closed. */
  closed = false;
  readonly budget = new Budget(0x1000000);
  readonly #framer = new Framer({
    side: "backend",
    phase: "login",
    wholeBytesMax: WHOLE_BYTES_MAX,
    budget: this.budget,
  });
  readonly #socket: Socket;
  readonly #rng: Rng;
  readonly #writer = new Writer(0x4000000);
  #parts: Uint8Array[] = [];
  #heard: () => void = () => undefined;
  #failure: unknown;

  constructor(socket: Socket, rng: Rng) {
    this.#socket = socket;
    this.#rng = rng;
    socket.on("data", (chunk: Uint8Array) => this.#hear(chunk));
    socket.on("error", (error) => (this.#failure ??= error));
    socket.on("close", () => {
      this.closed = true;
      this.#heard();
    });
  }

  /** Frames that were said and not yet taken, up to and with the next of that name. Throws when the server closes before. */
  async until(name: string): Promise<readonly Said[]> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const at = this.said.findIndex((one) => one.name === name);
      if (at >= 0) return this.said.splice(0, at + 1);
      if (this.closed) throw new Error(`closed before ${name}, after ${this.said.map((one) => one.name).join(" ")}`);
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
  }

  send(write: (writer: Writer) => void): void {
    this.#writer.clear();
    write(this.#writer);
    this.#socket.write(this.#writer.bytes.slice(0, this.#writer.end));
  }

  async logIn(login: Login, minor = 0, more: readonly (readonly [string, string])[] = []): Promise<readonly Said[]> {
    const { user, database } = login;
    this.send((writer) => writeStartup(writer, minor, [["user", user], ["database", database], ...more]));
    await this.#authenticate(login.password);
    return this.until("ready");
  }

  async end(): Promise<void> {
    if (!this.closed) this.send(writeTerminate);
    while (!this.closed) await new Promise<void>((resolve) => (this.#heard = resolve));
    this.#framer.close();
  }

  async #authenticate(password: string): Promise<void> {
    const [first] = (await this.until("authentication")).slice(-1);
    const { request, mechanisms } = first?.value as {
      readonly request: number;
      readonly mechanisms: readonly string[];
    };
    if (request === backend.AUTHENTICATION.ok) return;
    if (request === backend.AUTHENTICATION.cleartext) return this.send((writer) => writePassword(writer, password));
    const client = new ScramClient({
      digest,
      nonce: makeNonce(this.#rng),
      secret: { password },
      mechanisms,
      iterationsMax: ITERATIONS_MAX,
    });
    this.send((writer) => writeSaslInitial(writer, client.mechanism, client.first()));
    const final = client.final(await this.#words());
    this.send((writer) => writeSaslAnswer(writer, final));
    client.verify(await this.#words());
    await this.until("authentication");
  }

  async #words(): Promise<string> {
    const said = await this.until("authentication").catch((error: unknown) => {
      const refusal = this.said.find((one) => one.name === "error");
      throw refusal === undefined ? error : new PgRefusal(refusal.value as NoticeTexts);
    });
    return (said.at(-1)?.value as { readonly words: string }).words;
  }

  /** In chunks of random sizes, each spoilt when the framer is through with it. */
  #hear(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) {
        const chunk = Uint8Array.from(bytes.subarray(at, at + this.#size()));
        at += chunk.length;
        this.#framer.feed(chunk, 0, chunk.length);
        while (this.#framer.next() !== NOTHING) this.#take();
        chunk.fill(0xee);
      }
    } catch (thrown) {
      this.#failure ??= thrown;
    }
    this.#heard();
  }

  /** Mostly tiny, sometimes large. */
  #size(): number {
    return this.#rng.next() < 0.7 ? 1 + Math.floor(this.#rng.next() * 12) : 1 + Math.floor(this.#rng.next() * 20_000);
  }

  #take(): void {
    const framer = this.#framer;
    this.#parts.push(framer.bytes.slice(framer.start, framer.end));
    if (framer.left > 0) return;
    const bytes =
      this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : Uint8Array.from(Buffer.concat(this.#parts));
    this.#parts = [];
    this.said.push({ name: tagName("backend", framer.tag), value: understand(framer.tag, bytes), bytes });
    if (framer.tag === BACKEND.ready && framer.phase === "login") framer.enter("steady");
  }
}

/** An error in place of a login. */
export class PgRefusal extends Error {
  readonly fields: NoticeTexts;

  constructor(fields: NoticeTexts) {
    super(`Cannot log in: ${fields.code} ${fields.message}`);
    this.fields = fields;
  }
}

export async function dialPg({ host, port }: Pick<Login, "host" | "port">, rng: Rng): Promise<PgTalk> {
  return new PgTalk(await dial(host, port), rng);
}

/** Asks for TLS, and hangs up. */
export async function askForTls({ host, port }: Pick<Login, "host" | "port">): Promise<EncryptionAnswer> {
  const socket = await dial(host, port);
  const writer = new Writer(1000);
  writeSslRequest(writer);
  socket.write(writer.bytes.slice(0, writer.end));
  const answer = await new Promise<Uint8Array>((resolve, reject) => socket.once("data", resolve).once("error", reject));
  socket.destroy();
  return readEncryptionAnswer({ bytes: answer, start: 0, end: answer.length }, "ssl");
}

async function dial(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return socket;
}

const EMPTY_TAGS: readonly number[] = [
  BACKEND.bindComplete,
  BACKEND.closeComplete,
  BACKEND.copyDone,
  BACKEND.emptyQuery,
  BACKEND.noData,
  BACKEND.parseComplete,
  BACKEND.portalSuspended,
];

/** Reads a frame by the reader of its type. Throws when there is none. */
export function understand(tag: number, bytes: Uint8Array): unknown {
  const part = { bytes, start: 0, end: bytes.length };
  const text = (start: number, end: number): string => backend.serverText(bytes, start, end);
  if (EMPTY_TAGS.includes(tag) || tag === BACKEND.copyData) return undefined;
  switch (tag) {
    case BACKEND.authentication:
      return understandAuthentication(bytes);
    case BACKEND.parameterStatus: {
      const { nameStart, nameEnd, valueStart, valueEnd } = new backend.ParameterStatus().read(part);
      return [text(nameStart, nameEnd), text(valueStart, valueEnd)];
    }
    case BACKEND.backendKeyData: {
      const { processId, keyStart, keyEnd } = new backend.BackendKeyData().read(part);
      return { processId, key: bytes.slice(keyStart, keyEnd) };
    }
    case BACKEND.ready:
      return String.fromCharCode(backend.readReady(part));
    case BACKEND.error:
    case BACKEND.notice:
      return new Notice().read(part).toObject();
    case BACKEND.commandComplete: {
      const complete = new backend.CommandComplete().read(part);
      return text(complete.textStart, complete.textEnd);
    }
    case BACKEND.notification: {
      const { channelStart, channelEnd, payloadStart, payloadEnd } = new backend.Notification().read(part);
      return [text(channelStart, channelEnd), text(payloadStart, payloadEnd)];
    }
    case BACKEND.functionResult: {
      const { valueStart, valueEnd } = new backend.FunctionResult().read(part);
      return bytes.slice(valueStart, valueEnd);
    }
    default:
      return understandCounts(tag, bytes);
  }
}

function understandAuthentication(bytes: Uint8Array): unknown {
  const part = { bytes, start: 0, end: bytes.length };
  const { request, dataStart, dataEnd } = new backend.Authentication().read(part);
  const { sasl, saslContinue, saslFinal } = backend.AUTHENTICATION;
  if (request === sasl) return { request, mechanisms: backend.readMechanisms(part) };
  if (request === saslContinue || request === saslFinal) {
    return { request, words: backend.serverText(bytes, dataStart, dataEnd) };
  }
  return { request };
}

function understandCounts(tag: number, bytes: Uint8Array): unknown {
  const part = { bytes, start: 0, end: bytes.length };
  switch (tag) {
    case BACKEND.dataRow:
      return backend.readValues(part);
    case BACKEND.rowDescription:
      return backend.readColumns(part);
    case BACKEND.parameterDescription:
      return backend.readCount(part);
    case BACKEND.copyIn:
    case BACKEND.copyOut:
    case BACKEND.copyBoth:
      return new backend.CopyResponse().read(part).columnCount;
    case BACKEND.negotiateVersion:
      return backend.readNegotiation(part);
    default:
      throw new Error(`nothing reads ${tagName("backend", tag)}`);
  }
}
