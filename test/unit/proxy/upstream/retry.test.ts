import { describe, expect, test } from "bun:test";
import { Fault, type FaultCode, FAULTS } from "../../../../proxy/base/fault.ts";
import { mayRetry, type Repeatable, RETRY, RetryBudget, type Retry } from "../../../../proxy/upstream/retry.ts";
import { TRIES_MAX } from "../../../../proxy/upstream/tries.ts";
import { FakeClock } from "../../../kit/clock.ts";

const work: Repeatable = { tries: 1, idempotent: false, sent: false, replayable: true, answered: false };

describe("mayRetry", () => {
  /** For each fault: unsent, sent and idempotent, sent and not. */
  const rows = {
    SERVER_UNREACHABLE: ["elsewhere", "never", "never"],
    SERVER_DIAL_SLOW: ["elsewhere", "never", "never"],
    SERVER_LOGIN: ["elsewhere", "never", "never"],
    SERVER_GONE: ["same", "elsewhere", "never"],
    SERVER_SLOW: ["never", "never", "never"],
    SERVER_PROTOCOL: ["never", "never", "never"],
    NO_TARGET: ["same", "never", "never"],
    OVERLOADED: ["never", "never", "never"],
    DRAINING: ["never", "never", "never"],
    CLIENT_GONE: ["never", "never", "never"],
    CLIENT_SLOW: ["never", "never", "never"],
    CLIENT_PROTOCOL: ["never", "never", "never"],
    CLIENT_TOO_LARGE: ["never", "never", "never"],
    CLIENT_LOGIN: ["never", "never", "never"],
    BUG: ["never", "never", "never"],
  } as const satisfies Record<FaultCode, readonly [Retry, Retry, Retry]>;

  test.each(Object.keys(FAULTS) as FaultCode[])("%s", (code) => {
    const fault = new Fault(code, "Cannot go on: it is a test");
    const sent = { ...work, sent: true };
    expect([mayRetry(fault, work), mayRetry(fault, { ...sent, idempotent: true }), mayRetry(fault, sent)]).toEqual([
      ...rows[code],
    ]);
  });

  const never: readonly [string, Partial<Repeatable>][] = [
    ["a byte of the answer went out", { answered: true }],
    ["what came cannot be said again", { replayable: false }],
    ["there were enough tries", { tries: TRIES_MAX }],
  ];
  test.each(never)("never when %s", (_, part) => {
    expect(mayRetry(new Fault("SERVER_UNREACHABLE", "Cannot dial: test"), { ...work, ...part })).toBe("never");
  });
});

describe("RetryBudget", () => {
  function spendAll(budget: RetryBudget): number {
    let spent = 0;
    while (spent < 10_000 && budget.spend()) spent += 1;
    return spent;
  }

  test("a floor is free at once, and again every second", () => {
    const clock = new FakeClock();
    const budget = new RetryBudget(RETRY, clock);
    expect(spendAll(budget)).toBe(RETRY.floorPerSecond);
    expect(budget.refused).toBe(1);
    clock.advance(500);
    expect(spendAll(budget)).toBe(RETRY.floorPerSecond / 2);
    clock.advance(3_600_000);
    expect(spendAll(budget)).toBe(RETRY.floorPerSecond);
  });

  test("beyond it a fifth of the requests, saved up to a limit", () => {
    const budget = new RetryBudget(RETRY, new FakeClock());
    spendAll(budget);
    for (let request = 0; request < 50; request += 1) budget.request();
    expect(spendAll(budget)).toBe(50 * RETRY.share);
    for (let request = 0; request < 100_000; request += 1) budget.request();
    expect(spendAll(budget)).toBe(RETRY.savedMax);
  });

  test("a server farm that is down costs no more than the share: 1 000 requests a second, each retried", () => {
    const clock = new FakeClock();
    const budget = new RetryBudget(RETRY, clock);
    let retries = 0;
    for (let request = 0; request < 60_000; request += 1) {
      if (request % 1_000 === 0) clock.advance(1_000);
      budget.request();
      if (budget.spend()) retries += 1;
    }
    expect(retries / 60_000).toBeLessThan(RETRY.share + 0.02);
  });
});
