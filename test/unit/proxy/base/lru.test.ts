/** Tests of proxy/base/lru.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../../../proxy/base/assert.ts";
import { Lru } from "../../../../proxy/base/lru.ts";

function recording(entriesMax: number): { lru: Lru<string, number>; evicted: string[] } {
  const evicted: string[] = [];
  return { lru: new Lru<string, number>(entriesMax, (key, value) => evicted.push(`${key}=${value}`)), evicted };
}

describe("Lru", () => {
  test("set: pushes out the one that was longest not used, and says so", () => {
    const { lru, evicted } = recording(2);
    lru.set("a", 1);
    lru.set("b", 2);
    lru.set("c", 3);
    expect(evicted).toEqual(["a=1"]);
    expect([lru.get("a"), lru.get("b"), lru.get("c")]).toEqual([undefined, 2, 3]);
  });

  test("get: counts as use, peek and has do not", () => {
    const { lru, evicted } = recording(2);
    lru.set("a", 1);
    lru.set("b", 2);
    expect([lru.get("a"), lru.peek("b"), lru.has("b")]).toEqual([1, 2, true]);
    lru.set("c", 3);
    expect(evicted).toEqual(["b=2"]);
  });

  test("set: replaces a value in place, without telling", () => {
    const { lru, evicted } = recording(2);
    lru.set("a", 1);
    lru.set("b", 2);
    lru.set("a", 9);
    lru.set("c", 3);
    expect(evicted).toEqual(["b=2"]);
    expect(lru.get("a")).toBe(9);
  });

  test("delete and clear: forget without telling", () => {
    const { lru, evicted } = recording(3);
    for (const key of ["a", "b", "c"]) lru.set(key, 1);
    expect([lru.delete("b"), lru.delete("b"), lru.size]).toEqual([true, false, 2]);
    lru.clear();
    expect([lru.size, lru.get("a"), [...lru]]).toEqual([0, undefined, []]);
    lru.set("d", 4);
    expect([...lru]).toEqual([["d", 4]]);
    expect(evicted).toEqual([]);
  });

  test("evicted: may put something into the map itself", () => {
    const kept: string[] = [];
    const lru: Lru<string, number> = new Lru(1, (key) => {
      kept.push(key);
      if (key === "a") lru.set("back", 0);
    });
    lru.set("a", 1);
    lru.set("b", 2);
    expect(kept).toEqual(["a", "b"]);
    expect([...lru]).toEqual([["back", 0]]);
  });

  test.each([0, -3, 0.5])("new: throws a Bug for entriesMax %p", (entriesMax) => {
    expect(() => new Lru(entriesMax)).toThrow(Bug);
  });

  test("behaves as a list of pairs in the order of use", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
    const step = fc.record({ what: fc.constantFrom("get", "set", "delete", "peek"), key, value: fc.nat(99) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80 }), (entriesMax, steps) => {
        const { lru, evicted } = recording(entriesMax);
        let model: [string, number][] = [];
        const gone: string[] = [];
        for (const { what, key, value } of steps) {
          const known = model.find(([name]) => name === key);
          const others = model.filter(([name]) => name !== key);
          if (what === "peek") expect(lru.peek(key)).toBe(known?.[1] as number);
          if (what === "get") expect(lru.get(key)).toBe(known?.[1] as number);
          if (what === "get" && known !== undefined) model = [...others, known];
          if (what === "delete") expect(lru.delete(key)).toBe(known !== undefined);
          if (what === "delete") model = others;
          if (what === "set") lru.set(key, value);
          if (what === "set") model = [...others, [key, value]];
          for (const [name, last] of model.splice(0, model.length - entriesMax)) gone.push(`${name}=${last}`);
          expect([...lru]).toEqual(model);
          expect(lru.size).toBe(model.length);
        }
        expect(evicted).toEqual(gone);
      }),
    );
  });
});
