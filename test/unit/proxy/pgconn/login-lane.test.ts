import { expect, test } from "bun:test";
import { Fault } from "../../../../proxy/base/fault.ts";
import { LoginLane, RETRY_MS_MAX, RETRY_MS_MIN } from "../../../../proxy/pgconn/login-lane.ts";
import { FakeClock } from "../../../kit/clock.ts";
import { SeededRng } from "../../../kit/rng.ts";

const DOWN = new Fault("SERVER_UNREACHABLE", "Cannot dial: ECONNREFUSED");

function lane() {
  const clock = new FakeClock();
  const opened: number[] = [];
  return { clock, opened, lane: new LoginLane(clock, new SeededRng(1), () => opened.push(clock.now())) };
}

test("LoginLane: lets four begin at once, and one more when one is in", () => {
  const { lane: it } = lane();
  for (let count = 0; count < 4; count++) {
    expect(it.isOpen).toBe(true);
    it.begun();
  }
  expect(it.isOpen).toBe(false);
  it.succeeded();
  expect(it.isOpen).toBe(true);
});

test("LoginLane: after a failure it rests, and then lets one begin at a time until one is in", () => {
  const { lane: it, clock, opened } = lane();
  it.begun();
  it.failed(DOWN);
  expect([it.isOpen, it.reason]).toEqual([false, DOWN]);
  clock.advance(RETRY_MS_MIN);
  expect([it.isOpen, opened.length]).toEqual([true, 1]);
  it.begun();
  expect(it.isOpen).toBe(false);
  it.succeeded();
  expect([it.isOpen, it.reason]).toEqual([true, undefined]);
});

test("LoginLane: those that fail together count once; the rest doubles up to its maximum, with jitter", () => {
  const { lane: it, clock, opened } = lane();
  const rests: number[] = [];
  for (let round = 0; round < 12; round++) {
    const sinceMs = clock.now();
    for (let count = 0; count < 3; count++) it.begun();
    for (let count = 0; count < 3; count++) it.failed(DOWN);
    clock.advance(RETRY_MS_MAX);
    expect(opened.length).toBe(round + 1);
    rests.push((opened.at(-1) ?? 0) - sinceMs);
  }
  for (const [round, rest] of rests.entries()) {
    const fullMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** round);
    expect(rest).toBeGreaterThanOrEqual(fullMs / 2);
    expect(rest).toBeLessThanOrEqual(fullMs);
  }
});

test("LoginLane: what was undone is no failure, and what is cleared may be tried at once", () => {
  const { lane: it, clock } = lane();
  it.begun();
  it.undone();
  expect([it.isOpen, it.reason]).toEqual([true, undefined]);
  it.begun();
  it.failed(DOWN);
  it.clear();
  expect([it.isOpen, clock.waiting]).toEqual([true, 0]);
});
