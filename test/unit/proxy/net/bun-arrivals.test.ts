import { expect, test } from "bun:test";
import { Arrivals } from "../../../../proxy/net/bun-arrivals.ts";
import { FakeClock } from "../../../kit/clock.ts";

function watched(arrivals: Arrivals, clock: FakeClock, until = Number.POSITIVE_INFINITY) {
  const looks: number[] = [];
  const one = {
    looks,
    look() {
      looks.push(clock.now());
      return looks.length < until;
    },
  };
  arrivals.watch(one);
  return one;
}

test("Arrivals: looks at once, never within watch, and then ever more seldom", () => {
  const clock = new FakeClock();
  const arrivals = new Arrivals(clock);
  const one = watched(arrivals, clock);
  expect(one.looks).toEqual([]);
  clock.advance(0);
  expect(one.looks).toEqual([0]);
  clock.advance(20);
  expect(one.looks).toEqual([0, 1, 2, 4, 6, 10, 14]);
  for (let at = 2; at < one.looks.length; at += 1)
    expect(one.looks[at] as number).toBeLessThanOrEqual(2 * (one.looks[at - 1] as number));
});

test("Arrivals: a silent wire costs four looks a second in the end, as does each of a thousand", () => {
  const clock = new FakeClock();
  const arrivals = new Arrivals(clock);
  const all = Array.from({ length: 1_000 }, () => watched(arrivals, clock));
  clock.advance(10_000);
  const before = all.map(({ looks }) => looks.length);
  clock.advance(10_240);
  expect(all.map(({ looks }, at) => looks.length - (before[at] as number)).every((more) => more <= 41)).toBe(true);
  expect([arrivals.waiting, clock.waiting]).toEqual([1_000, 1]);
});

test("Arrivals: forgets who has arrived, who is forgotten, and all its timers with the last", () => {
  const clock = new FakeClock();
  const arrivals = new Arrivals(clock);
  const soon = watched(arrivals, clock, 1);
  const later = watched(arrivals, clock, 4);
  const gone = watched(arrivals, clock);
  const never = watched(arrivals, clock);
  arrivals.forget(never);
  clock.advance(3);
  arrivals.forget(gone);
  const looks = gone.looks.length;
  clock.advance(1_000);
  expect([soon.looks.length, later.looks.length, gone.looks.length, never.looks.length]).toEqual([1, 4, looks, 0]);
  expect([arrivals.waiting, clock.waiting]).toEqual([0, 0]);
});

test("Arrivals: one that is forgotten while the others of its tick are looked at is not looked at", () => {
  const clock = new FakeClock();
  const arrivals = new Arrivals(clock);
  const second = { look: () => true };
  let looked = 0;
  const first = {
    look() {
      looked += 1;
      if (looked === 2) arrivals.forget(second);
      return true;
    },
  };
  arrivals.watch(first);
  arrivals.watch(second);
  clock.advance(1);
  expect(arrivals.waiting).toBe(1);
  clock.advance(500);
  expect(arrivals.waiting).toBe(1);
});
