/** Tests of test/kit/host.ts: the four verbs as `proxy/role.ts` promises them, and what happens when processes die. */
import { describe, expect, test } from "bun:test";
import { FakeBox, type FakeHost } from "../../../kit/host.ts";
import { TinySteward, TinyWorker } from "../../../kit/tiny-role.ts";

const OPTIONS = { greeting: "Hello", workers: 2, change: "in place" } as const;

/** The worker that was born as number `index + 1`, while all live. */
function nth(box: FakeBox, index: number): FakeHost {
  const worker = box.workers[index];
  if (worker === undefined) throw new Error(`Cannot find worker ${index}: the box has ${box.workers.length}`);
  return worker;
}

/** Why it was rejected. `expect(…).rejects` would wait here and now, before the test can make it happen. */
function reasonOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "it was not rejected",
    (reason) => (reason as Error).message,
  );
}

describe("push", () => {
  test("reaches every worker, later, as a copy", async () => {
    const box = new FakeBox({ workers: 2 });
    const seen: unknown[] = [];
    for (const worker of box.workers) worker.onPush("routes", (state) => seen.push(state));
    const routes = { list: ["/"] };
    box.steward.push("routes", routes);
    routes.list.push("/late");
    expect(seen).toEqual([]);
    await box.settled();
    expect(seen).toEqual([{ list: ["/"] }, { list: ["/"] }]);
    expect(seen[0]).not.toBe(seen[1]);
  });

  test("comes in order, and a worker that asks late gets the last state at once", async () => {
    const box = new FakeBox();
    const worker = nth(box, 0);
    const seen: unknown[] = [];
    worker.onPush("epoch", (state) => seen.push(state));
    for (const epoch of [1, 2, 3]) box.steward.push("epoch", epoch);
    await box.settled();
    expect(seen).toEqual([1, 2, 3]);
    const late: unknown[] = [];
    worker.onPush("epoch", (state) => late.push(state));
    expect(late).toEqual([3]);
  });

  test("a worker that is born later gets the last state, also from a steward that died", async () => {
    const box = new FakeBox();
    box.steward.push("epoch", 1);
    box.steward.push("epoch", 2);
    box.kill(box.steward);
    const seen: unknown[] = [];
    box.raiseWorker().onPush("epoch", (state) => seen.push(state));
    await box.settled();
    expect(seen).toEqual([2]);
  });

  test("cannot carry what real processes could not, such as a function", () => {
    expect(() => new FakeBox().steward.push("bad", { run: () => 1 })).toThrow();
  });
});

describe("report", () => {
  test("reaches the steward with the number of the worker", async () => {
    const box = new FakeBox({ workers: 2 });
    const seen: unknown[] = [];
    box.steward.onReport("ejected", (what, worker) => seen.push([what, worker]));
    nth(box, 1).report("ejected", "db2");
    nth(box, 0).report("ejected", "db1");
    expect(seen).toEqual([]);
    await box.settled();
    expect(seen).toEqual([
      ["db2", 2],
      ["db1", 1],
    ]);
  });

  test("is lost while there is no steward, and heard by the next one afterwards", async () => {
    const box = new FakeBox();
    const seen: unknown[] = [];
    box.steward.onReport("ejected", (what) => seen.push(what));
    nth(box, 0).report("ejected", "on its way");
    box.kill(box.steward);
    nth(box, 0).report("ejected", "to nobody");
    await box.settled();
    box.raiseSteward().onReport("ejected", (what) => seen.push(what));
    nth(box, 0).report("ejected", "heard");
    await box.settled();
    expect(seen).toEqual(["heard"]);
  });
});

describe("gather", () => {
  test("collects every worker's answer, promised ones too", async () => {
    const box = new FakeBox({ workers: 2 });
    const [one, two] = [nth(box, 0), nth(box, 1)];
    one.onGather("clients", () => 5);
    two.onGather("clients", () => Promise.resolve(7));
    expect(await box.steward.gather("clients")).toEqual([
      { worker: 1, value: 5 },
      { worker: 2, value: 7 },
    ]);
    expect(box.clock.waiting).toBe(0);
  });

  test("leaves out those that fail, do not know, die, or take too long by the box's clock", async () => {
    const box = new FakeBox({ workers: 5 });
    const [fails, dies, slow, good] = [nth(box, 0), nth(box, 2), nth(box, 3), nth(box, 4)];
    fails.onGather("clients", () => {
      throw new Error("no");
    });
    for (const host of [dies, slow]) host.onGather("clients", () => new Promise(() => undefined));
    good.onGather("clients", () => 1);
    const answers = box.steward.gather("clients");
    await box.settled();
    box.kill(dies);
    box.clock.advance(1_000);
    expect(await answers).toEqual([{ worker: 5, value: 1 }]);
  });
});

