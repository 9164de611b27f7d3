import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import type { Clock, Timer } from "../../../../proxy/base/clock.ts";
import { Meter } from "../../../../src/run/meter.ts";
import { residentBytes } from "../../../../src/run/proc.ts";
import * as vitals from "../../../../src/run/vitals.ts";

const numbersOf = (meter: Meter) =>
  Object.fromEntries(meter.snapshot().flatMap(({ row, series }) => series.map(({ values }) => [row.name, values])));

test("vitals: agree with what the runtime says of itself", () => {
  expect(residentBytes(process.pid) / process.memoryUsage.rss()).toBeWithin(0.8, 1.25);
  expect(vitals.startSeconds(process.pid)).toBeWithin(Date.now() / 1_000 - process.uptime() - 2, Date.now() / 1_000);
  const { user, system } = process.cpuUsage();
  expect(vitals.cpuSeconds(process.pid)).toBeWithin((user + system) / 1e6 - 0.5, (user + system) / 1e6 + 0.5);
  expect(vitals.maxFds(process.pid)).toBeGreaterThan(0);
});

test("openFds: counts a descriptor more when one is opened", () => {
  const before = vitals.openFds(process.pid);
  const fds = [1, 2, 3].map(() => openSync("/dev/null", "r"));
  expect(vitals.openFds(process.pid)).toBe(before + 3);
  for (const fd of fds) closeSync(fd);
});

test("vitals: read a process whose name holds blanks and parentheses", async () => {
  const script = 'printf "%s" "a) R (b" > /proc/self/comm; echo ok; read -r';
  const child = Bun.spawn(["bash", "-c", script], { stdin: "pipe", stdout: "pipe" });
  await child.stdout.getReader().read();
  expect(vitals.startSeconds(child.pid)).toBeWithin(Date.now() / 1_000 - 60, Date.now() / 1_000 + 2);
  expect(vitals.cpuSeconds(child.pid)).toBeWithin(0, 5);
  child.stdin.end();
  await child.exited;
});

test("vitals: of a process that is gone throw", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(() => vitals.cpuSeconds(child.pid)).toThrow("ENOENT");
});

test("countVitalsOf: labels its rows and keeps the last numbers of a process that is gone", async () => {
  const meter = new Meter();
  const child = Bun.spawn(["cat"], { stdin: "pipe" });
  vitals.countVitalsOf(meter, { process: "worker", index: 3 }, child.pid);
  const alive = numbersOf(meter);
  expect(meter.snapshot()[0]?.series[0]?.labels).toEqual(["worker", "3"]);
  expect(alive["process_start_time_seconds"]?.[0]).toBeGreaterThan(1e9);
  child.stdin.end();
  await child.exited;
  expect(numbersOf(meter)["process_start_time_seconds"]).toEqual(alive["process_start_time_seconds"]);
});

test("countVitals: observes how late each turn was, and never a negative lag", () => {
  let now = 1_000;
  let tick = () => undefined as void;
  const timer: Timer = { cancel: () => undefined };
  const clock: Clock = {
    now: () => now,
    wall: () => now,
    after: () => timer,
    every: (_periodMs, run) => {
      tick = run;
      return timer;
    },
  };
  const meter = new Meter();
  expect(vitals.countVitals(meter, { process: "worker", index: 1 }, clock)).toBe(timer);
  for (const elapsedMs of [500, 499, 3_500]) {
    now += elapsedMs;
    tick();
  }
  const values = numbersOf(meter)["scale_event_loop_lag_seconds"] ?? [];
  expect(values[0]).toBe(2);
  expect(values[10]).toBe(1);
  expect(values.at(-1)).toBe(3);
});
