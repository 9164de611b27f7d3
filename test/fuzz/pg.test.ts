/**
 * Broken Postgres bytes: good conversations with random changes, in chunks of random sizes, read by everything that reads.
 * Whatever comes, the framer shows exactly the bytes it was fed or ends in a Fault, every reader stays inside of its frame
 * or ends in a Fault, no memory stays lent, and how it was cut into chunks makes no difference. The seed is printed;
 * SCALE_SEED repeats a run, SCALE_ROUNDS makes it longer.
 */
import { beforeAll, expect, test } from "bun:test";
import { Budget } from "../../proxy/base/byte-queue.ts";
import { Fault } from "../../proxy/base/fault.ts";
import * as backend from "../../proxy/pg/backend.ts";
import * as backendWriter from "../../proxy/pg/backend-writer.ts";
import { Framer, NOTHING, WHOLE, type Part, type Phase } from "../../proxy/pg/framer.ts";
import * as frontend from "../../proxy/pg/frontend.ts";
import * as frontendWriter from "../../proxy/pg/frontend-writer.ts";
import { Notice } from "../../proxy/pg/notice.ts";
import { SCRAM, SCRAM_PLUS } from "../../proxy/pg/scram.ts";
import { ScramClient } from "../../proxy/pg/scram-client.ts";
import { ScramServer } from "../../proxy/pg/scram-server.ts";
import { readOpening, writeCancelRequest, writeSslRequest, writeStartup } from "../../proxy/pg/startup.ts";
import type { Side } from "../../proxy/pg/tag.ts";
import { Writer } from "../../proxy/pg/writer.ts";
import { digest } from "../../src/run/digest.ts";
import { SeededRng } from "../kit/rng.ts";

