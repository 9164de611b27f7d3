/** Tests of test/kit/limits.ts. */
import { expect, test } from "bun:test";
import { FakePage } from "../../../kit/limits.ts";

test("FakePage: a limit of one name is shared by all processes, and never exceeded", () => {
  const page = new FakePage();
  const one = page.of(1).limit("links", 3);
  const other = page.of(2).limit("links", 3);
  const places = [one.take(), other.take(), one.take(), other.take()];
  expect([...places].sort()).toEqual([-1, 0, 1, 2]);
  expect([one.taken(), other.taken(), page.taken("links"), page.taken("clients")]).toEqual([3, 3, 3, 0]);
  one.give(places[0] as number);
  expect([other.taken(), other.take() >= 0, other.take()]).toEqual([2, true, -1]);
});

test("FakePage: take stops at max, whoever holds the places", () => {
  const page = new FakePage();
  const limit = page.of(1).limit("links", 5);
  page.of(2).limit("links", 5).take();
  expect([limit.take(2) >= 0, limit.take(2), limit.take(99) >= 0]).toEqual([true, -1, true]);
});

test("FakePage: only the owner gives a place back, and only once", () => {
  const page = new FakePage();
  const one = page.of(1).limit("links", 2);
  const place = one.take();
  expect(() => page.of(2).limit("links", 2).give(place)).toThrow(`Cannot give back place ${place}`);
  one.give(place);
  expect(() => one.give(place)).toThrow(`Cannot give back place ${place}`);
  expect(() => one.give(9)).toThrow("Cannot give back place 9");
});

test("FakePage: reclaim frees exactly what the dead one held, in every limit", () => {
  const page = new FakePage();
  for (const name of ["links", "clients"]) {
    page.of(1).limit(name, 4).take();
    page.of(1).limit(name, 4).take();
    page.of(2).limit(name, 4).take();
  }
  page.reclaim(1);
  expect([page.taken("links"), page.taken("clients")]).toEqual([1, 1]);
});

test("FakePage: whoever names a limit first says how long it is; less is kept, more is not given", () => {
  const page = new FakePage();
  page.of(1).limit("links", 4);
  expect([page.of(2).limit("links", 9).capacity, page.of(3).limit("links", 2).capacity]).toEqual([4, 2]);
  for (const capacity of [0, -1, 1.5]) expect(() => page.of(1).limit("bad", capacity)).toThrow(RangeError);
});
