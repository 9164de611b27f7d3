/** What each of several workers is told to give up or to leave, on one page. */
import { expect, test } from "bun:test";
import { FairShare } from "../../../../proxy/pgconn/fair-share.ts";
import { FakePage } from "../../../kit/limits.ts";

const NAME = "pool shop";
const CAPACITY = 100;
const OVER = "more than the size";
const LESS = "another worker has less";

function stage(size: number, workers: number) {
  const page = new FakePage();
  const all = Array.from({ length: workers }, (_, index) => {
    const limits = page.of(index + 1);
    const places = limits.traced(NAME, CAPACITY);
    const fair = new FairShare(limits, NAME, places);
    const take = (count: number): number[] => Array.from({ length: count }, () => places.take(CAPACITY));
    const look = (held: number, now = size): void =>
      fair.look({ size: now, workers, orphaned: places.orphaned() }, held);
    look(0);
    return { fair, take, look, places };
  });
  return { page, one: all[0]!, two: all[1]! };
}

test("nobody starves and the size holds: nothing is given up, and it costs nothing to ask", () => {
  const { one } = stage(8, 2);
  one.take(8);
  one.look(8);
  expect([one.fair.isPressed, one.fair.whyGiveUp({ held: 8, closing: 0 })]).toEqual([false, undefined]);
  expect([one.fair.mayTake(8), one.fair.spare]).toEqual([true, 0]);
});

test("more than the size: one after the other, until it is reached", () => {
  const { one } = stage(8, 2);
  const [first, second] = one.take(8) as [number, number];
  one.look(8, 6);
  expect(one.fair.spare).toBe(2);
  expect(one.fair.whyGiveUp({ held: 8, closing: 0 })).toBe(OVER);
  expect(one.fair.whyGiveUp({ held: 8, closing: 1 })).toBeUndefined();
  one.places.give(first);
  expect(one.fair.whyGiveUp({ held: 7, closing: 0 })).toBe(OVER);
  one.places.give(second);
  expect([one.fair.whyGiveUp({ held: 6, closing: 0 }), one.fair.isPressed]).toEqual([undefined, false]);
});

test("another starves: what is beyond the share is given up, and free places are left to it", () => {
  const { one, two } = stage(8, 2);
  one.take(8);
  two.fair.hungers(0);
  one.look(8);
  expect([one.fair.whyGiveUp({ held: 5, closing: 0 }), one.fair.whyGiveUp({ held: 4, closing: 0 })]).toEqual([
    LESS,
    undefined,
  ]);
  expect([one.fair.mayTake(4), two.fair.mayTake(0)]).toEqual([false, true]);
  two.fair.sate();
  expect(one.fair.mayTake(4)).toBe(true);
});

test("who has its share does not starve", () => {
  const { one, two } = stage(8, 2);
  two.fair.hungers(3);
  expect(one.fair.othersStarve).toBe(true);
  two.fair.hungers(4);
  expect([one.fair.othersStarve, two.fair.othersStarve]).toEqual([false, false]);
});

test("who starved and died starves no more", () => {
  const { page, one, two } = stage(8, 2);
  two.fair.hungers(0);
  page.reclaim(2);
  expect(one.fair.othersStarve).toBe(false);
});

test("what orphans hold is not shared", () => {
  const { page, one, two } = stage(8, 2);
  two.take(4);
  one.take(4);
  page.reclaim(2);
  two.fair.hungers(0);
  one.look(4);
  expect(one.fair.whyGiveUp({ held: 4, closing: 0 })).toBe(LESS);
  expect(one.fair.whyGiveUp({ held: 2, closing: 0 })).toBeUndefined();
});

test("fewer places than workers: the last link is given up once a look, and not taken back before the next", () => {
  const { one, two } = stage(1, 2);
  one.take(1);
  two.fair.hungers(0);
  one.look(1);
  expect(one.fair.whyGiveUp({ held: 1, closing: 0 })).toBe(LESS);
  expect([one.fair.mayTake(0), two.fair.mayTake(0), one.fair.isPressed]).toEqual([false, true, false]);
  one.look(0);
  expect(one.fair.mayTake(0)).toBe(true);
});
