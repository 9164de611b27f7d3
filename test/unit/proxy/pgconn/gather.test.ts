import { expect, test } from "bun:test";
import { writeSync } from "../../../../proxy/pg/frontend-writer.ts";
import { Gather, type Outlet } from "../../../../proxy/pgconn/gather.ts";
import type { Sent } from "../../../../proxy/net/spill.ts";

class Sink implements Outlet {
  readonly writes: number[][] = [];
  answers: Sent[] = [];
  send(bytes: Uint8Array, start: number, end: number): Sent {
    this.writes.push([...bytes.subarray(start, end)]);
    return this.answers.shift() ?? "sent";
  }
}

const CHUNK = Uint8Array.from({ length: 100 }, (_, at) => at);
const SYNC = [0x53, 0, 0, 0, 4];

function opened(): { gather: Gather; sink: Sink } {
  const [gather, sink] = [new Gather(), new Sink()];
  gather.open(sink);
  return { gather, sink };
}

test("Gather: what follows each other in the chunk is one write, from where it stands", () => {
  const { gather, sink } = opened();
  gather.range(CHUNK, 0, 10);
  gather.range(CHUNK, 10, 30);
  expect(gather.flush()).toBe("sent");
  expect(sink.writes).toEqual([[...CHUNK.subarray(0, 30)]]);
});

test("Gather: with something of ours between it is one write too, in order", () => {
  const { gather, sink } = opened();
  gather.range(CHUNK, 0, 3);
  writeSync(gather.writer);
  gather.range(CHUNK, 5, 8);
  gather.flush();
  expect(sink.writes).toEqual([[0, 1, 2, ...SYNC, 5, 6, 7]]);
});

test("Gather: a large range is not copied", () => {
  const { gather, sink } = opened();
  writeSync(gather.writer);
  gather.range(new Uint8Array(100_000), 0, 100_000);
  writeSync(gather.writer);
  gather.flush();
  expect(sink.writes.map(({ length }) => length)).toEqual([5, 100_000, 5]);
});

test("Gather: what is held may change", () => {
  const { gather, sink } = opened();
  const held = Uint8Array.of(1, 2, 3);
  gather.range(held, 0, 3);
  gather.hold();
  held.fill(9);
  gather.flush();
  expect(sink.writes).toEqual([[1, 2, 3]]);
});

test("Gather: tells the worst, once, and nothing is left", () => {
  const { gather, sink } = opened();
  sink.answers = ["waiting", "sent"];
  writeSync(gather.writer);
  gather.range(new Uint8Array(100_000), 0, 100_000);
  expect(gather.flush()).toBe("waiting");
  gather.open(sink);
  expect(gather.flush()).toBe("sent");
  expect(sink.writes.length).toBe(2);
});
