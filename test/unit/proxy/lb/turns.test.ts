import { expect, test } from "bun:test";
import { Turns } from "../../../../proxy/lb/turns.ts";
import { FakeClock } from "../../../kit/clock.ts";

test("Turns: runs what was asked for once at the turn's end, also what that brings about, whatever one of them throws", () => {
  const clock = new FakeClock();
  const ends: (() => void)[] = [];
  const failed: unknown[] = [];
  const turns = new Turns({
    clock,
    net: { afterTurn: (run) => void ends.push(run) },
    failed: (thrown) => void failed.push(thrown),
  });
  const ran: string[] = [];
  const task = (name: string, then?: () => void) => ({ turn: () => (ran.push(name), then?.()) as void });
  turns.later(
    task("one", () => {
      throw new Error("bad");
    }),
  );
  turns.later(task("two", () => turns.later(task("three"))));
  clock.advance(5);
  expect([ends.length, ran, turns.nowMs]).toEqual([1, [], 0]);
  ends.shift()?.();
  expect([ran, failed.length, turns.nowMs, ends.length]).toEqual([["one", "two", "three"], 1, 5, 0]);
  turns.later(task("four"));
  expect(ends.length).toBe(1);
});
