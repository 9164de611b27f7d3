/**
 * What choosing a target costs, in nanoseconds per operation; nothing of it may make an object.
 * `bun test/bench/micro/upstream.ts`
 */
import { Fault } from "../../../proxy/base/fault.ts";
import type { BalanceName } from "../../../proxy/upstream/balance.ts";
import { EJECTION } from "../../../proxy/upstream/ejection.ts";
import { mayRetry, RETRY, RetryBudget } from "../../../proxy/upstream/retry.ts";
import { Tries } from "../../../proxy/upstream/tries.ts";
import { Upstream } from "../../../proxy/upstream/upstream.ts";
import { Place, Waiting } from "../../../proxy/upstream/waiting.ts";
import { clock } from "../../../src/run/clock.ts";
import { rng } from "../../../src/run/rng.ts";

const ROUNDS = 7;
const TIMES = 2_000_000;

function measure(what: string, run: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = Bun.nanoseconds();
    for (let count = 0; count < TIMES; count += 1) run();
    best = Math.min(best, (Bun.nanoseconds() - from) / TIMES);
  }
  console.log(`${best.toFixed(1).padStart(9)} ns  ${what}`);
}

function upstreamOf(balance: BalanceName, weights: readonly number[]): Upstream {
  const leaver = { idle: () => undefined, gone: () => undefined };
  const parts = { clock, rng, ejection: EJECTION, own: () => undefined, leaver };
  const upstream = new Upstream("app", { balance, queueMax: 8 }, parts);
  upstream.retarget(
    weights.map((weight, index) => ({ key: `s${index}`, address: { host: "s", port: index }, weight })),
  );
  return upstream;
}

const tries = new Tries();
const equal = (count: number): number[] => new Array<number>(count).fill(1);
const mixed = (count: number): number[] => equal(count).map((_, index) => 1 + (index % 3));

for (const balance of ["least", "round-robin"] as const) {
  for (const [name, weights] of [
    ["3 targets", equal(3)],
    ["3 targets of different weight", mixed(3)],
    ["50 targets", equal(50)],
    ["50 targets of different weight", mixed(50)],
  ] as const) {
    const upstream = upstreamOf(balance, weights);
    measure(`${balance}, ${name}: pick, take, add, give, clear`, () => {
      const target = upstream.pick(tries);
      if (typeof target === "string") return;
      tries.add(target);
      target.take();
      target.give();
      tries.clear();
    });
  }
}

const resting = upstreamOf("least", equal(3));
const rested = resting.pick(tries);
if (typeof rested !== "string") resting.failed(rested);
measure("least, 3 targets, one of them rests", () => {
  resting.pick(tries);
});

const budget = new RetryBudget(RETRY, clock);
const fault = new Fault("SERVER_UNREACHABLE", "Cannot dial: it is a benchmark");
const work = { tries: 1, idempotent: false, sent: false, replayable: true, answered: false };
measure("RetryBudget.request", () => budget.request());
measure("mayRetry", () => void mayRetry(fault, work));

const waiting = new Waiting(8);
const place = new Place({ targetReady: () => undefined, targetLate: () => undefined });
measure("Waiting: join, leave", () => {
  waiting.join(place, 0);
  waiting.leave(place);
});
