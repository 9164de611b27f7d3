import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import postgres from "postgres";
import { prepareTables } from "../../src/demo/tables.ts";
import { openFolder } from "../kit/open-folder.ts";
import { scaleUp, type Up } from "../kit/scale-up.ts";
import { demoSuite } from "./demo-suite.ts";

const START_MS = 60_000;

demoSuite("tier 1", (folder) => scaleUp({ folder, words: ["--tier", "1"] }));

describe("prepareTables", () => {
  let folder = "";
  let up: Up | undefined;
  beforeAll(async () => {
    folder = openFolder("demo");
    up = await scaleUp({ folder, words: ["--ephemeral"] });
  }, START_MS);
  afterAll(async () => {
    await up?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  test("makes and seeds the tables once when eight workers start at the same moment", async () => {
    const databaseUrl = up?.databaseUrl ?? "";
    const admin = postgres(databaseUrl, { max: 1 });
    await admin`create database race`;
    const url = new URL(databaseUrl);
    url.pathname = "/race";
    const one = postgres(url.href, { max: 1 });
    const workers = Array.from({ length: 8 }, () => postgres(url.href, { max: 1, onnotice: () => undefined }));
    try {
      await Promise.all(workers.map((db) => db`select 1`));
      const made = await Promise.all(workers.map((db) => prepareTables(db)));
      expect(made.filter(Boolean)).toHaveLength(1);
      const counts = await one`
        select (select count(*)::int from links) as links, (select count(*)::int from clicks) as clicks,
               (select count(*)::int from users) as users`;
      expect(counts[0]).toEqual({ links: 4, clicks: 26, users: 3 });
      expect(await Promise.all(workers.map((again) => prepareTables(again)))).toEqual(Array(8).fill(false));
    } finally {
      await Promise.all([admin, one, ...workers].map((db) => db.end()));
    }
  });
});
