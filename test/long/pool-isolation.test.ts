/** As `test/e2e/pool-isolation.test.ts`: a million messages of 200 clients over 5 links and two workers. */
import { expect } from "bun:test";
import { needs } from "../kit/needs.ts";
import { isolate } from "../kit/pool-isolation.ts";
import { realPostgres } from "../kit/pool-postgres.ts";
import { scalePool } from "../kit/scale-pool.ts";

const { test, path } = needs("postgres");
const RUN_MS = 20 * 60_000;
const MESSAGES = 1_000_000;
const SEED = Number(process.env["SCALE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

test(
  "a million messages of 200 clients over 5 links: none astray",
  async () => {
    console.log(`pool-isolation: SCALE_SEED=${SEED}`);
    const store = await realPostgres({ server: path("postgres") });
    const box = await scalePool({ store: store.url, workers: 2, size: 5 });
    try {
      const { answered, astray } = await isolate({ url: box.url(), clients: 200, messages: MESSAGES, seed: SEED });
      expect(astray).toEqual([]);
      expect(answered).toBeGreaterThanOrEqual(MESSAGES);
    } finally {
      await box.stop();
      await store.stop();
    }
  },
  RUN_MS,
);
