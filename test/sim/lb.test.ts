/**
 * The lb among many clients and servers on a simulated network, with kills, stalls and half-closes at every step, reloads and
 * a drain. A failure names its seed: `SEED=… ` runs that one alone.
 */
import { expect, test } from "bun:test";
import { storm } from "../kit/lb-storm.ts";

const only = process.env["SEED"];
const seeds = only === undefined ? Array.from({ length: 24 }, (_, index) => index + 1) : [Number(only)];

test.each([1, 2, 3])("lb: on a calm day everyone is served, seed %i", async (seed) => {
  const report = await storm({ seed, wrong: 0 });
  expect(report).toEqual({ asked: report.asked, good: report.asked, refused: 0, lost: 0, flaws: [] });
  expect(report.asked).toBe(240);
});

test.each(seeds)("lb: in a storm nothing is mixed up, sent twice, stuck or left, seed %i", async (seed) => {
  const report = await storm({ seed, wrong: seed % 3 === 0 ? 0.4 : 0.15 });
  expect(report.flaws).toEqual([]);
  expect(report.good + report.refused + report.lost).toBe(report.asked);
  expect(report.good).toBeGreaterThan(0);
});
