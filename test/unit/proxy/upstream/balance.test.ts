import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Tries } from "../../../../proxy/upstream/tries.ts";
import { NOBODY_TRIED, UpstreamRig } from "./rig.ts";

const weights = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 12 });
const names = fc.constantFrom("least" as const, "round-robin" as const);

describe("round-robin", () => {
  test("goes around in order when all weigh the same", () => {
    const rig = new UpstreamRig([1, 1, 1], "round-robin");
    const [first, second, third] = [rig.pick(), rig.pick(), rig.pick()];
    expect(new Set([first, second, third]).size).toBe(3);
    expect([rig.pick(), rig.pick(), rig.pick()]).toEqual([first, second, third]);
  });

  test("is exact over each period, wherever it starts", () => {
    fc.assert(
      fc.property(weights, fc.integer(), (all, seed) => {
        const total = all.reduce((sum, weight) => sum + weight, 0);
        if (total === 0) return;
        const counts = new UpstreamRig(all, "round-robin", seed).spread(total);
        for (const [index, weight] of all.entries()) expect(counts[`t${index}`] ?? 0).toBe(weight);
      }),
    );
  });

  test("is smooth: the heavy one does not get its turns in a row", () => {
    const rig = new UpstreamRig([5, 1, 1], "round-robin");
    const order = Array.from({ length: 14 }, () => rig.pick()).join(" ");
    expect(order).not.toContain("t0 t0 t0 t0 t0");
  });

  test("starts anywhere, so that workers do not march in step", () => {
    const firsts = new Set(
      Array.from({ length: 40 }, (_, seed) => new UpstreamRig([1, 1, 1], "round-robin", seed).pick()),
    );
    expect(firsts.size).toBe(3);
  });
});

describe("least", () => {
  test("spreads idle work by weight", () => {
    const counts = new UpstreamRig([1, 2, 5]).spread(16_000);
    expect(counts["t0"]).toBeWithin(1_700, 2_300);
    expect(counts["t1"]).toBeWithin(3_600, 4_400);
    expect(counts["t2"]).toBeWithin(9_500, 10_500);
  });

  test("spreads work that stays nearly as well as asking all", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer(), (count, seed) => {
        const rig = new UpstreamRig(new Array(count).fill(1), "least", seed);
        rig.spread(count * 50, true);
        for (const { inFlight } of rig.upstream.targets) expect(inFlight).toBeWithin(44, 57);
      }),
    );
  });

  test("keeps work that stays in the proportion of the weights", () => {
    const rig = new UpstreamRig([1, 4], "least");
    rig.spread(500, true);
    expect(rig.target("t0").inFlight).toBeWithin(90, 111);
  });

  test("compares two different ones: of two targets always the less busy one", () => {
    const rig = new UpstreamRig([1, 1]);
    rig.target("t0").take();
    expect(rig.spread(200)).toEqual({ t1: 200 });
    const uneven = new UpstreamRig([5, 1]);
    uneven.target("t0").take();
    expect(uneven.spread(200)).toEqual({ t1: 200 });
  });

  test("one alone is picked however busy it is", () => {
    const rig = new UpstreamRig([3]);
    rig.spread(10, true);
    expect(rig.pick()).toBe("t0");
  });
});

describe("both", () => {
  test("weight 0 takes none, and alone it is nobody", () => {
    fc.assert(
      fc.property(weights, names, (all, name) => {
        const rig = new UpstreamRig(all, name);
        if (all.every((weight) => weight === 0)) return expect(rig.pick()).toBe("none");
        const counts = rig.spread(100);
        for (const [index, weight] of all.entries()) if (weight === 0) expect(counts[`t${index}`]).toBeUndefined();
      }),
    );
  });

  test("those that were tried are not picked again, and then all were", () => {
    for (const name of ["least", "round-robin"] as const) {
      const rig = new UpstreamRig([1, 7, 1], name);
      const tried = new Tries<string>();
      const keys: string[] = [];
      for (let time = 0; time < 3; time += 1) {
        const picked = rig.upstream.pick(tried);
        if (typeof picked === "string") throw new Error(picked);
        keys.push(picked.key);
        tried.add(picked);
      }
      expect(keys.toSorted()).toEqual(["t0", "t1", "t2"]);
      expect(rig.pick(tried)).toBe("tried");
      tried.clear();
      expect(rig.pick(tried)).not.toBe("tried");
    }
  });

  test("a retry takes the less busy one of the others", () => {
    const rig = new UpstreamRig([1, 1, 1]);
    const tried = new Tries<string>();
    tried.add(rig.target("t0"));
    rig.target("t1").take();
    expect(rig.pick(tried)).toBe("t2");
  });

  test("a change of the way of balancing holds from the next pick on", () => {
    const rig = new UpstreamRig([1, 1], "least");
    rig.target("t0").take();
    rig.upstream.configure({ balance: "round-robin", queueMax: 1 });
    expect(new Set([rig.pick(), rig.pick()]).size).toBe(2);
    expect(NOBODY_TRIED.count).toBe(0);
  });
});
