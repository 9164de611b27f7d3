/** The pool's steward and the desks of its workers, in a box in memory. */
import { expect, test } from "bun:test";
import { Desk } from "../../../../proxy/pool/desk.ts";
import {
  COMMAND,
  GATHER,
  PUSH,
  REPORT,
  type PauseState,
  type Paused,
  type Told,
} from "../../../../proxy/pool/letters.ts";
import type { PoolSetup } from "../../../../proxy/pool/setup.ts";
import { PoolSteward } from "../../../../proxy/pool/steward.ts";
import type { WorkerView } from "../../../../proxy/pool/view.ts";
import { FakeBox, type FakeHost } from "../../../kit/host.ts";

const setup: PoolSetup = {
  ...{ version: "1", sockets: [{ host: "127.0.0.1", port: 6432 }], workers: 2, clientsMax: 10, loginTimeoutMs: 1 },
  ...{
    waitTimeoutMs: 1,
    preparedStatementsMax: 1,
    auth: "password",
    ownUid: 1,
    users: {},
    adminUsers: [],
    statsUsers: [],
  },
  mockSecret: "",
  databases: {
    shop: {
      ...{ mode: "transaction", sessionState: "pin", size: 10, idleTimeoutMs: 1 },
      cluster: {
        name: "main",
        primary: {
          ...{ address: { host: "db", port: 5432 }, database: "shop", user: "shop", sslMode: "disable" },
          ...{ parameters: {}, connectTimeoutMs: 1 },
        },
      },
    },
  },
};

/** A worker as the steward sees one. */
class Worker {
  readonly desk: Desk;
  readonly obeyed: string[] = [];
  paused: Paused = { version: 0, databases: [] };
  isQuiet = true;
  servers = 3;
  idle = 2;

  constructor(host: FakeHost) {
    this.desk = new Desk(host);
    host.onGather(GATHER.view, () => this.view());
    host.onGather(GATHER.pause, (): PauseState => {
      const { version, databases } = this.paused;
      return { version, paused: databases, quiet: this.isQuiet ? databases : [] };
    });
    host.onPush(PUSH.paused, (state) => void (this.paused = state as Paused));
    host.duty = {
      command: async (name, argument) => {
        this.obeyed.push(name);
        if (name === COMMAND.told) this.desk.take(argument as Told);
        return undefined;
      },
    };
  }

  view(): WorkerView {
    const counts = { clientsActive: 2, clientsWaiting: 1, cancels: 0, serversActive: 1, serversCanceled: 0 };
    return {
      pools: [{ database: "shop", user: "shop", ...counts, serversIdle: this.idle, serversLogin: 0, maxWaitMs: 1_500 }],
      databases: [
        {
          ...{ name: "shop", clients: 3, servers: this.servers, paused: false, recentMs: 1_000 },
          totals: Array.from({ length: 12 }, () => 10),
          recent: Array.from({ length: 12 }, () => 4),
        },
      ],
      clients: 3,
      loginClients: 1,
    };
  }
}

async function raise(): Promise<{ box: FakeBox; workers: Worker[]; hosts: readonly FakeHost[] }> {
  const box = new FakeBox({ role: "pool", workers: 2 });
  const workers = box.workers.map((host) => new Worker(host));
  await new PoolSteward(setup, box.steward).start();
  return { box, workers, hosts: box.workers };
}

async function settle<T>(box: FakeBox, promise: Promise<T>): Promise<T> {
  for (let turns = 0; turns < 20; turns += 1) await box.clock.advanceAsync(50);
  return promise;
}

test("steward: sums what all workers show", async () => {
  const { box, workers } = await raise();
  const [pool] = await settle(box, workers[0]!.desk.show("pools"));
  expect(pool?.slice(0, 4)).toEqual(["shop", "shop", 4, 2]);
  expect(pool?.slice(13, 16)).toEqual([1, 500_000, "transaction"]);
  const [stats] = await settle(box, workers[1]!.desk.show("stats"));
  expect(stats).toEqual(["shop", ...Array.from({ length: 12 }, () => 20), 8, 8, 8, 8, 8, 1, 1, 1, 8, 8, 8, 8]);
  const [database] = await settle(box, workers[0]!.desk.show("databases"));
  expect(database?.slice(11, 16)).toEqual([10, 6, 0, 6, 0]);
});

test("steward: PAUSE is done when every worker is quiet, and outlives the steward", async () => {
  const { box, workers } = await raise();
  workers[1]!.isQuiet = false;
  let done = false;
  const paused = workers[0]!.desk.perform("pause", "shop").then((words) => {
    done = true;
    return words;
  });
  await settle(box, Promise.resolve());
  expect(done).toBe(false);
  workers[1]!.isQuiet = true;
  expect(await settle(box, paused)).toBeUndefined();
  box.kill(box.steward);
  await new PoolSteward(setup, box.raiseSteward()).start();
  expect(await settle(box, workers[0]!.desk.perform("resume", undefined))).toBeUndefined();
  expect(workers.map(({ paused: { databases } }) => databases)).toEqual([[], []]);
  expect(await settle(box, workers[0]!.desk.perform("resume", undefined))).toMatchObject({ code: "55000" });
  expect(await settle(box, workers[0]!.desk.perform("pause", "nowhere"))).toMatchObject({ code: "3D000" });
});

test("steward: RELOAD asks the box, a cancel goes to all workers, a starving worker gets a link of another", async () => {
  const { box, workers, hosts } = await raise();
  expect(await settle(box, workers[0]!.desk.perform("reload", undefined))).toBeUndefined();
  expect(box.reloads).toBe(1);
  hosts[0]!.report(REPORT.cancel, { processId: 1, secret: new Uint8Array(4) });
  hosts[1]!.report(REPORT.starving, { database: "shop", waiting: 1, held: 1 });
  await settle(box, Promise.resolve());
  expect(workers[1]!.obeyed).toContain(COMMAND.cancel);
  expect(workers[0]!.obeyed).toContain(COMMAND.yield);
});

for (const [servers, idle, held, gives] of [
  [1, 1, 2, true],
  [1, 0, 2, false],
  [2, 0, 1, true],
  [0, 0, 0, false],
] as const) {
  const has = `a worker with ${servers} links, ${idle} of them idle`;
  test(`steward: ${has}, ${gives ? "gives one" : "gives none"} to one that has ${held}`, async () => {
    const { box, workers, hosts } = await raise();
    Object.assign(workers[0]!, { servers, idle });
    hosts[1]!.report(REPORT.starving, { database: "shop", waiting: 1, held });
    await settle(box, Promise.resolve());
    expect(workers[0]!.obeyed.includes(COMMAND.yield)).toBe(gives);
  });
}

test("desk: a question is put again when the steward was gone, and gives up on what is only looked at", async () => {
  const { box, workers } = await raise();
  box.kill(box.steward);
  const shown = workers[0]!.desk.show("lists");
  await settle(box, Promise.resolve());
  await new PoolSteward(setup, box.raiseSteward()).start();
  for (let turns = 0; turns < 60; turns += 1) await box.clock.advanceAsync(50);
  expect(await shown).toContainEqual(["used_clients", 6]);
  box.kill(box.steward);
  const lost = workers[0]!.desk.show("lists").catch((error: unknown) => error);
  for (let turns = 0; turns < 12; turns += 1) await box.clock.advanceAsync(1_000);
  expect(await lost).toMatchObject({ code: "OVERLOADED" });
});
