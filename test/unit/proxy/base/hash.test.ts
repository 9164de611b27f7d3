/** Tests of proxy/base/hash.ts. The two properties are those that make the ring worth having, for every size named. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../../../proxy/base/assert.ts";
import { hashBytes, HashRing, hashText } from "../../../../proxy/base/hash.ts";

const NODES_MAX = 64;
const encoder = new TextEncoder();

/** Node → how many slots it has. */
function slotCounts(ring: HashRing): Map<string, number> {
  const counts = new Map<string, number>(ring.nodes.map((node) => [node, 0]));
  for (let slot = 0; slot < HashRing.slots; slot++) {
    const node = ring.ownerOf(slot);
    counts.set(node, (counts.get(node) as number) + 1);
  }
  return counts;
}

/** Largest less smallest count, as a share of the average. */
function unevenness(ring: HashRing): number {
  const counts = [...slotCounts(ring).values()];
  return ((Math.max(...counts) - Math.min(...counts)) * counts.length) / HashRing.slots;
}

/** The share of slots whose owner differs. */
function moved(before: HashRing, after: HashRing): number {
  let differing = 0;
  for (let slot = 0; slot < HashRing.slots; slot++) if (before.ownerOf(slot) !== after.ownerOf(slot)) differing += 1;
  return differing / HashRing.slots;
}

function named(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `app${index + 1}:3000`);
}

describe("HashRing", () => {
  test("for every size from 1 to 64: slots differ by at most 1 %, adding a node moves at most 1/(n+1) + 1 %", () => {
    for (let count = 1; count <= NODES_MAX; count++) {
      const before = new HashRing(named(count));
      const after = new HashRing(named(count + 1));
      expect(unevenness(before)).toBeLessThanOrEqual(0.01);
      expect(moved(before, after)).toBeLessThanOrEqual(1 / (count + 1) + 0.01);
    }
  });

  test("the same holds whatever the nodes are called", () => {
    const nodes = fc.uniqueArray(fc.string({ maxLength: 24 }), { minLength: 1, maxLength: NODES_MAX, size: "max" });
    fc.assert(
      fc.property(nodes, fc.string(), (names, newcomer) => {
        fc.pre(!names.includes(newcomer));
        const before = new HashRing(names);
        const after = new HashRing([...names, newcomer]);
        expect(unevenness(after)).toBeLessThanOrEqual(0.01);
        expect(moved(before, after)).toBeLessThanOrEqual(1 / (names.length + 1) + 0.01);
      }),
      { numRuns: 40 },
    );
  });

  test("the same holds for few nodes with names that hardly differ, where an offset and a skip would not do", () => {
    for (let first = 0; first < 40; first++) {
      const names = [`n${first}`, `n${first + 1}`, `n${first + 2}`];
      expect(moved(new HashRing(names.slice(0, 2)), new HashRing(names))).toBeLessThanOrEqual(1 / 3 + 0.01);
    }
  });

  test("removing a node moves its own keys and at most 1 % more", () => {
    for (const count of [2, 3, 5, 16, 64]) {
      const all = named(count);
      const without = new HashRing(all.filter((_, index) => index !== count >> 1));
      expect(moved(new HashRing(all), without)).toBeLessThanOrEqual(1 / count + 0.01);
    }
  });

  test("spreads keys as it spreads slots", () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => `user:${index}`);
    for (const count of [2, 4, 10]) {
      const before = new HashRing(named(count));
      const after = new HashRing(named(count + 1));
      const counts = new Map<string, number>();
      let changed = 0;
      for (const key of keys) {
        const node = before.lookup(key);
        counts.set(node, (counts.get(node) ?? 0) + 1);
        if (after.lookup(key) !== node) changed += 1;
      }
      expect(counts.size).toBe(count);
      for (const share of counts.values()) expect(Math.abs((share * count) / keys.length - 1)).toBeLessThan(0.05);
      expect(changed / keys.length).toBeLessThanOrEqual(1 / (count + 1) + 0.01);
    }
  });

  test("the order of the nodes does not matter, and is not changed in the caller's list", () => {
    const names = named(7);
    const turned = [...names].reverse();
    expect(moved(new HashRing(names), new HashRing(turned))).toBe(0);
    expect(turned).toEqual([...names].reverse());
  });

  test("one node has everything", () => {
    expect(slotCounts(new HashRing(["only"])).get("only")).toBe(HashRing.slots);
  });

  test("lookupBytes: finds the node of the same key as text", () => {
    const ring = new HashRing(named(9));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (key) => {
        const bytes = encoder.encode(`<${key}>`);
        expect(ring.lookupBytes(bytes, 1, bytes.length - 1)).toBe(ring.lookup(key));
      }),
    );
  });

  test("is the same for ever: boxes of two versions must agree", () => {
    const ring = new HashRing(["a:1", "b:1", "c:1"]);
    const owners = ["", "a", "user:1", "user:2", "user:3", "user:4", "gr\u00fcn", "\u{1f600}"].map((key) =>
      ring.lookup(key),
    );
    expect(owners).toEqual(OWNERS_OF_VERSION_1);
    let digest = 0;
    for (let slot = 0; slot < HashRing.slots; slot++)
      digest = (Math.imul(digest, 31) + ring.ownerOf(slot).charCodeAt(0)) | 0;
    expect(digest).toBe(SLOTS_OF_VERSION_1);
  });

  test.each([
    ["no node", []],
    ["a node named twice", ["a", "b", "a"]],
    ["more than 1024 nodes", named(1025)],
  ])("new: throws a Bug for %s", (_name, nodes) => {
    expect(() => new HashRing(nodes)).toThrow(Bug);
  });
});

