/**
 * Boxes of role lb and of role pool that stand alone, with two workers each, in a storm: changed knobs are obeyed in place, a
 * killed worker costs at most its own connections, a killed steward nothing, and a killed keeper leaves nobody.
 */
import { afterEach, beforeAll, afterAll, describe as plain, expect, test as always } from "bun:test";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { ProcessStatus, StatusJson } from "../../src/admin/view.ts";
import { isAlive } from "../../src/run/proc.ts";
import { type LbBox, lbFile, runLb } from "../kit/lb-box.ts";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import type { AppBox } from "../kit/scale-app.ts";
import { type PoolBox, scalePool } from "../kit/scale-pool.ts";
import { wordsOf } from "../kit/storm-check.ts";
import { type Load, startLoad } from "../kit/storm-load.ts";
import { type QueryCount, QueryLoad } from "../kit/storm-queries.ts";
import { clientPortsOf } from "../kit/storm-sockets.ts";
import { ActivityWatch } from "../kit/storm-watch.ts";
import { until } from "../kit/until.ts";

const START_MS = 60_000;
const WORKERS = 2;

async function statusOf({ admin }: AppBox): Promise<StatusJson> {
  return (await (await adminFetch(admin, "/status")).json()) as StatusJson;
}

async function one(box: AppBox, kind: string): Promise<ProcessStatus> {
  const found = (await statusOf(box)).processes.find(({ process }) => process === kind);
  if (found === undefined) throw new Error(`Cannot kill a ${kind}: there is none`);
  return found;
}

/** Kills one of that kind, and says which clients it had; resolves when the box is as before. */
async function killOne(box: AppBox & { readonly port: number }, kind: string): Promise<ReadonlySet<number>> {
  const victim = await one(box, kind);
  process.kill(victim.pid, "SIGSTOP");
  const clients = clientPortsOf(victim.pid, box.port);
  process.kill(victim.pid, "SIGKILL");
  await until(`another ${kind} is ready`, async () => {
    const now = await statusOf(box).catch(() => undefined);
    const next = now?.processes.find(({ process, index }) => process === kind && index === victim.index);
    return now?.ready === true && next?.state === "ready" && next.pid !== victim.pid;
  });
  return clients;
}

async function killKeeper(box: AppBox): Promise<void> {
  const { processes } = await statusOf(box);
  process.kill(box.pid, "SIGKILL");
  await until("all of it is gone", () => processes.every(({ pid }) => !isAlive(pid)));
}

plain("lb", () => {
  let box: LbBox;
  let load: Load | undefined;
  const servers = Array.from({ length: 2 }, () =>
    Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const [, verb, id] = new URL(request.url).pathname.split("/");
        return verb === "echo" ? new Response(await request.arrayBuffer()) : new Response(`tag ${id}`);
      },
    }),
  );
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);

  beforeAll(async () => {
    box = await runLb({ workers: WORKERS, servers: addresses });
  }, START_MS);
  afterEach(() => load?.remove());
  afterAll(async () => {
    await box.remove();
    for (const server of servers) await server.stop(true);
  });

  async function start(): Promise<Load> {
    load = await startLoad({ port: box.port, mix: { tag: 2, echo: 1, deal: 0 } });
    await load.more(300);
    return load;
  }

  always("10 reloads with other servers and times: in place, and nothing fails", async () => {
    const now = await start();
    const pids = await box.workerPids();
    for (let round = 0; round < 10; round += 1) {
      const some = addresses.slice(round % 2);
      const lb = `idle_timeout = "${20 + round}s"\nrequest_timeout = "${30 + round}s"`;
      await box.reload(lbFile(box.port, { workers: WORKERS, servers: some, lb }));
      await now.more(50);
    }
    const { failed, wrong, sent, answered } = await now.stop();
    expect([...failed.map(wordsOf), ...wrong]).toEqual([]);
    expect(answered).toBe(sent);
    expect(await box.workerPids()).toEqual(pids);
  });

  always(
    "kill -9 of a worker: at most its own connections; of the steward: nothing; of the keeper: nobody is left",
    async () => {
      const first = await start();
      const clients = await killOne(box, "worker");
      await first.more(300);
      const { failed, wrong } = await first.stop();
      expect(wrong).toEqual([]);
      expect(failed.filter(({ port }) => port !== 0 && !clients.has(port)).map(wordsOf)).toEqual([]);
      expect(failed.length).toBeLessThanOrEqual(clients.size);

      const second = await start();
      await killOne(box, "steward");
      await second.more(300);
      const after = await second.stop();
      expect([...after.failed.map(wordsOf), ...after.wrong]).toEqual([]);
      await killKeeper(box);
    },
  );
});

const { describe, test, path } = needs("postgres");
const CLIENTS = 48;
const SIZES = [8, 5, 8, 6, 8] as const;
const SIZE_MAX = 8;

describe("pool", () => {
  let store: RealPostgres;
  let box: PoolBox;
  let watch: ActivityWatch;

  beforeAll(async () => {
    store = await realPostgres({ server: path("postgres") });
    watch = await ActivityWatch.start(store);
    box = await scalePool({ store: store.url, workers: WORKERS, size: SIZE_MAX });
  }, START_MS);
  afterAll(async () => {
    if (isAlive(box.pid)) await box.stop();
    await watch.stop();
    await store.stop();
  }, START_MS);

  async function underLoad(run: (more: () => Promise<void>) => Promise<void>): Promise<QueryCount> {
    const load = new QueryLoad(box.url(), CLIENTS);
    const more = (): Promise<void> => {
      const from = load.answered;
      return until("more are answered", () => load.answered > from + 200);
    };
    await more();
    await run(more);
    await more();
    const count = await load.stop();
    expect(count.wrong).toEqual([]);
    expect(count.answered + count.failed.length).toBe(count.sent);
    expect(watch.most).toBeLessThanOrEqual(SIZE_MAX);
    return count;
  }

  test("reloads with other sizes and times: in place, nothing fails, and the size is obeyed", async () => {
    const pids = await box.workerPids();
    const { failed } = await underLoad(async (more) => {
      for (const [round, size] of SIZES.entries()) {
        const { config } = await statusOf(box);
        box.configure({ size, pool: `wait_timeout = "${20 + round}s"` });
        box.signal("SIGHUP");
        await until("it is obeyed", async () => (await statusOf(box)).config.generation > config.generation);
        await until("there are no more links than that", async () => (await linksNow()) <= size);
        await more();
        expect(await linksNow()).toBeLessThanOrEqual(size);
      }
    });
    expect(failed).toEqual([]);
    expect(await box.workerPids()).toEqual(pids);
  });

  async function linksNow(): Promise<number> {
    const rows = await store.sql`
      select 1 from pg_stat_activity where backend_type = 'client backend' and application_name <> 'watch'`;
    return rows.length;
  }

  test("kill -9 of a worker: at most its own connections; of the steward: nothing; of the keeper: nobody is left", async () => {
    let clients: ReadonlySet<number> = new Set();
    const { failed } = await underLoad(async () => void (clients = await killOne(box, "worker")));
    expect(failed.length).toBeLessThanOrEqual(clients.size);
    const { failed: then } = await underLoad(async () => void (await killOne(box, "steward")));
    expect(then).toEqual([]);
    await killKeeper(box);
    await until("Postgres has nobody", async () => (await linksNow()) === 0);
  });
});
