/**
 * Tier 2 in a storm in which processes are killed: what fails is what the killed one had in hand, nobody who comes later
 * notices, the database keeps what was said to be done, and its connections stay within their limit.
 */
import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import { existsSync } from "node:fs";
import type { ProcessStatus } from "../../src/admin/view.ts";
import { isAlive } from "../../src/run/proc.ts";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { type StormBox, stormBox } from "../kit/storm-box.ts";
import { canHoldAll, keepsWord, wordsOf } from "../kit/storm-check.ts";
import type { StormCount } from "../kit/storm-clients.ts";
import { CROWD, type Load, startLoad } from "../kit/storm-load.ts";
import { clientPortsOf, unixClientsOf } from "../kit/storm-sockets.ts";
import { ActivityWatch } from "../kit/storm-watch.ts";
import { until } from "../kit/until.ts";

const { describe, test, path } = needs("postgres");
const MAX = 16;
/** So many that there are two of the lb, and two of the pool. */
const WORKERS = 4;
const START_MS = 60_000;
const CLIENTS = CROWD.reduce((sum, { clients }) => sum + clients, 0);

interface Killed<Seen> {
  readonly seen: Seen;
  readonly count: StormCount;
  /** Of requests that were sent when it was gone. */
  readonly later: readonly string[];
}

describe("tier 2 under load, kill -9", () => {
  let store: RealPostgres;
  let box: StormBox;
  let watch: ActivityWatch;
  let load: Load | undefined;

  beforeAll(async () => {
    store = await realPostgres({ server: path("postgres") });
    await store.sql`create table deals (id text primary key)`;
    watch = await ActivityWatch.start(store);
    box = await stormBox({ store: store.url, workers: WORKERS, max: MAX });
  }, START_MS);
  afterEach(() => load?.remove());
  afterAll(async () => {
    await box.remove();
    await watch.stop();
    await store.stop();
  }, START_MS);

  /** Stops the first process of that kind, so that `look` sees what it has in hand and it takes nothing more, and kills it. */
  async function killOne<Seen>(kind: string, look: (pid: number) => Seen): Promise<Killed<Seen>> {
    load = await startLoad({ port: box.port });
    await load.more(300);
    const victim = await one(kind);
    process.kill(victim.pid, "SIGSTOP");
    const seen = look(victim.pid);
    process.kill(victim.pid, "SIGKILL");
    // Not a moment before: while a thread of it lives, its sockets do, and take what nobody will read.
    await until("it is gone", () => !existsSync(`/proc/${victim.pid}`));
    const goneMs = Date.now();
    await box.recovered(victim);
    await load.more(300);
    const count = await load.stop();
    expect(count.wrong).toEqual([]);
    expect(count.answered + count.failed.length).toBe(count.sent);
    await keepsWord(store, load.seed, count);
    expect(watch.most).toBeLessThanOrEqual(MAX);
    return { seen, count, later: count.failed.filter(({ sentMs }) => sentMs > goneMs).map(wordsOf) };
  }

  async function one(kind: string): Promise<ProcessStatus> {
    const found = (await box.status()).processes.find(({ process }) => process === kind);
    if (found === undefined) throw new Error(`Cannot kill a ${kind}: there is none`);
    return found;
  }

  test("of an app worker: at most its requests in flight, and what is safe to ask again is asked again", async () => {
    const { count, later } = await killOne("worker", () => undefined);
    expect(later).toEqual([]);
    expect(count.failed.filter(({ kind }) => kind === "tag").map(wordsOf)).toEqual([]);
    expect(count.failed.length).toBeLessThanOrEqual(CLIENTS);
  });

  test("of an lb worker: at most its own connections", async () => {
    const { seen, count } = await killOne("lb", (pid) => clientPortsOf(pid, box.port));
    expect(count.failed.filter(({ port }) => port !== 0 && !seen.has(port)).map(wordsOf)).toEqual([]);
    expect(count.failed.length).toBeLessThanOrEqual(seen.size);
  });

  test("of a pool worker: at most its own connections, and nothing that needs no database", async () => {
    const { seen, count } = await killOne("pool", unixClientsOf);
    expect(count.failed.filter(({ kind }) => kind !== "deal").map(wordsOf)).toEqual([]);
    expect(count.failed.length).toBeLessThanOrEqual(seen);
  });

  test("of the steward: nothing", async () => {
    const { count } = await killOne("steward", () => undefined);
    expect(count.failed.map(wordsOf)).toEqual([]);
  });

  test("after all that every link can be had at once, and no more", async () => {
    await canHoldAll(store, box.url, MAX);
    expect(watch.most).toBe(MAX);
  });

  test("of the keeper: no process is left, and no connection to the database", async () => {
    load = await startLoad({ port: box.port });
    await load.more(300);
    const { processes } = await box.status();
    process.kill((await one("keeper")).pid, "SIGKILL");
    await until("all of it is gone", () => processes.every(({ pid }) => !isAlive(pid)));
    const { wrong } = await load.stop();
    expect(wrong).toEqual([]);
    await until("Postgres has nobody", async () => {
      const rows = await store.sql`
        select 1 from pg_stat_activity where backend_type = 'client backend' and application_name <> 'watch'`;
      return rows.length === 0;
    });
    expect((await watch.stop()).most).toBeLessThanOrEqual(MAX);
  });
});
