/**
 * What the Postgres codec costs per frame: `npm run --silent bun -- test/bench/micro/pg.ts`. The best of several rounds is
 * printed, in nanoseconds. A measurement, no test.
 */
import { Budget } from "../../../proxy/base/byte-queue.ts";
import { CommandComplete, readReady, ParameterStatus } from "../../../proxy/pg/backend.ts";
import { writeCommandComplete, writeDataRow, writeReady } from "../../../proxy/pg/backend-writer.ts";
import { Framer, NOTHING } from "../../../proxy/pg/framer.ts";
import { Bind, Parse } from "../../../proxy/pg/frontend.ts";
import { writeBind, writeExecute, writeParse, writeRenamed, writeSync } from "../../../proxy/pg/frontend-writer.ts";
import type { Side } from "../../../proxy/pg/tag.ts";
import { Writer } from "../../../proxy/pg/writer.ts";

const ROUNDS = 9;
const ROUND_MS = 60;
/** Calls between two looks at the clock, which costs more than some of them. */
const BATCH = 50;
const MEGABYTE = 0x100000;
const budget = new Budget(16 * MEGABYTE);

function framer(side: Side): Framer {
  return new Framer({ side, phase: "steady", wholeBytesMax: 16_384, budget });
}

/** Nanoseconds for one of the `count` things that `run` does. */
function measure(name: string, count: number, run: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    let calls = 0;
    do {
      for (let call = 0; call < BATCH; call++) run();
      calls += BATCH;
    } while (performance.now() - start < ROUND_MS);
    best = Math.min(best, ((performance.now() - start) * 1e6) / (calls * count));
  }
  console.log(`${name.padEnd(58)} ${best.toFixed(1).padStart(8)} ns`);
}

let sink = 0;

/** All frames of the bytes, in chunks of that size. */
function frame(one: Framer, bytes: Uint8Array, chunkBytes: number): void {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    one.feed(bytes, at, Math.min(at + chunkBytes, bytes.length));
    while (one.next() !== NOTHING) sink += one.tag + one.end - one.start;
  }
}

function bytesOf(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(MEGABYTE);
  write(writer);
  return writer.bytes.slice(0, writer.end);
}

const ROWS = 1000;
const answer = bytesOf((writer) => {
  for (let row = 0; row < ROWS; row++) writeDataRow(writer, [`${row}`, "some text of a row"]);
});
const rows = framer("backend");
measure("frame: 1000 data rows in one chunk", ROWS, () => frame(rows, answer, answer.length));
measure("frame: the same, alike taken together", ROWS, () => {
  rows.feed(answer, 0, answer.length);
  while (rows.next() !== NOTHING) sink += rows.takeAlike();
});
measure("frame: the same in chunks of 4 KiB", ROWS, () => frame(rows, answer, 4096));
measure("frame: the same in chunks of 64 bytes", ROWS, () => frame(rows, answer, 64));

const request = bytesOf((writer) => {
  writeBind(writer, "", "statement_1", ["12345"]);
  writeExecute(writer, "", 0);
  writeSync(writer);
});
const extended = framer("frontend");
measure("frame: Bind, Execute, Sync in one chunk (each)", 3, () => frame(extended, request, request.length));

const bindFrame = framer("frontend");
bindFrame.feed(request, 0, request.length);
bindFrame.next();
const bind = new Bind();
measure("Bind.readHead", 1, () => (sink += bind.readHead(bindFrame).nameEnd));
measure("Bind.read", 1, () => (sink += bind.read(bindFrame).resultFormatCount));
const out = new Writer(MEGABYTE);
const name = new TextEncoder().encode("s42");
measure("writeRenamed: Bind", 1, () => {
  out.clear();
  writeRenamed(out, bindFrame, bind, name);
  sink += out.end;
});

const query = `select * from links where slug = $1 /* ${"x".repeat(200)} */`;
const parseBytes = bytesOf((writer) => writeParse(writer, "statement_1", query, [25]));
const parsePart = { bytes: parseBytes, start: 0, end: parseBytes.length };
const parse = new Parse();
measure("Parse.read (240 bytes of SQL)", 1, () => (sink += parse.read(parsePart).textEnd));

const tail = bytesOf((writer) => {
  writeCommandComplete(writer, "SELECT 1");
  writeReady(writer, 0x49);
});
const readyPart = { bytes: tail, start: tail.length - 6, end: tail.length };
const complete = new CommandComplete();
const completePart = { bytes: tail, start: 0, end: tail.length - 6 };
measure("readReady", 1, () => (sink += readReady(readyPart)));
measure('CommandComplete.read and is("SELECT")', 1, () => (sink += complete.read(completePart).is("SELECT") ? 1 : 0));
measure("writeCommandComplete, writeReady", 1, () => {
  out.clear();
  writeCommandComplete(out, "SELECT 1");
  writeReady(out, 0x49);
  sink += out.end;
});
measure("writeParse (240 bytes of SQL)", 1, () => {
  out.clear();
  writeParse(out, "s42", query);
  sink += out.end;
});

const status = bytesOf((writer) => writer.begin(0x53).text("application_name").text("shop").close());
const statusPart = { bytes: status, start: 0, end: status.length };
const parameter = new ParameterStatus();
measure("ParameterStatus.read", 1, () => (sink += parameter.read(statusPart).valueEnd));
console.log(`(${sink})`);
