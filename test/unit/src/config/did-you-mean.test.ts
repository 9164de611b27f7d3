import { describe, expect, test } from "bun:test";
import { didYouMean, editDistance } from "../../../../src/config/did-you-mean.ts";

const knobs = ["entry", "listen", "workers", "drain_timeout", "start_timeout", "replicas", "db", "shard0", "shard1"];

describe("didYouMean", () => {
  test.each([
    ["wrokers", "workers"],
    ["Workers", "workers"],
    ["worker", "workers"],
    ["replica", "replicas"],
    ["drain-timeout", "drain_timeout"],
    ["drain_timout", "drain_timeout"],
    ["port", "listen"],
    ["instances", "workers"],
    ["shard2", undefined],
    ["colour", undefined],
    ["", undefined],
    ["constructor", undefined],
    ["__proto__", undefined],
    ["x".repeat(10_000), undefined],
  ])("didYouMean: %p", (wrong, meant) => {
    expect(didYouMean(wrong, knobs)).toBe(meant as string);
  });

  test("didYouMean: has nothing to say when there are no words", () => {
    expect(didYouMean("port", [])).toBeUndefined();
  });
});

describe("editDistance", () => {
  test.each([
    ["", "", 0],
    ["abc", "abc", 0],
    ["abc", "acb", 1],
    ["abc", "ab", 1],
    ["abc", "abcd", 1],
    ["abc", "axc", 1],
    ["kitten", "sitting", 3],
    ["abcdef", "uvwxyz", 6],
  ])("editDistance: %s to %s", (from, to, distance) => {
    expect(editDistance(from, to, 10)).toBe(distance);
    expect(editDistance(to, from, 10)).toBe(distance);
  });

  test("editDistance: stops at its limit", () => {
    expect(editDistance("abcdef", "uvwxyz", 3)).toBe(3);
    expect(editDistance("a", "abcdefgh", 3)).toBe(3);
  });
});
