/** When a crashed child may come back. */
import { expect, test } from "bun:test";
import { Restarts, STEWARD_RULES, WORKER_RULES } from "../../../../src/run/restart.ts";

const SHORT = 50;

function delays(restarts: Restarts, deaths: number): (number | string)[] {
  return Array.from({ length: deaths }, () => {
    const verdict = restarts.afterDeath(SHORT);
    return verdict === "crash loop" ? verdict : verdict.delayMs;
  });
}

test("afterDeath: doubles the delay with every short life and gives up after five", () => {
  expect(delays(new Restarts(WORKER_RULES), 5)).toEqual([100, 200, 400, 800, "crash loop"]);
});

test("afterDeath: forgets short lives after a long one", () => {
  const restarts = new Restarts(WORKER_RULES);
  delays(restarts, 4);
  expect(restarts.afterDeath(WORKER_RULES.stableMs)).toEqual({ delayMs: 100 });
  expect(restarts.shortLives).toBe(0);
});

test("afterDeath: brings a steward back for ever, at most every ten seconds", () => {
  const all = delays(new Restarts(STEWARD_RULES), 50);
  expect(all.at(-1)).toBe(10_000);
  expect(all).not.toContain("crash loop");
});
