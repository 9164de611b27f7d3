import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Place, Waiting } from "../../../../proxy/upstream/waiting.ts";

function places(count: number, told: string[]): Place[] {
  return Array.from(
    { length: count },
    (_, index) =>
      new Place({
        targetReady: () => void told.push(`ready ${index}`),
        targetLate: () => void told.push(`late ${index}`),
      }),
  );
}

describe("Waiting", () => {
  test("join: one more than may wait is full, and nothing changed", () => {
    const waiting = new Waiting(2);
    const all = places(3, []);
    expect(all.map((place) => waiting.join(place, 0))).toEqual(["waiting", "waiting", "full"]);
    expect([waiting.length, all[2]?.waits]).toEqual([2, false]);
    waiting.placesMax = 0;
    expect(waiting.length).toBe(2);
  });

  test("join: twice is a bug; leave is harmless for who does not wait", () => {
    const [place] = places(1, []) as [Place];
    const waiting = new Waiting(9);
    place.leave();
    waiting.join(place, 0);
    expect(() => waiting.join(place, 0)).toThrow("Cannot wait");
    place.leave();
    place.leave();
    expect(waiting.length).toBe(0);
  });

  test("wake: calls all, the longest first, and nobody twice who waits again", () => {
    const told: string[] = [];
    const waiting = new Waiting(9);
    const again = new Place({
      targetReady: () => (told.push("again"), void waiting.join(again, 0)),
      targetLate: () => undefined,
    });
    const [one, two] = places(2, told) as [Place, Place];
    for (const place of [one, again, two]) waiting.join(place, 0);
    waiting.wake();
    expect(told).toEqual(["ready 0", "again", "ready 1"]);
    expect([waiting.length, again.waits]).toEqual([1, true]);
  });

  test("wake: whoever is told may take another one out of the queue", () => {
    const told: string[] = [];
    const waiting = new Waiting(9);
    const [victim] = places(1, told) as [Place];
    const killer = new Place({ targetReady: () => victim.leave(), targetLate: () => undefined });
    waiting.join(killer, 0);
    waiting.join(victim, 0);
    waiting.wake();
    expect([told.length, waiting.length]).toEqual([0, 0]);
  });

  test("sweep: sends away whose time is over, wherever they stand", () => {
    const told: string[] = [];
    const waiting = new Waiting(9);
    for (const [index, place] of places(4, told).entries()) waiting.join(place, index % 2 === 0 ? 100 : 300);
    waiting.sweep(99);
    expect(told).toEqual([]);
    waiting.sweep(100);
    expect(told).toEqual(["late 0", "late 2"]);
    waiting.sweep(1_000);
    expect(told.slice(2)).toEqual(["late 1", "late 3"]);
  });

  test("sweep: goes on when whoever is told takes the next one out of the queue", () => {
    const told: string[] = [];
    const waiting = new Waiting(9);
    const [victim, last] = places(2, told) as [Place, Place];
    const killer = new Place({ targetReady: () => undefined, targetLate: () => victim.leave() });
    for (const place of [killer, victim, last]) waiting.join(place, 100);
    waiting.sweep(100);
    expect([told, waiting.length]).toEqual([["late 1"], 0]);
  });

  test("in any order of events it is a list that is cut", () => {
    const step = fc.record({ join: fc.boolean(), index: fc.nat(7), untilMs: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const told: string[] = [];
        const waiting = new Waiting(5);
        const all = places(8, told);
        const model: number[] = [];
        for (const { join, index } of steps) {
          const place = all[index] as Place;
          const at = model.indexOf(index);
          if (!join) {
            place.leave();
            if (at !== -1) model.splice(at, 1);
          } else if (at === -1) {
            expect(waiting.join(place, 0)).toBe(model.length < 5 ? "waiting" : "full");
            if (model.length < 5) model.push(index);
          }
          expect(waiting.length).toBe(model.length);
        }
        waiting.wake();
        expect(told).toEqual(model.map((index) => `ready ${index}`));
      }),
    );
  });
});
