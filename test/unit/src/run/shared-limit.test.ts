/** The traced limits of the shared page: what is left of a process that died, also at any instruction. */
import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import type { TracedPlace } from "../../../../proxy/base/limits.ts";
import { Page } from "../../../../src/run/page.ts";

const KEEPER = 1;
const TRACE = { processId: 4_711, secret: -7 };

function two() {
  const page = Page.create(KEEPER);
  return {
    page,
    dead: Page.adopt(page.fd, 2).traced("links", 4),
    alive: Page.adopt(page.fd, 3).traced("links", 4),
  };
}

test("traced: what a place stands for is seen by every process", () => {
  const { dead, alive } = two();
  const place = dead.take();
  dead.trace(place, TRACE);
  expect(alive.traces()).toEqual([{ place, owner: 2, orphan: false, ...TRACE }]);
  dead.give(place);
  expect(alive.traces()).toEqual([]);
});

test("traced: the places of a dead process stay taken as orphans, until they are freed", () => {
  const { page, dead, alive } = two();
  const place = dead.take();
  dead.trace(place, TRACE);
  dead.take();
  alive.take();
  expect(page.reclaim(2)).toBe(0);
  expect([alive.taken(), alive.orphaned()]).toEqual([3, 2]);
  expect([alive.take(), alive.take()].filter((taken) => taken >= 0).length).toBe(1);
  const orphans = alive.traces().filter(({ orphan }) => orphan);
  expect(orphans.map(({ owner, processId }) => [owner, processId])).toEqual([
    [2, TRACE.processId],
    [2, 0],
  ]);
  for (const orphan of orphans) expect(alive.free(orphan)).toBe(true);
  for (const orphan of orphans) expect(alive.free(orphan)).toBe(false);
  expect([alive.taken(), alive.orphaned()]).toEqual([2, 0]);
});

test("traced: what is freed twice is not taken from who has it now", () => {
  const { page, dead, alive } = two();
  const place = dead.take();
  page.reclaim(2);
  const [orphan] = alive.traces() as [TracedPlace];
  expect(alive.free(orphan)).toBe(true);
  expect(alive.take()).toBe(place);
  expect(alive.free(orphan)).toBe(false);
  page.reclaim(3);
  expect(Page.adopt(page.fd, 4).traced("links", 4).free(orphan)).toBe(false);
});

test("traced: a place that is taken again has forgotten what it stood for", () => {
  const { dead, alive } = two();
  const place = dead.take();
  dead.trace(place, TRACE);
  dead.give(place);
  expect(alive.take()).toBe(place);
  expect(alive.traces()[0]?.processId).toBe(0);
});

test("traced: refuses to trace a place of another, and to be shared as another kind", () => {
  const { page, dead, alive } = two();
  const place = dead.take();
  expect(() => alive.trace(place, TRACE)).toThrow(`Cannot trace place ${place}: it is held by 2`);
  expect(() => page.limit("links", 4)).toThrow("it is of another kind");
});

test("traced: both generations of a box, which share the page, see the same limit", () => {
  const { page, dead } = two();
  const next = Page.adopt(page.fd, 9).traced("links", 4);
  for (let count = 0; count < 3; count += 1) dead.take();
  expect([next.take() >= 0, next.take()]).toEqual([true, -1]);
});

test("traced: exact while processes are killed at any instruction: every orphan is one of theirs, and none is lost", async () => {
  const page = Page.create(KEEPER);
  const max = 9;
  const limit = page.traced("links", max);
  const tracer = fileURLToPath(new URL("../../../data/run/tracer.ts", import.meta.url));
  const everyone = new Set([0]);
  for (let round = 0; round < 6; round += 1) {
    const owners = [10, 11, 12].map((owner) => owner + 10 * round);
    for (const owner of owners) everyone.add(owner);
    const victims = owners.map((owner) =>
      Bun.spawn([process.execPath, tracer, String(owner), String(max)], {
        stdio: ["ignore", "pipe", "inherit", page.fd],
      }),
    );
    for (const victim of victims) for await (const _started of victim.stdout) break;
    for (let look = 0; look < 200; look += 1) expect(limit.taken()).toBeLessThanOrEqual(max);
    for (const victim of victims) victim.kill("SIGKILL");
    for (const victim of victims) await victim.exited;
    const held = limit.traces();
    for (const owner of owners) page.reclaim(owner);
    const orphans = limit.traces();
    expect(orphans.map(({ place }) => place)).toEqual(held.map(({ place }) => place));
    for (const { owner, orphan, processId, secret } of orphans) {
      expect([orphan, owners.includes(owner)]).toEqual([true, true]);
      // Its own, none, or what the last holder left there when it gave the place back; never half of two.
      expect(everyone.has(processId)).toBe(true);
      if (processId !== 0) expect(secret).toBe(-processId);
    }
    expect(limit.orphaned()).toBe(orphans.length);
    for (const orphan of orphans) expect(limit.free(orphan)).toBe(true);
    expect(limit.taken()).toBe(0);
  }
});
