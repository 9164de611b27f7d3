/** Tests how the benchmarks read /proc. */
import { expect, test } from "bun:test";
import { family, kindOf, readStat, residentBytes } from "../../../bench/processes.ts";

test("readStat: finds its fields behind a name with spaces and parentheses", () => {
  expect(readStat("42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 1 2 20 0 8 0 9000")).toEqual({
    parent: 7,
    ticks: 200,
  });
});

test("family: finds children, parents first", async () => {
  const child = Bun.spawn(["sleep", "600"]);
  try {
    expect(family(process.pid)[0]).toBe(process.pid);
    expect(family(process.pid)).toContain(child.pid);
    expect(family(child.pid)).toEqual([child.pid]);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});

test("kindOf: is told by the mark of a child, and a process without one is a keeper", async () => {
  const order = JSON.stringify({ kind: "worker", parent: 1 });
  const child = Bun.spawn(["sleep", "600"], { env: { PATH: process.env["PATH"], SCALE_CHILD: order } });
  const plain = Bun.spawn(["sleep", "600"], { env: { PATH: process.env["PATH"] } });
  try {
    expect([kindOf(child.pid), kindOf(plain.pid)]).toEqual(["worker", "keeper"]);
  } finally {
    for (const one of [child, plain]) one.kill("SIGKILL");
    await Promise.all([child.exited, plain.exited]);
  }
});

test("residentBytes: is what the kernel says, in bytes", () => {
  expect(residentBytes(process.pid)).toBeGreaterThan(1e6);
});
