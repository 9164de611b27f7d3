/** Tagged data of 200 clients over 5 links, with one worker and with two: none astray. `test/long` runs ten times as much. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { needs } from "../kit/needs.ts";
import { isolate } from "../kit/pool-isolation.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { scalePool } from "../kit/scale-pool.ts";

const { test, path } = needs("postgres");
const START_MS = 60_000;
const RUN_MS = 300_000;
const CLIENTS = 200;
const MESSAGES = 50_000;
const SEED = Number(process.env["SCALE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

let store: RealPostgres | undefined;

describe("isolation", () => {
  beforeAll(async () => {
    console.log(`pool-isolation: SCALE_SEED=${SEED}`);
    store = await realPostgres({ server: path("postgres") });
  }, START_MS);
  afterAll(() => store?.stop(), START_MS);

  for (const workers of [1, 2]) {
    test(
      `${CLIENTS} clients over 5 links, ${workers} worker${workers === 1 ? "" : "s"}`,
      async () => {
        const box = await scalePool({ store: store?.url ?? "", workers, size: 5 });
        try {
          const { answered, astray } = await isolate({
            url: box.url(),
            clients: CLIENTS,
            messages: MESSAGES,
            seed: SEED,
          });
          expect(astray).toEqual([]);
          expect(answered).toBeGreaterThanOrEqual(MESSAGES);
        } finally {
          await box.stop();
        }
      },
      RUN_MS,
    );
  }
});
