/** Tests of test/kit/leases.ts. */
import { expect, test } from "bun:test";
import { FakeClock } from "../../../kit/clock.ts";
import { FakeLeases } from "../../../kit/leases.ts";

function two(): {
  clock: FakeClock;
  all: FakeLeases;
  a: ReturnType<FakeLeases["of"]>;
  b: ReturnType<FakeLeases["of"]>;
} {
  const clock = new FakeClock();
  const all = new FakeLeases(clock);
  return { clock, all, a: all.of("a"), b: all.of("b") };
}

test("FakeLeases: one holds it, until it runs out; the token grows with the new holder", async () => {
  const { clock, all, a, b } = two();
  const first = await a.acquire("feed", 100);
  expect([first?.token, await b.acquire("feed", 100), all.holder("feed")]).toEqual([1, undefined, "a"]);
  clock.advance(100);
  expect(all.holder("feed")).toBeUndefined();
  expect((await b.acquire("feed", 100))?.token).toBe(2);
  expect(await a.acquire("feed", 100)).toBeUndefined();
});

test("FakeLeases: who renews in time keeps its token", async () => {
  const { clock, a, b } = two();
  await a.acquire("feed", 100);
  clock.advance(99);
  expect((await a.acquire("feed", 100))?.token).toBe(1);
  clock.advance(99);
  expect(await b.acquire("feed", 100)).toBeUndefined();
});

test("FakeLeases: release frees it, and does nothing once another holds it", async () => {
  const { clock, all, a, b } = two();
  const late = await a.acquire("feed", 100);
  clock.advance(100);
  await b.acquire("feed", 100);
  await late?.release();
  expect(all.holder("feed")).toBe("b");
  await (await b.acquire("feed", 100))?.release();
  expect(all.holder("feed")).toBeUndefined();
  expect((await a.acquire("feed", 1))?.token).toBe(3);
});

test("FakeLeases: names do not touch each other", async () => {
  const { a, b } = two();
  await a.acquire("feed", 100);
  expect((await b.acquire("autoscale", 100))?.token).toBe(1);
});