describe("command", () => {
  test("has every worker do it, with a copy of the argument", async () => {
    const box = new FakeBox({ workers: 2 });
    const done: unknown[] = [];
    for (const worker of box.workers) {
      worker.duty = {
        command: (name, argument) => {
          done.push([worker.box.index, name, argument]);
          return Promise.resolve(`${worker.box.index} paused`);
        },
      };
    }
    const argument = { database: "shop" };
    expect(await box.steward.command("PAUSE", argument)).toEqual([
      { worker: 1, value: "1 paused" },
      { worker: 2, value: "2 paused" },
    ]);
    expect(done).toEqual([
      [1, "PAUSE", argument],
      [2, "PAUSE", argument],
    ]);
    expect((done[0] as unknown[])[2]).not.toBe(argument);
  });

  test("rejects when one cannot", async () => {
    const box = new FakeBox({ workers: 2 });
    nth(box, 0).duty = { command: () => Promise.resolve("done") };
    await expect(box.steward.command("PAUSE")).rejects.toThrow('Cannot do "PAUSE": the duty has no commands');
    nth(box, 1).duty = { command: () => Promise.reject(new Error("Cannot pause: busy")) };
    await expect(box.steward.command("PAUSE")).rejects.toThrow("Cannot pause: busy");
  });

  test("rejects when one dies over it, or never answers", async () => {
    const box = new FakeBox();
    nth(box, 0).duty = { command: () => new Promise(() => undefined) };
    const slow = reasonOf(box.steward.command("PAUSE"));
    await box.settled();
    box.clock.advance(30_000);
    expect(await slow).toBe("Cannot ask worker 1: no answer");
    const killed = reasonOf(box.steward.command("PAUSE"));
    box.kill(nth(box, 0));
    expect(await killed).toBe("Cannot ask worker 1: it died");
  });
});

describe("life and death", () => {
  test("a dead process hears nothing, and its places are free", async () => {
    const box = new FakeBox({ workers: 2 });
    const [dying, other] = [nth(box, 0), nth(box, 1)];
    const seen: string[] = [];
    for (const worker of [dying, other]) {
      worker.limits.limit("links", 4).take();
      worker.onPush("epoch", () => seen.push(`worker ${worker.box.index}`));
    }
    box.steward.push("epoch", 1);
    box.kill(dying);
    box.kill(dying);
    await box.settled();
    expect([seen, box.page.taken("links"), box.workers.length, dying.alive]).toEqual([["worker 2"], 1, 1, false]);
  });

  test("fail: is recorded, and ends the process", () => {
    const box = new FakeBox();
    const reason = new Error("Cannot go on");
    nth(box, 0).fail(reason);
    expect([box.failures, box.workers.length]).toEqual([[reason], 0]);
  });

  test("a worker's number is never used again; the steward is always 0", () => {
    const box = new FakeBox({ workers: 2, role: "pool", name: "pool1" });
    box.kill(nth(box, 1));
    expect(box.raiseWorker().box).toEqual({
      role: "pool",
      name: "pool1",
      index: 3,
      generation: 1,
      owner: 4,
      sockets: [],
    });
    box.kill(box.steward);
    expect(() => box.steward).toThrow("Cannot find the steward: it is dead");
    expect(box.raiseSteward().box.index).toBe(0);
    expect(() => box.raiseSteward()).toThrow("there is one");
  });

  test("each verb belongs to one side", () => {
    const box = new FakeBox();
    const worker = nth(box, 0);
    expect(() => worker.push("t", 1)).toThrow("Cannot push: this is a worker");
    expect(() => worker.gather("q")).toThrow("Cannot gather: this is a worker");
    expect(() => worker.command("c")).toThrow("Cannot command: this is a worker");
    expect(() => box.steward.report("t", 1)).toThrow("Cannot report: this is a steward");
  });

  test("the same seed gives the same chance, each process its own; logs name the process; notes can be read", () => {
    const draw = (seed: number): number[] =>
      new FakeBox({ workers: 2, seed }).workers.map((worker) => worker.rng.next());
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
    expect(new Set(draw(5)).size).toBe(2);
    const box = new FakeBox();
    nth(box, 0).log.info("hello");
    box.steward.log.info("hello");
    expect(box.log.entries.map((entry) => entry.fields["process"])).toEqual(["worker 1", "steward"]);
    const { note } = nth(box, 0);
    note.setLength(new TextEncoder().encodeInto("in /slow", note.bytes).written);
    expect(note.text).toBe("in /slow");
  });
});

test("FakeBox: carries a role through its life", async () => {
  const box = new FakeBox({ workers: 2, role: "tiny" });
  const steward = new TinySteward(box.steward);
  await steward.start();
  for (const host of box.workers) {
    const duty = new TinyWorker(OPTIONS, host);
    host.duty = duty;
    await duty.start();
  }
  box.steward.push("whom", "world");
  await box.settled();
  expect(steward.heard.map(({ worker }) => worker)).toEqual([1, 2]);
  expect((await box.steward.gather("greeting")).map(({ value }) => value)).toEqual(["Hello, world", "Hello, world"]);
  expect((await box.steward.command("anything")).map(({ value }) => value)).toEqual(["anything done", "anything done"]);
  expect(box.page.taken("tiny")).toBe(2);
});