const ROUNDS = Number(process.env["SCALE_ROUNDS"] ?? 3000);
const SEED = Number(process.env["SCALE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const WHOLE_BYTES_MAX = 48;
const rng = new SeededRng(SEED);

beforeAll(() => console.log(`fuzz pg: SCALE_SEED=${SEED} SCALE_ROUNDS=${ROUNDS}`));

function roll(below: number): number {
  return Math.floor(rng.next() * below);
}

function text(): string {
  return "aé€😀 x"
    .slice(0, roll(7))
    .repeat(1 + roll(12))
    .toWellFormed();
}

function texts(): (string | null)[] {
  return Array.from({ length: roll(4) }, () => (roll(4) === 0 ? null : text()));
}

const FRONTEND_WRITERS: readonly ((writer: Writer) => void)[] = [
  (writer) => frontendWriter.writeQuery(writer, text()),
  (writer) => frontendWriter.writeParse(writer, text(), text(), [roll(5000)]),
  (writer) => frontendWriter.writeBind(writer, text(), text(), texts()),
  (writer) => frontendWriter.writeDescribe(writer, frontend.STATEMENT, text()),
  (writer) => frontendWriter.writeClose(writer, frontend.PORTAL, text()),
  (writer) => frontendWriter.writeExecute(writer, text(), roll(100)),
  (writer) => frontendWriter.writeSync(writer),
  (writer) => frontendWriter.writeFlush(writer),
  (writer) => frontendWriter.writeCopyData(writer, { bytes: new Uint8Array(300), start: 0, end: roll(300) }),
  (writer) => frontendWriter.writeCopyFail(writer, text()),
  (writer) => frontendWriter.writeCopyDone(writer),
  (writer) => frontendWriter.writeTerminate(writer),
];

const LOGIN_WRITERS: readonly ((writer: Writer) => void)[] = [
  (writer) => frontendWriter.writePassword(writer, text()),
  (writer) => frontendWriter.writeSaslInitial(writer, SCRAM, text()),
  (writer) => frontendWriter.writeSaslAnswer(writer, text()),
];

const STARTUP_WRITERS: readonly ((writer: Writer) => void)[] = [
  writeSslRequest,
  (writer) => writeCancelRequest(writer, roll(9999), new Uint8Array(4 + roll(60))),
  (writer) =>
    writeStartup(writer, roll(3), [
      ["user", text()],
      ["database", text()],
      ["_pq_.x", text()],
    ]),
];

const BACKEND_WRITERS: readonly ((writer: Writer) => void)[] = [
  (writer) => backendWriter.writeDataRow(writer, texts()),
  (writer) => backendWriter.writeRowDescription(writer, [text(), text()]),
  (writer) => backendWriter.writeCommandComplete(writer, `INSERT 0 ${roll(99)}`),
  (writer) => backendWriter.writeReady(writer, backend.STATUS.idle),
  (writer) => backendWriter.writeParameterStatus(writer, text(), text()),
  (writer) => backendWriter.writeNotification(writer, roll(9), text(), text()),
  (writer) => backendWriter.writeErrorResponse(writer, { severity: "ERROR", code: "42601", message: text() }),
  (writer) => backendWriter.writeParameterDescription(writer, [25, 23]),
  (writer) => backendWriter.writeParseComplete(writer),
];

const SERVER_LOGIN_WRITERS: readonly ((writer: Writer) => void)[] = [
  (writer) => backendWriter.writeAuthenticationSasl(writer, [SCRAM, SCRAM_PLUS]),
  (writer) => backendWriter.writeAuthenticationMd5(writer, new Uint8Array(4)),
  (writer) => backendWriter.writeNegotiation(writer, { minor: roll(3), extensions: ["_pq_.x"] }),
  (writer) => backendWriter.writeBackendKeyData(writer, roll(9999), new Uint8Array(4 + roll(60))),
  (writer) => backendWriter.writeReady(writer, backend.STATUS.idle),
];

interface Kind {
  readonly name: string;
  readonly side: Side;
  readonly phase: Phase;
  readonly writers: readonly ((writer: Writer) => void)[];
  /** All that could read such a frame, whatever its tag is: a reader must not trust that it is the right one. */
  readonly readers: readonly ((part: Part) => unknown)[];
}

const FRONTEND_READERS: readonly ((part: Part) => unknown)[] = [
  (part) => new frontend.Query().read(part),
  (part) => new frontend.Parse().read(part),
  (part) => new frontend.Parse().readHead(part),
  (part) => new frontend.Bind().read(part),
  (part) => new frontend.Mention().read(part),
  (part) => new frontend.Execute().read(part),
  (part) => new frontend.Password().read(part),
  (part) => new frontend.SaslInitial().read(part),
  (part) => new frontend.SaslAnswer().read(part),
  (part) => new frontend.CopyFail().read(part),
  (part) => new frontend.FunctionCall().read(part),
];

const BACKEND_READERS: readonly ((part: Part) => unknown)[] = [
  (part) => new backend.Authentication().read(part),
  backend.readMechanisms,
  (part) => new backend.ParameterStatus().read(part),
  (part) => new backend.BackendKeyData().read(part),
  backend.readReady,
  (part) => new backend.CommandComplete().read(part).rows(),
  backend.readColumns,
  backend.readValues,
  (part) => new backend.CopyResponse().read(part),
  (part) => new backend.Notification().read(part),
  (part) => new backend.FunctionResult().read(part),
  backend.readNegotiation,
  (part) => new Notice().read(part).toObject(),
  (part) => new Notice().readHead(part).toObject(),
];

const KINDS: readonly Kind[] = [
  { name: "startup", side: "frontend", phase: "startup", writers: STARTUP_WRITERS, readers: [readOpening] },
  { name: "frontend login", side: "frontend", phase: "login", writers: LOGIN_WRITERS, readers: FRONTEND_READERS },
  { name: "frontend", side: "frontend", phase: "steady", writers: FRONTEND_WRITERS, readers: FRONTEND_READERS },
  { name: "backend login", side: "backend", phase: "login", writers: SERVER_LOGIN_WRITERS, readers: BACKEND_READERS },
  { name: "backend", side: "backend", phase: "steady", writers: BACKEND_WRITERS, readers: BACKEND_READERS },
];

function conversation(writers: Kind["writers"]): Uint8Array {
  const writer = new Writer(0x100000);
  for (let count = 1 + roll(6); count > 0; count--) writers[roll(writers.length)]!(writer);
  return writer.bytes.slice(0, writer.end);
}

const VALUES = [0, 1, 4, 5, 0x53, 0x7f, 0x80, 0xff];

/** A few small changes, none of them in half of the rounds. */
function mutate(bytes: Uint8Array): Uint8Array {
  let changed = [...bytes];
  for (let count = roll(2) * (1 + roll(3)); count > 0; count--) {
    const at = roll(changed.length);
    const value = VALUES[roll(VALUES.length)]!;
    const way = roll(4);
    if (way === 0) changed[at] = value;
    else if (way === 1) changed.splice(at, 1 + roll(3));
    else if (way === 2) changed.splice(at, 0, value);
    else changed = changed.slice(0, at);
  }
  return Uint8Array.from(changed);
}

interface Outcome {
  readonly shown: readonly number[];
  readonly fault: string;
  readonly inside: boolean;
}

/** Everything that `bytes` say, cut by `sizes`. */
function frameAll(kind: Kind, bytes: Uint8Array, size: () => number): Outcome {
  const budget = new Budget(0x100000);
  const framer = new Framer({ side: kind.side, phase: kind.phase, wholeBytesMax: WHOLE_BYTES_MAX, budget });
  const shown: number[] = [];
  const fault = faultOf(() => {
    for (let at = 0; at < bytes.length;) {
      const chunk = bytes.slice(at, at + size());
      framer.feed(chunk, 0, chunk.length);
      for (let part = framer.next(); part !== NOTHING; part = framer.next()) {
        shown.push(...framer.bytes.subarray(framer.start, framer.end));
        if (part === WHOLE) readAll(kind, framer);
      }
      chunk.fill(0xee);
      at += chunk.length;
    }
  });
  const { inside } = framer;
  framer.close();
  expect(budget.lentBytes).toBe(0);
  return { shown, fault, inside };
}

function readAll({ readers }: Kind, frame: Part): void {
  for (const read of readers) readSafely(read, frame);
}

/** In its own bytes only, and a field that is not read stays 0: beyond them stands what would make any text and any count longer. */
function readSafely(read: (part: Part) => unknown, { bytes, start, end }: Part): void {
  const around = new Uint8Array(end - start + 64).fill(0x41);
  around.set(bytes.subarray(start, end), 16);
  const part = { bytes: around, start: 16, end: 16 + end - start };
  let result: unknown;
  const fault = faultOf(() => (result = read(part)));
  if (fault !== "" || typeof result !== "object" || result === null) return;
  const offsets = Object.entries(result).filter(([name]) => /(?:Start|End)$/.test(name));
  const outside = offsets.filter(([, value]) => value > 0 && (value < part.start || value > part.end));
  expect(outside).toEqual([]);
}

/** Nothing but a Fault may be thrown. */
function faultOf(run: () => void): string {
  try {
    run();
    return "";
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.message;
    throw thrown;
  }
}

for (const kind of KINDS) {
  test(`${kind.name}: whatever comes, however it is cut`, () => {
    for (let round = 0; round < ROUNDS / KINDS.length; round++) checkRound(kind);
  });
}

function checkRound(kind: Kind): void {
  const good = conversation(kind.writers);
  expect(frameAll(kind, good, () => good.length)).toEqual({ shown: [...good], fault: "", inside: false });
  const bytes = mutate(good);
  const whole = frameAll(kind, bytes, () => bytes.length);
  for (const size of [() => bytes.length, () => 1 + roll(40), () => 1]) {
    const { shown, fault, inside } = frameAll(kind, bytes, size);
    expect(fault).toBe(whole.fault);
    expect([...bytes.subarray(0, shown.length)]).toEqual([...shown]);
    // Of a frame that has not ended the chunks decide how much of it is shown by now.
    if (fault !== "") continue;
    expect(inside).toBe(whole.inside);
    if (!inside) expect(shown.length).toBe(bytes.length);
  }
}

test("scram: whatever words come, nobody gets in who does not know the password", () => {
  const salt = new Uint8Array(16);
  const verifier = { iterations: 4096, salt, storedKey: new Uint8Array(32), serverKey: new Uint8Array(32) };
  const quick = { ...digest, pbkdf2Sha256: () => new Uint8Array(32) };
  const words = (good: string): string => new TextDecoder().decode(mutate(new TextEncoder().encode(good)));
  for (let round = 0; round < ROUNDS; round++) {
    const client = new ScramClient({
      digest: quick,
      nonce: "n",
      secret: { password: "x" },
      mechanisms: [SCRAM],
      iterationsMax: 9999,
    });
    const server = new ScramServer({ digest: quick, nonce: "s", verifier });
    faultOf(() => {
      const challenge = server.challenge(SCRAM, words(client.first()));
      const last = client.final(words(challenge));
      client.verify(words(server.finish(words(last))));
    });
    expect([server.keys, client.keys]).toEqual([undefined, undefined]);
  }
});