describe("hashText, hashBytes", () => {
  test("are the same for ever", () => {
    expect(["", "a", "ab", "user:1"].map((text) => hashText(text))).toEqual(HASHES_OF_VERSION_1);
  });

  test("agree, whatever the text: also beyond ASCII, and for lone surrogates", () => {
    const any = fc.string({ unit: "binary" });
    const surrogates = fc.constantFrom(
      "\ud800",
      "x\udfffy",
      "\udc00\ud800",
      "\ud83d",
      "\ue000",
      "\ud7ff",
      "\u{10ffff}",
    );
    fc.assert(
      fc.property(fc.oneof(any, surrogates), (text) => {
        const bytes = encoder.encode(text);
        expect(hashBytes(bytes, 0, bytes.length)).toBe(hashText(text));
      }),
    );
  });

  test("hashBytes: looks at its range only, and is a Bug outside of the array", () => {
    const bytes = encoder.encode("xxkeyxx");
    expect(hashBytes(bytes, 2, 5)).toBe(hashText("key"));
    for (const [start, end] of [
      [-1, 2],
      [3, 2],
      [0, 8],
      [Number.NaN, 2],
    ] as const) {
      expect(() => hashBytes(bytes, start, end)).toThrow(Bug);
    }
  });

  test("are unsigned, and each input bit sways about half of the output's", () => {
    let flips = 0;
    let trials = 0;
    for (let index = 0; index < 200; index++) {
      const bytes = encoder.encode(`key-${index}`);
      const plain = hashBytes(bytes, 0, bytes.length);
      expect(plain).toBe(plain >>> 0);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Uint8Array.from(bytes);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        flips += bitCount(plain ^ hashBytes(changed, 0, changed.length));
        trials += 1;
      }
    }
    expect(Math.abs(flips / trials - 16)).toBeLessThan(0.5);
  });
});

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}

const HASHES_OF_VERSION_1 = [2872998923, 444641715, 2563531789, 1763983599];
const OWNERS_OF_VERSION_1 = ["a:1", "c:1", "a:1", "c:1", "b:1", "c:1", "a:1", "a:1"];
const SLOTS_OF_VERSION_1 = -1821047095;
