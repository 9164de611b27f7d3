/** Tier 2 for a quarter of an hour: reloads, other numbers of workers and upgrades by chance, of one seed, under load. */
import { afterAll, beforeAll, expect } from "bun:test";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { SeededRng } from "../kit/rng.ts";
import { type StormBox, stormBox } from "../kit/storm-box.ts";
import { canHoldAll, keepsWord, wordsOf } from "../kit/storm-check.ts";
import { type Load, startLoad } from "../kit/storm-load.ts";
import { ActivityWatch } from "../kit/storm-watch.ts";
import { until } from "../kit/until.ts";

const { describe, test, path } = needs("postgres");
const MAX = 16;
const START_MS = 60_000;
const LASTS_MS = 15 * 60_000;
const WORKERS_MAX = 4;

describe("tier 2 for a long time", () => {
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
  afterAll(async () => {
    await load?.remove();
    await box.remove();
    await watch.stop();
    await store.stop();
  }, START_MS);

  async function reload(round: number): Promise<void> {
    box.configure(String(round));
    expect(await box.command("reload")).toMatchObject({ ok: true });
  }

  async function count(workers: number): Promise<void> {
    expect(await box.command("app", "--count", String(workers))).toMatchObject({ ok: true, workers });
    await until("so many serve", async () => (await box.pidsOf("worker")).length === workers);
  }

  test(
    "whatever is done to the box fails no request, and loses no link",
    async () => {
      load = await startLoad({ port: box.port });
      const rng = new SeededRng(load.seed);
      const endMs = performance.now() + LASTS_MS;
      for (let round = 1; performance.now() < endMs; round += 1) {
        const what = rng.next();
        if (what < 0.6) await reload(round);
        else if (what < 0.8) await count(1 + Math.floor(rng.next() * WORKERS_MAX));
        else expect(await box.command("upgrade")).toMatchObject({ ok: true });
        await load.more(200);
      }
      const met = await load.stop();
      expect([...met.failed.map(wordsOf), ...met.wrong]).toEqual([]);
      expect(met.answered).toBe(met.sent);
      await keepsWord(store, load.seed, met);
      await canHoldAll(store, box.url, MAX);
      expect(watch.most).toBe(MAX);
    },
    2 * LASTS_MS,
  );
});
