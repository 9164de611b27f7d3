/**
 * Why the ring is ours. The package `hash-ring` compares a ring point with the key instead of with the key's hash, so a
 * key that does not read as a number lands on one and the same node. If this test fails, that was mended: look again.
 */
import { expect, test } from "bun:test";
import { createRequire } from "node:module";
import { HashRing } from "../../../../proxy/base/hash.ts";

interface PackageRing {
  getNode(key: string): string;
}

type PackageRingClass = new (
  nodes: string[],
  options?: { hashMethod?: "crc32" | "md5"; replicas?: number },
) => PackageRing;

const require = createRequire(import.meta.url);
const PackageRing = require("hash-ring") as PackageRingClass;

const NODES = ["cache1:6379", "cache2:6379", "cache3:6379", "cache4:6379"];
const KEYS = Array.from({ length: 10_000 }, (_, index) => `user:${index}`);

function spread(nodeOf: (key: string) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of KEYS) counts.set(nodeOf(key), (counts.get(nodeOf(key)) ?? 0) + 1);
  return counts;
}

test("hash-ring: is the version this was seen in", () => {
  expect((require("hash-ring/package.json") as { version: string }).version).toBe("1.0.1");
});

test.each(["crc32", "md5"] as const)("hash-ring: sends every key to one node, by %s", (hashMethod) => {
  const ring = new PackageRing(NODES, { hashMethod });
  expect([...spread((key) => ring.getNode(key)).values()]).toEqual([KEYS.length]);
});

test("HashRing: spreads the same keys over all nodes, within 5 % of even", () => {
  const ring = new HashRing(NODES);
  const counts = spread((key) => ring.lookup(key));
  expect([...counts.keys()].sort()).toEqual(NODES);
  for (const count of counts.values()) expect(Math.abs((count * NODES.length) / KEYS.length - 1)).toBeLessThan(0.05);
});
