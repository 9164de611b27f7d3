/** The steward's checks over time: what the workers are told, and when. */
import { describe, expect, test } from "bun:test";
import type { MetricRow } from "../../../../proxy/base/metrics.ts";
import { lbMetrics } from "../../../../proxy/lb/metrics.ts";
import type { CheckSetup, LbSetup, UpstreamSetup } from "../../../../proxy/lb/setup.ts";
import { LbSteward } from "../../../../proxy/lb/steward.ts";
import { HEALTH_TOPIC, type HealthPush, healthPushOf, UNREACHABLE_TOPIC } from "../../../../proxy/lb/verdicts.ts";
import type { Listener } from "../../../../proxy/net/wire.ts";
import { FakeBox } from "../../../kit/host.ts";
import { Peer, type Reactions } from "../../../kit/net-peer.ts";

const PORT = 3_000;
const CHECK: CheckSetup = { path: "/readyz", intervalMs: 1_000, timeoutMs: 200, rise: 2, fall: 3 };

/** What a server does just now; it may be changed at any time. */
interface Server {
  mode: "good" | "bad" | "stall" | "gone";
  checks: number;
  listener: Listener | undefined;
}

class Farm {
  readonly box = new FakeBox({ role: "lb", workers: 2 });
  readonly servers: Server[] = [];
  /** What the first worker was told. */
  readonly pushes: HealthPush[] = [];
  readonly #setup: LbSetup;
  steward: LbSteward;

  constructor(modes: readonly Server["mode"][], check: CheckSetup = CHECK) {
    for (const mode of modes) this.add(mode);
    this.box.workers[0]?.onPush(HEALTH_TOPIC, (state) => {
      const push = healthPushOf(state);
      if (push !== undefined) this.pushes.push(push);
    });
    this.#setup = this.setup(check);
    this.steward = this.#raise();
  }

  add(mode: Server["mode"]): void {
    const server: Server = { mode, checks: 0, listener: undefined };
    this.servers.push(server);
    this.open(this.servers.length - 1);
  }

  /** Listens, unless it is gone. */
  open(index: number): void {
    const server = this.servers[index];
    if (server === undefined) return;
    server.listener?.stop();
    if (server.mode === "gone") return;
    server.listener = this.box.net.listen({ host: "app", port: PORT + index }, (wire) => {
      server.checks += 1;
      return new Peer(answering(server)).on(wire).events;
    });
  }

  turn(index: number, mode: Server["mode"]): void {
    const server = this.servers[index];
    if (server === undefined) return;
    server.mode = mode;
    this.open(index);
  }

  setup(check = CHECK, indices = [...this.servers.keys()]): LbSetup {
    const upstream: UpstreamSetup = {
      name: "app",
      servers: indices.map((index) => ({
        key: `s${index}`,
        address: { host: "app", port: PORT + index },
        weight: 1,
      })),
      balance: "least",
      connectTimeoutMs: 500,
      queueMax: 1,
      check,
    };
    return {
      workers: 2,
      clientsMax: 10,
      listeners: [],
      upstreams: [upstream],
      routes: [],
      timeouts: { headMs: 1, idleMs: 1, requestMs: 1 },
      forwarding: "edge",
    };
  }

  /** The last verdicts that a worker heard, in the order of the servers. */
  get verdicts(): string {
    const verdicts = this.pushes.at(-1)?.upstreams["app"] ?? {};
    return this.servers.map((_, index) => verdicts[`s${index}`] ?? "-").join(" ");
  }

  async pass(ms: number): Promise<void> {
    await this.box.clock.advanceAsync(ms);
    await this.box.settled();
  }

  /** Until the verdicts are these; how long it took. */
  async until(verdicts: string, mostMs = 20_000): Promise<number> {
    const fromMs = this.box.clock.now();
    while (this.verdicts !== verdicts) {
      if (this.box.clock.now() - fromMs > mostMs) throw new Error(`The verdicts are "${this.verdicts}"`);
      await this.pass(5);
    }
    return this.box.clock.now() - fromMs;
  }

