/**
 * A box with a front, simulated: requests run all the time while workers are replaced, counted up and down, too large, slow to
 * drain, killed, and the box is stopped at any step. No request may meet a worker that leaves.
 */
import { expect, test } from "bun:test";
import { Problem } from "../../src/problem/problem.ts";
import { SeededRng } from "../kit/rng.ts";
import { SimBox } from "../kit/sim-box.ts";
import type { TinyOptions } from "../kit/tiny-role.ts";

const FOUR: TinyOptions = { greeting: "hello", workers: 4, change: "replace" };
const FRONT = { workers: 2, everyMs: 7, takesMsMax: 60 };
const LOSSLESS = { unserved: 0, late: 0, cut: 0 };
const SEED = Number(process.env["SCALE_SEED"] ?? Date.now() % 1_000_000);

async function started(options = FOUR, seed = 1): Promise<SimBox> {
  const box = new SimBox(options, { seed, front: FRONT });
  await box.settle(() => box.keeper.start());
  await box.pass(100);
  // What came before the first worker was ready has no claim.
  Object.assign(box.traffic, { answered: 0, ...LOSSLESS });
  return box;
}

function places(box: SimBox): string[] {
  return box
    .alive("worker")
    .map(({ crew, index }) => `${crew} ${index}`)
    .sort();
}

test("front: crews stand side by side, each worker on a socket of its own", async () => {
  const box = await started();
  expect(places(box)).toEqual(["app 1", "app 2", "app 3", "app 4", "lb 1", "lb 2"]);
  const paths = box.duties.workers.map(({ host }) => host.box.socketPath);
  expect(new Set(paths).size).toBe(4);
  expect(box.keeper.overview().crews).toEqual([
    { name: "app", workers: 4 },
    { name: "lb", workers: 2 },
  ]);
  await box.pass(200);
  expect(box.traffic.answered).toBeGreaterThan(10);
  expect(box.traffic).toMatchObject(LOSSLESS);
});

test("front: what a worker says reaches its own crew only", async () => {
  const box = await started();
  const steward = box.duties.stewards[0];
  if (steward === undefined) throw new Error("Cannot ask: there is no steward");
  steward.host.push("whom", "world");
  await box.pass(50);
  const answers = await box.settle(() => steward.host.gather("greeting"));
  expect(answers).toEqual([1, 2, 3, 4].map((worker) => ({ worker, value: "hello, world" })));
  expect(steward.heard.map(({ worker }) => worker).sort()).toEqual([1, 2, 3, 4]);
});

test("front: a reload replaces at most a quarter at a time, and loses nothing", async () => {
  const box = await started();
  const old = [...box.duties.workers];
  let most = 0;
  let reloading = true;
  const reload = box.keeper.reload(box.planOf({ ...FOUR, greeting: "good day" })).finally(() => {
    reloading = false;
  });
  while (reloading) {
    await box.pass(5);
    most = Math.max(most, box.keeper.workers().filter(({ crew }) => crew === "app").length);
  }
  await reload;
  await box.pass(1_000);
  expect(most).toBeLessThanOrEqual(5);
  expect(places(box)).toEqual(["app 1", "app 2", "app 3", "app 4", "lb 1", "lb 2"]);
  expect(old.every((worker) => worker.drained && worker.stopped)).toBe(true);
  expect(box.traffic).toMatchObject(LOSSLESS);
});

test("front: a slow drain delays nobody, and is not cut before its time", async () => {
  const box = await started({ ...FOUR, drainsForMs: 3_000 });
  const old = [...box.duties.workers];
  await box.settle(() => box.keeper.reload(box.planOf(FOUR)));
  expect(old.filter((worker) => worker.stopped).length).toBeLessThan(4);
  await box.pass(4_000);
  expect(old.every((worker) => worker.drained && worker.stopped)).toBe(true);
  expect(box.traffic).toMatchObject(LOSSLESS);
});

test("front: more and fewer workers, without touching those that stay", async () => {
  const box = await started();
  const pids = box.alive("worker").map(({ pid }) => pid);
  for (const workers of [6, 2, 5, 1, 4]) {
    await box.settle(() => box.keeper.count(workers));
    await box.pass(500);
    expect(places(box).filter((place) => place.startsWith("app"))).toHaveLength(workers);
  }
  expect(
    box
      .alive("worker")
      .map(({ pid }) => pid)
      .filter((pid) => pids.includes(pid)),
  ).toHaveLength(3);
  expect(box.keeper.overview().plan.workers).toBe(4);
  expect(box.traffic).toMatchObject(LOSSLESS);
});

