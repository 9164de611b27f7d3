/** Tests of proxy/base/ring.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../../../proxy/base/assert.ts";
import { Ring } from "../../../../proxy/base/ring.ts";

describe("Ring", () => {
  test("shift: gives in the order of push, and undefined when empty", () => {
    const ring = new Ring<string>(3);
    ring.push("a");
    ring.push("b");
    expect([ring.shift(), ring.shift(), ring.shift()]).toEqual(["a", "b", undefined]);
  });

  test("push: refuses when full, and changes nothing", () => {
    const ring = new Ring<number>(2);
    expect([ring.push(1), ring.push(2), ring.push(3)]).toEqual([true, true, false]);
    expect(ring.full).toBe(true);
    expect([...ring]).toEqual([1, 2]);
  });

  test("at: looks from the oldest, also around the end, and is undefined outside", () => {
    const ring = new Ring<number>(3);
    for (const item of [1, 2, 3]) ring.push(item);
    ring.shift();
    ring.push(4);
    expect([ring.at(-1), ring.at(0), ring.at(1), ring.at(2), ring.at(3)]).toEqual([undefined, 2, 3, 4, undefined]);
  });

  test("clear: empties it, and it can be used again", () => {
    const ring = new Ring<number>(2);
    ring.push(1);
    ring.clear();
    expect([ring.length, ring.shift(), ring.push(5), ring.at(0)]).toEqual([0, undefined, true, 5]);
  });

  test("holds an item that is undefined like any other", () => {
    const ring = new Ring<undefined>(2);
    ring.push(undefined);
    expect(ring.length).toBe(1);
    expect([...ring]).toEqual([undefined]);
  });

  test("shift: leaves no reference behind", async () => {
    const ring = new Ring<object>(64);
    const left: WeakRef<object>[] = [];
    const pushOne = (): void => {
      const item = { name: "item" };
      ring.push(item);
      left.push(new WeakRef(item));
    };
    for (let count = 0; count < 50; count += 1) pushOne();
    for (let count = 0; count < 49; count += 1) ring.shift();
    // A WeakRef holds its target for the rest of the turn it was made in.
    await new Promise((resolve) => setImmediate(resolve));
    Bun.gc(true);
    // The collector may still see one or two on the stack.
    expect(left.filter((reference) => reference.deref() !== undefined).length).toBeLessThan(10);
    expect(ring.length).toBe(1);
  });

  test.each([0, -1, 1.5, Number.NaN])("new: throws a Bug for itemsMax %p", (itemsMax) => {
    expect(() => new Ring(itemsMax)).toThrow(Bug);
  });

  test("behaves as a bounded array under any use, across growth and wrap", () => {
    const step = fc.oneof({ weight: 3, arbitrary: fc.nat() }, { weight: 2, arbitrary: fc.constant("shift" as const) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 200 }), (itemsMax, steps) => {
        const ring = new Ring<number>(itemsMax);
        const model: number[] = [];
        for (const one of steps) {
          if (one === "shift") expect(ring.shift()).toBe(model.shift() as number);
          else if (model.length < itemsMax) expect([ring.push(one), model.push(one) > 0]).toEqual([true, true]);
          else expect(ring.push(one)).toBe(false);
          expect([...ring]).toEqual(model);
          expect([ring.length, ring.full]).toEqual([model.length, model.length === itemsMax]);
        }
      }),
    );
  });
});
