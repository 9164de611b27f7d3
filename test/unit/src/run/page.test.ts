/** The shared page: exact over processes, and exact again after any of them has died at any instruction. */
import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { Page } from "../../../../src/run/page.ts";

const KEEPER = 1;

test("limit: never gives more places than max when they are taken one by one", () => {
  const limit = Page.create(KEEPER).limit("links", 20);
  const places = new Set<number>();
  for (let n = 0; n < 5; n += 1) places.add(limit.take(5));
  expect(places.size).toBe(5);
  expect(limit.take(5)).toBe(-1);
  expect(limit.taken()).toBe(5);
});

test("limit: when it is lowered nothing can be taken until fewer than the new limit are held", () => {
  const limit = Page.create(KEEPER).limit("links", 10);
  const held = Array.from({ length: 10 }, () => limit.take());
  for (const place of held.splice(0, 6)) limit.give(place);
  expect(limit.taken()).toBe(4);
  expect(limit.take(4)).toBe(-1);
  expect(limit.take(5)).toBeGreaterThanOrEqual(0);
  expect(limit.take(5)).toBe(-1);
});

test("limit: a place that was given back can be taken again", () => {
  const limit = Page.create(KEEPER).limit("links", 1);
  const place = limit.take();
  expect(limit.take()).toBe(-1);
  limit.give(place);
  expect(limit.take()).toBe(place);
});

test("limit: refuses to give back what this process does not hold", () => {
  const page = Page.create(KEEPER);
  const other = Page.adopt(page.fd, 2).limit("links", 4);
  const place = page.limit("links", 4).take();
  expect(() => other.give(place)).toThrow(`Cannot give back place ${place}: it is held by ${KEEPER}`);
});

test("limit: the same name is the same limit for every process, another name another", () => {
  const page = Page.create(KEEPER);
  const other = Page.adopt(page.fd, 2);
  page.limit("links", 3).take();
  expect(other.limit("links", 3).taken()).toBe(1);
  expect(other.limit("clients", 3).taken()).toBe(0);
});

test("limit: a later process cannot make a limit larger than it was made", () => {
  const page = Page.create(KEEPER);
  page.limit("links", 3);
  expect(Page.adopt(page.fd, 2).limit("links", 50).capacity).toBe(3);
});

test("limit: refuses a capacity that is no count, and more than the page holds", () => {
  const page = Page.create(KEEPER);
  expect(() => page.limit("none", 0)).toThrow(RangeError);
  expect(() => page.limit("huge", 10_000_000)).toThrow("the page is full");
});

test("reclaim: frees exactly the places of the dead process", () => {
  const page = Page.create(KEEPER);
  const dead = Page.adopt(page.fd, 2).limit("links", 10);
  const alive = Page.adopt(page.fd, 3).limit("links", 10);
  for (let n = 0; n < 4; n += 1) dead.take();
  for (let n = 0; n < 3; n += 1) alive.take();
  expect(page.reclaim(2)).toBe(4);
  expect(alive.taken()).toBe(3);
});

test("enroll: a row shows heartbeats and the note to other processes, until it is reclaimed", () => {
  const page = Page.create(KEEPER);
  const row = Page.adopt(page.fd, 7).enroll();
  row.beat();
  row.beat();
  const { written } = new TextEncoder().encodeInto("GET /slow", row.note.bytes);
  row.note.setLength(written);
  expect(page.rowOf(7)?.beats()).toBe(2);
  expect(page.rowOf(7)?.readNote()).toBe("GET /slow");
  page.reclaim(7);
  expect(page.rowOf(7)).toBeUndefined();
});

test("enroll: a row that is taken again has forgotten the one before", () => {
  const page = Page.create(KEEPER);
  const first = Page.adopt(page.fd, 2).enroll();
  first.beat();
  page.reclaim(2);
  expect(Page.adopt(page.fd, 3).enroll().beats()).toBe(0);
});

test("limit: exact over four processes, one of which is killed again and again while it takes and gives", async () => {
  const page = Page.create(KEEPER);
  const max = 7;
  const limit = page.limit("links", max);
  const taker = fileURLToPath(new URL("../../../data/run/taker.ts", import.meta.url));
  const start = (owner: number, rounds: number) =>
    Bun.spawn([process.execPath, taker, String(owner), String(max), String(rounds)], {
      stdio: ["ignore", "pipe", "inherit", page.fd],
    });
  const steady = [2, 3, 4].map((owner) => start(owner, 40_000));
  for (let owner = 5; owner < 10; owner += 1) {
    const victim = start(owner, 1_000_000_000);
    for await (const _started of victim.stdout) break;
    victim.kill("SIGKILL");
    await victim.exited;
    page.reclaim(owner);
  }
  for (const process of steady) {
    const most = Number((await new Response(process.stdout).text()).trim().split("\n").at(-1));
    expect(await process.exited).toBe(0);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(max);
  }
  expect(limit.taken()).toBe(0);
});