test("front: a count whose worker cannot start leaves everything as it was", async () => {
  const box = await started({ ...FOUR, startsNot: 6 });
  await expect(box.settle(() => box.keeper.count(6))).rejects.toThrow("Cannot start: told not to");
  await box.pass(500);
  expect(places(box).filter((place) => place.startsWith("app"))).toHaveLength(4);
  expect(box.keeper.plan.crews[0].workers).toBe(4);
  expect(box.traffic).toMatchObject(LOSSLESS);
});

test("front: a worker that is too large is replaced without loss", async () => {
  const box = await started();
  const [worker] = box.keeper.workers().filter(({ crew }) => crew === "app");
  if (worker === undefined) throw new Error("Cannot replace: there is no worker");
  await box.settle(() => box.keeper.replace(worker, new Problem("RUN_WORKER_TOO_LARGE", { what: "too large" })));
  await box.pass(500);
  expect(box.alive("worker").some(({ pid }) => pid === worker.pid)).toBe(false);
  expect(places(box)).toHaveLength(6);
  expect(box.traffic).toMatchObject(LOSSLESS);
});

test("front: a killed worker costs what it had in flight, and comes back", async () => {
  const box = await started();
  box
    .alive("worker")
    .find(({ crew }) => crew === "app")
    ?.die();
  await box.pass(1_000);
  expect(places(box)).toHaveLength(6);
  expect(box.traffic).toMatchObject(LOSSLESS);
});

test("front: a killed lb worker comes back and knows the targets; the others serve on", async () => {
  const box = await started();
  box
    .alive("worker")
    .find(({ crew }) => crew === "lb")
    ?.die();
  await box.pass(1_000);
  expect(places(box)).toHaveLength(6);
  expect(box.traffic).toMatchObject(LOSSLESS);
});

test("stop: the lb finishes what it has while the workers behind it still serve", async () => {
  const box = await started();
  await box.settle(() => box.keeper.stop());
  await box.pass(10_000);
  expect(box.children.size).toBe(0);
  expect(box.keeper.state.now).toBe("stopped");
  expect(box.traffic).toMatchObject(LOSSLESS);
});

/** What is done to a box in one round of the storm. */
async function disturb(box: SimBox, rng: SeededRng): Promise<void> {
  const pick = (below: number): number => Math.floor(rng.next() * below);
  const workers = 1 + pick(6);
  const now = box.keeper.plan.crews[0].workers;
  switch (pick(4)) {
    case 0:
      await box.settle(() => box.keeper.count(workers));
      return;
    case 1: {
      const refused = pick(2) === 0 ? { startsNot: 1 + pick(now) } : {};
      const next = { ...FOUR, workers: now, ...refused, drainsForMs: pick(300) };
      await box.settle(() => box.keeper.reload(box.planOf(next)).catch((error) => error));
      return;
    }
    case 2: {
      const ready = box.keeper.workers();
      const child = ready[pick(ready.length)];
      const why = new Problem("RUN_WORKER_TOO_LARGE", { what: "too large" });
      if (child !== undefined) await box.settle(() => box.keeper.replace(child, why).catch((error) => error));
      return;
    }
    default: {
      const living = box.alive("worker");
      living[pick(living.length)]?.die();
    }
  }
}

test(`storm: whatever is done to a box with a front, no request meets one that leaves (seed ${SEED})`, async () => {
  const rng = new SeededRng(SEED);
  let box = await started(FOUR, SEED);
  for (let round = 0; round < 40; round += 1) {
    await disturb(box, rng);
    // Long enough that short lives do not add up to a crash loop, which is another rule.
    await box.pass(1_500);
    if (box.fatal.length > 0) {
      box = await started(FOUR, SEED + round);
      continue;
    }
    // A worker alone that is killed leaves nobody for a moment.
    const { late, cut } = box.traffic;
    expect({ round, late, cut }).toEqual({ round, late: 0, cut: 0 });
    const [own, lb] = box.keeper.plan.crews;
    expect({ round, places: places(box).length }).toEqual({ round, places: own.workers + (lb?.workers ?? 0) });
  }
}, 60_000);

test(`storm: a stop at any step of anything ends every process (seed ${SEED})`, async () => {
  const rng = new SeededRng(SEED);
  for (let round = 0; round < 12; round += 1) {
    const box = await started(FOUR, SEED + round);
    const doing = [
      box.keeper.reload(box.planOf({ ...FOUR, drainsForMs: 200 })).catch((error) => error),
      box.keeper.count(1 + Math.floor(rng.next() * 6)).catch((error) => error),
    ];
    for (let step = Math.floor(rng.next() * 30); step > 0; step -= 1) await box.pass(2);
    await box.settle(() => box.keeper.stop());
    await box.pass(10_000);
    await Promise.all(doing);
    expect({ round, children: box.children.size, state: box.keeper.state.now }).toEqual({
      round,
      children: 0,
      state: "stopped",
    });
    expect({ round, ...box.traffic }).toMatchObject({ round, late: 0, cut: 0 });
  }
}, 60_000);
