/** Tests the arithmetic of the benchmarks. */
import { expect, test } from "bun:test";
import { median } from "../../../bench/startup.ts";

test("median: takes the middle, or the middle of the two in the middle", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});
