import { describe, expect, test } from "bun:test";
import { chooseTier } from "../../../../src/up/tier.ts";

describe("chooseTier", () => {
  test.each([
    ["a file with one worker is tier 1", undefined, 1, { tier: 1, workers: 1, told: false }],
    ["a file with several is tier 2", undefined, 3, { tier: 2, workers: 3, told: false }],
    ["so is one with a worker for each core", undefined, "auto", { tier: 2, workers: 8, told: false }],
    ["tier 2 has a worker for each core", 2, 1, { tier: 2, workers: 8, told: true }],
    ["and as many as the file says, if it says several", 2, 5, { tier: 2, workers: 5, told: false }],
    ["tier 1 has one, whatever the file says", 1, "auto", { tier: 1, workers: 1, told: true }],
    ["tier 1 as the file says it", 1, 1, { tier: 1, workers: 1, told: false }],
  ] as const)("%s", (_what, named, inFile, choice) => {
    expect(chooseTier(named, inFile, 8)).toEqual(choice);
  });

  test("has two workers at tier 2 on a machine with one core", () => {
    expect(chooseTier(2, 1, 1)).toEqual({ tier: 2, workers: 2, told: true });
    expect(chooseTier(undefined, "auto", 1)).toEqual({ tier: 2, workers: 2, told: true });
  });

  test("refuses a tier that does not stand", () => {
    expect(() => chooseTier(3, 1)).toThrow("Cannot bring up tier 3");
  });
});
