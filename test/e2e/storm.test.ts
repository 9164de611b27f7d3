/**
 * Tier 2 in a storm: 64 clients that keep their connections and 64 that open one for each request, of three kinds, while the
 * box is reloaded, resized and upgraded. Every request is answered with what belongs to it, what was said to be done is in the
 * database, and the database never sees more connections than it was promised.
 */
import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import { isAlive } from "../../src/run/proc.ts";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { canHoldAll, keepsWord, wordsOf } from "../kit/storm-check.ts";
import { type StormBox, stormBox } from "../kit/storm-box.ts";
import { type Load, startLoad } from "../kit/storm-load.ts";
import { ActivityWatch } from "../kit/storm-watch.ts";
import { until } from "../kit/until.ts";

const { describe, test, path } = needs("postgres");
const MAX = 16;
const START_MS = 60_000;
const RELOADS = 20;
const COUNTS = [3, 1, 4, 2, 3] as const;
const UPGRADES = 3;

describe("tier 2 under 64 keep-alive and 64 connection-per-request clients", () => {
  let store: RealPostgres;
  let box: StormBox;
  let watch: ActivityWatch;
  let load: Load | undefined;

  beforeAll(async () => {
    store = await realPostgres({ server: path("postgres") });
    await store.sql`create table deals (id text primary key)`;
    watch = await ActivityWatch.start(store);
    box = await stormBox({ store: store.url, max: MAX });
  }, START_MS);
  afterEach(() => load?.remove());
  afterAll(async () => {
    await box.remove();
    await watch.stop();
    await store.stop();
  }, START_MS);

  /** Nothing fails while that is done. */
  async function underLoad(run: (load: Load) => Promise<void>): Promise<void> {
    load = await startLoad({ port: box.port });
    await load.more(200);
    await run(load);
    const count = await load.stop();
    expect([...count.failed.map(wordsOf), ...count.wrong]).toEqual([]);
    expect(count.answered).toBe(count.sent);
    expect(count.answered).toBeGreaterThan(500);
    await keepsWord(store, load.seed, count);
    expect(watch.most).toBeLessThanOrEqual(MAX);
  }

  async function reload(round: number): Promise<void> {
    const { config, processes } = await box.status();
    box.configure(String(round));
    // By turns as an operator's script and as systemd do.
    if (round % 2 === 0) expect(await box.command("reload")).toMatchObject({ ok: true });
    else process.kill(processes.find((one) => one.process === "keeper")?.pid ?? 0, "SIGHUP");
    await until("it is obeyed", async () => (await box.status()).config.generation === config.generation + 1);
    expect((await box.status()).config.lastReload).toMatchObject({ ok: true });
    expect(await (await fetch(box.url, { keepalive: false })).json()).toMatchObject({ round: String(round) });
  }

  test(`${RELOADS} reloads fail no request`, () =>
    underLoad(async () => {
      for (let round = 1; round <= RELOADS; round += 1) await reload(round);
    }));

  test(`${COUNTS.length} changes of the worker count fail no request`, () =>
    underLoad(async (now) => {
      for (const workers of COUNTS) {
        expect(await box.command("app", "--count", String(workers))).toMatchObject({ ok: true, workers });
        await until("so many serve", async () => (await box.pidsOf("worker")).length === workers);
        await now.more(100);
      }
    }));

  test(`${UPGRADES} binary upgrades fail no request, and nothing of the generations before stays`, () =>
    underLoad(async () => {
      const old: number[] = [];
      // The last one with one worker left, which keeps its front.
      for (const [at, workers] of [2, 3, 1].entries()) {
        await box.command("app", "--count", String(workers));
        await until("so many serve", async () => (await box.pidsOf("worker")).length === workers);
        const { processes, generation } = await box.status();
        old.push(...processes.map(({ pid }) => pid));
        if (at % 2 === 0) expect(await box.command("upgrade")).toMatchObject({ ok: true, generation: generation + 1 });
        else process.kill(processes.find((one) => one.process === "keeper")?.pid ?? 0, "SIGUSR2");
        const changed = async (): Promise<boolean> =>
          (await box.status().catch(() => undefined))?.generation === generation + 1;
        await until("the next generation answers", changed);
        expect(await box.pidsOf("worker")).toHaveLength(workers);
      }
      await until("the old ones are gone", () => old.every((pid) => !isAlive(pid)));
    }));

  test("after all that every link can be had at once, and no more", async () => {
    await canHoldAll(store, box.url, MAX);
    const { most, looks } = await watch.stop();
    expect(most).toBe(MAX);
    expect(looks).toBeGreaterThan(1_000);
  });
});
