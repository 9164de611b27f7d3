import { expect, test } from "bun:test";
import { clock } from "../../../../src/run/clock.ts";

const LONGER_THAN_A_TIMEOUT_MS = 2 ** 31 + 5_000;

test("clock: now never goes back and keeps fractions", () => {
  const seen = Array.from({ length: 200 }, () => clock.now());
  expect(seen.every((value, at) => at === 0 || value >= (seen[at - 1] ?? 0))).toBe(true);
  expect(seen.some((value) => !Number.isInteger(value))).toBe(true);
});

test("clock: wall is the time of day", () => {
  const before = Date.now();
  const wall = clock.wall();
  expect(wall).toBeGreaterThanOrEqual(before);
  expect(wall).toBeLessThanOrEqual(Date.now());
});

test("clock: after runs once, and never within the call", async () => {
  let runs = 0;
  const fired = new Promise<void>((resolve) => {
    clock.after(0, () => {
      runs++;
      resolve();
    });
  });
  expect(runs).toBe(0);
  await fired;
  await turn();
  expect(runs).toBe(1);
});

test("clock: after takes a negative delay as none", async () => {
  await new Promise<void>((resolve) => void clock.after(-5, resolve));
});

test("clock: after refuses what is not a number", () => {
  expect(() => clock.after(Number.NaN, () => undefined)).toThrow("not a number");
  expect(() => clock.every(Number.NaN, () => undefined)).toThrow("not a number");
});

test("clock: after does not fire early when the delay is longer than the runtime can count", async () => {
  let fired = false;
  const timers = [LONGER_THAN_A_TIMEOUT_MS, Number.POSITIVE_INFINITY].map((delayMs) =>
    clock.after(delayMs, () => {
      fired = true;
    }),
  );
  await new Promise<void>((resolve) => void clock.after(5, resolve));
  for (const timer of timers) timer.cancel();
  expect(fired).toBe(false);
});

test("clock: a cancelled timer never runs, and cancelling twice is harmless", async () => {
  let fired = false;
  const timer = clock.after(1, () => {
    fired = true;
  });
  timer.cancel();
  timer.cancel();
  await new Promise<void>((resolve) => void clock.after(5, resolve));
  expect(fired).toBe(false);
});

test("clock: every runs until it is cancelled", async () => {
  let runs = 0;
  await new Promise<void>((resolve) => {
    const timer = clock.every(1, () => {
      runs++;
      if (runs < 3) return;
      timer.cancel();
      resolve();
    });
  });
  await new Promise<void>((resolve) => void clock.after(5, resolve));
  expect(runs).toBe(3);
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