  /** The steward dies, and another one starts. */
  restart(): void {
    void this.steward.stop();
    this.box.kill(this.box.steward);
    this.box.raiseSteward();
    this.steward = this.#raise();
  }

  #raise(): LbSteward {
    const steward = new LbSteward(this.#setup, this.box.steward);
    void steward.start();
    return steward;
  }
}

function answering(server: Server): Reactions {
  return {
    data: (peer) => {
      if (server.mode === "stall") return;
      peer.send(`HTTP/1.1 ${server.mode === "good" ? 200 : 503} x\r\nContent-Length: 0\r\n\r\n`);
    },
    end: (peer) => peer.end(),
  };
}

describe("LbSteward", () => {
  test("the first check of each decides at once, and all is said in one push", async () => {
    const farm = new Farm(["good", "bad", "gone", "good"]);
    expect(await farm.until("up down down up")).toBeLessThan(100);
    expect(farm.pushes).toHaveLength(1);
  });

  test("one that stalls holds the first push up for its timeout only", async () => {
    const farm = new Farm(["good", "stall"]);
    expect(await farm.until("up down")).toBeWithin(200, 300);
  });

  test("falls after three bad ones in a row, rises after two good ones", async () => {
    const farm = new Farm(["good", "good"]);
    await farm.until("up up");
    farm.turn(1, "bad");
    expect(await farm.until("up down")).toBeWithin(1_600, 3_400);
    farm.turn(1, "good");
    expect(await farm.until("up up")).toBeWithin(800, 2_400);
    expect(farm.pushes.map(({ version }) => version)).toEqual([0, 1, 2].map((n) => (farm.pushes[0]?.version ?? 0) + n));
  });

  test("single bad ones change nothing, and nothing is pushed that was said already", async () => {
    const farm = new Farm(["good"]);
    await farm.until("up");
    for (let time = 0; time < 4; time += 1) {
      farm.turn(0, "bad");
      await farm.pass(1_500);
      farm.turn(0, "good");
      await farm.pass(2_500);
    }
    expect([farm.verdicts, farm.pushes.length]).toEqual(["up", 1]);
  });

  test("a slow starter: refuses, then is not ready, then serves", async () => {
    const farm = new Farm(["gone"]);
    await farm.until("down");
    farm.turn(0, "stall");
    await farm.pass(3_000);
    farm.turn(0, "bad");
    await farm.pass(3_000);
    expect(farm.verdicts).toBe("down");
    farm.turn(0, "good");
    expect(await farm.until("up")).toBeLessThan(2_400);
  });

  test("asks about once per interval, with jitter, whatever the answers are", async () => {
    for (const mode of ["good", "bad", "stall"] as const) {
      const farm = new Farm([mode]);
      await farm.pass(20_000);
      expect(farm.servers[0]?.checks).toBeWithin(18, 23);
    }
  });

  test("without a check nothing is dialled, and every target is untried", async () => {
    const farm = new Farm(["good"]);
    const { steward } = farm;
    const prepared = await steward.prepare({ ...farm.setup(), upstreams: [] });
    if (prepared.how === "in place") await prepared.commit();
    await farm.pass(50);
    const checks = farm.servers[0]?.checks;
    await farm.pass(10_000);
    expect(farm.servers[0]?.checks).toBe(checks);
    expect(farm.verdicts).toBe("-");
  });

  test("a worker's report leads to a check at once, but not to a storm of them", async () => {
    const slow = { ...CHECK, intervalMs: 60_000, fall: 1 };
    const farm = new Farm(["good"], slow);
    await farm.until("up");
    await farm.pass(5_000);
    farm.turn(0, "gone");
    const report = { upstream: "app", key: "s0" };
    for (let time = 0; time < 50; time += 1) farm.box.workers[1]?.report(UNREACHABLE_TOPIC, report);
    expect(await farm.until("down")).toBeLessThan(100);
    farm.turn(0, "good");
    const before = farm.servers[0]?.checks ?? 0;
    for (let time = 0; time < 100; time += 1) {
      farm.box.workers[1]?.report(UNREACHABLE_TOPIC, report);
      await farm.pass(10);
    }
    expect((farm.servers[0]?.checks ?? 0) - before).toBeLessThan(12);
  });

  test.each([
    undefined,
    null,
    7,
    "app",
    {},
    { upstream: "app" },
    { upstream: "no", key: "s0" },
    { upstream: 1, key: [] },
  ])("a report that is %p does no harm", async (seen) => {
    const farm = new Farm(["good"]);
    await farm.until("up");
    farm.box.workers[0]?.report(UNREACHABLE_TOPIC, seen);
    await farm.pass(50);
    expect(farm.servers[0]?.checks).toBe(1);
  });

  test("a steward that was restarted says nothing before it knows all again, and versions go on growing", async () => {
    const farm = new Farm(["good", "stall"]);
    await farm.until("up down");
    farm.restart();
    await farm.pass(150);
    expect([farm.verdicts, farm.pushes.length]).toEqual(["up down", 1]);
    await farm.pass(500);
    expect([farm.verdicts, farm.pushes.length]).toEqual(["up down", 2]);
    const [first, second] = farm.pushes;
    expect(second?.version).toBeGreaterThan(first?.version ?? Infinity);
  });

  test("a reload: those that stay keep their verdict, new ones are checked at once, others no more", async () => {
    const farm = new Farm(["good", "bad"]);
    await farm.until("up down");
    farm.add("good");
    const prepared = await farm.steward.prepare(farm.setup(CHECK, [1, 2]));
    expect(prepared.how).toBe("in place");
    if (prepared.how === "in place") await prepared.commit();
    expect(await farm.until("- down up")).toBeLessThan(100);
    const checks = farm.servers[0]?.checks;
    await farm.pass(10_000);
    expect(farm.servers[0]?.checks).toBe(checks);
  });

  test("counts what it did, and a server that is on no list any more is not up", async () => {
    const farm = new Farm(["good", "bad"]);
    await farm.until("up down");
    const read = (row: MetricRow, key: string): number | undefined =>
      farm.box.steward.metrics.value(row.name, "app", key);
    const { serverStatus, serverChecks, serverCheckFailures } = lbMetrics;
    expect([read(serverStatus, "s0"), read(serverStatus, "s1")]).toEqual([1, 0]);
    expect([read(serverChecks, "s0"), read(serverCheckFailures, "s0"), read(serverCheckFailures, "s1")]).toEqual([
      1, 0, 1,
    ]);
    const prepared = await farm.steward.prepare(farm.setup(CHECK, [1]));
    if (prepared.how === "in place") await prepared.commit();
    expect(read(serverStatus, "s0")).toBe(0);
  });

  test("stop: leaves no connection and no timer", async () => {
    const farm = new Farm(["good", "stall"]);
    await farm.pass(60);
    await farm.steward.stop();
    await farm.pass(2_000);
    expect(farm.box.clock.waiting).toBe(0);
  });
});

test.each([
  [{ version: 1, upstreams: { app: { s0: "up" } } }, true],
  [{ version: 1, upstreams: {} }, true],
  [{ version: "1", upstreams: {} }, false],
  [{ version: 1, upstreams: { app: { s0: "gone" } } }, false],
  [{ version: 1, upstreams: { app: { s0: "toString" } } }, false],
  [{ version: 1, upstreams: { app: [] } }, false],
  [[], false],
  [null, false],
])("healthPushOf: %j is one: %p", (state, good) => {
  expect(healthPushOf(state) !== undefined).toBe(good);
});
