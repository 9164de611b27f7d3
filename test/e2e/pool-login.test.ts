/** Logins to the built pool by psql: TLS with channel binding, MD5 on both sides, users of the pool's own, session mode. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { join } from "node:path";
import { md5Secret } from "../../proxy/pg/md5.ts";
import { digest } from "../../src/run/digest.ts";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { scalePool, type PoolBox, type PoolOrder } from "../kit/scale-pool.ts";

const { test, path } = needs("postgres", "psql");
const START_MS = 60_000;
const TLS = join(import.meta.dir, "../data/tls");

async function psql(box: PoolBox, words: string, password: string, sql = "select 40 + 2"): Promise<string> {
  const argv = [path("psql"), "-X", "-A", "-t", `host=127.0.0.1 port=${box.port} dbname=shop ${words}`, "-c", sql];
  const env = { ...process.env, PGPASSWORD: password };
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe", env });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return `${out}${err}`.trim();
}

async function using(
  order: Omit<PoolOrder, "store" | "workers">,
  store: RealPostgres,
  use: (box: PoolBox) => Promise<void>,
) {
  const box = await scalePool({ ...order, store: store.url, workers: 1 });
  try {
    await use(box);
  } finally {
    await box.stop();
  }
}

for (const method of ["scram-sha-256", "md5"] as const) {
  describe(`before a server that wants ${method}`, () => {
    let store: RealPostgres;

    beforeAll(async () => {
      store = await realPostgres({ server: path("postgres"), method });
    }, START_MS);
    afterAll(() => store?.stop(), START_MS);

    test(
      "TLS is spoken, bound to the channel, and wanted where it is required",
      async () => {
        const tls = `tls = { cert = "${TLS}/server.pem", key = "${TLS}/server.key", required = true }`;
        await using({ pool: tls }, store, async (box) => {
          expect(await psql(box, "user=shop sslmode=require channel_binding=require", store.password)).toBe("42");
          expect(await psql(box, "user=shop sslmode=disable", store.password)).toContain("TLS is required");
        });
      },
      START_MS,
    );

    test(
      "users of the pool: by password, by MD5, and nobody else",
      async () => {
        await store.sql.unsafe("create role eve login password 'her own'");
        const secret = md5Secret(digest, "kim", "kim's");
        const more = `[pool.users]\neve = "her own"\nkim = "${secret}"`;
        await using({ more }, store, async (box) => {
          expect(await psql(box, "user=eve", "her own", "select current_user")).toBe("eve");
          expect(await psql(box, "user=eve", "wrong")).toContain("password authentication failed");
          expect(await psql(box, "user=shop", store.password)).toContain("password authentication failed");
          expect(await psql(box, "user=kim", "wrong")).toContain("password authentication failed");
          if (method === "scram-sha-256") return;
          await store.sql.unsafe("create role kim login password 'kim''s'");
          expect(await psql(box, "user=kim", "kim's", "select current_user")).toBe("kim");
        });
      },
      START_MS,
    );

    test(
      "session mode keeps a session",
      async () => {
        await using({ mode: "session" }, store, async (box) => {
          const sql = "create temporary table t (n int); insert into t values (7); select n from t";
          expect(await psql(box, "user=shop", store.password, sql)).toContain("7");
        });
      },
      START_MS,
    );
  });
}
