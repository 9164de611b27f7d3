import { expect, test } from "bun:test";
import type { Clock } from "../../../../proxy/base/clock.ts";
import { TargetCheck } from "../../../../proxy/lb/check-target.ts";
import { SimRig } from "../../../kit/net-rig.ts";
import { SeededRng } from "../../../kit/rng.ts";

test("TargetCheck: a check during which we stood still counts for nothing, and the next one comes all the same", async () => {
  const rig = new SimRig(5);
  let checks = 0;
  const { address } = rig.listen(rig.fresh("tcp"), {}, () => (checks += 1));
  const still: Clock = {
    now: () => rig.clock.now() * 10,
    wall: () => 0,
    after: (ms, task) => rig.clock.after(ms, task),
    every: (ms, task) => rig.clock.every(ms, task),
  };
  const plan = { order: { address, host: "x", path: "/", timeoutMs: 200 }, intervalMs: 1_000, rise: 1, fall: 1 };
  const target = new TargetCheck({ upstream: "app", key: "s0" }, plan, {
    net: rig.net,
    clock: still,
    rng: new SeededRng(1),
    checked: () => expect.unreachable(),
  });
  await rig.clock.advanceAsync(5_000);
  expect(checks).toBeGreaterThan(2);
  expect([target.verdict, target.checks, target.failures]).toEqual(["untried", 0, 0]);
  target.stop();
  expect(await rig.end()).toEqual([]);
});
