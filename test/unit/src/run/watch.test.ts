/** The keeper's eye on workers that stall or grow. */
import { expect, test } from "bun:test";
import type { Problem } from "../../../../src/problem/problem.ts";
import type { ChildHandle } from "../../../../src/run/child-handle.ts";
import { LOOK_MS, Watch } from "../../../../src/run/watch.ts";
import { FakeClock, turn } from "../../../kit/clock.ts";
import { SimBox } from "../../../kit/sim-box.ts";

const MAX = 100;

/** One real worker of a simulated box, whose heartbeat and size the test decides. */
async function watched(
  stallTimeoutMs: number,
  ready = true,
): Promise<{
  look(): void;
  beat(): void;
  grow(bytes: number): void;
  worker: ChildHandle;
  replaced: Problem[];
}> {
  const box = new SimBox({ greeting: "hello", workers: 1, change: "in place" });
  await box.settle(() => box.keeper.start());
  const [worker] = box.keeper.workers();
  if (worker === undefined) throw new Error("Cannot watch: there is no worker");
  let beats = 0;
  let bytes = 10;
  const replaced: Problem[] = [];
  const plan = { ...box.keeper.plan, limits: { ...box.keeper.plan.limits, stallTimeoutMs, memoryMaxBytes: MAX } };
  const watch = new Watch(
    {
      plan,
      workers: () => (ready ? box.keeper.workers() : []),
      starting: () => (ready ? [] : box.keeper.workers()),
      replace: (_child, why) => {
        replaced.push(why);
        return new Promise(() => undefined);
      },
    },
    {
      clock: new FakeClock(),
      rowOf: () => ({ beats: () => beats, readNote: () => "GET /slow" }),
      heldBytes: () => bytes,
      failed: (error) => {
        throw error;
      },
    },
  );
  return {
    worker,
    replaced,
    look: () => watch.look(),
    beat: () => {
      beats += 1;
    },
    grow: (to) => {
      bytes = to;
    },
  };
}

test("stall: a worker that has not turned for the whole time is killed, with what it was doing", async () => {
  const { look, beat, worker } = await watched(3 * LOOK_MS);
  beat();
  for (let looks = 0; looks < 3; looks += 1) look();
  expect(worker.lastWords).toBeUndefined();
  look();
  expect(worker.lastWords?.code).toBe("RUN_WORKER_STALLED");
  expect(worker.lastWords?.parts.why).toContain("GET /slow");
  await turn();
  expect((await worker.exited).signal).toBe("SIGKILL");
});

test("stall: one heartbeat in between and it lives", async () => {
  const { look, beat, worker } = await watched(3 * LOOK_MS);
  for (let looks = 0; looks < 12; looks += 1) {
    if (looks % 3 === 0) beat();
    look();
  }
  expect(worker.lastWords).toBeUndefined();
});

test("stall: 0 turns the watchdog off", async () => {
  const { look, worker } = await watched(0);
  for (let looks = 0; looks < 100; looks += 1) look();
  expect(worker.lastWords).toBeUndefined();
});

test("memory: a worker above its limit is replaced, once", async () => {
  const { look, beat, grow, worker, replaced } = await watched(0);
  grow(MAX);
  look();
  expect(replaced).toEqual([]);
  grow(MAX + 1);
  for (let looks = 0; looks < 5; looks += 1) {
    beat();
    look();
  }
  expect(replaced.map(({ code }) => code)).toEqual(["RUN_WORKER_TOO_LARGE"]);
  expect(worker.state.now).toBe("ready");
});

test("memory: a worker far above its limit is killed at once", async () => {
  const { look, grow, worker } = await watched(0);
  grow(MAX * 2);
  look();
  expect(worker.lastWords?.code).toBe("RUN_WORKER_TOO_LARGE");
  expect((await worker.exited).signal).toBe("SIGKILL");
});

test("memory: a worker that grows before it is ready is killed, however little it is too large", async () => {
  const { look, grow, worker } = await watched(0, false);
  grow(MAX);
  look();
  expect(worker.lastWords).toBeUndefined();
  grow(MAX + 1);
  look();
  expect(worker.lastWords?.code).toBe("RUN_WORKER_TOO_LARGE");
  expect((await worker.exited).signal).toBe("SIGKILL");
});
