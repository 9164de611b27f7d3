/**
 * Drivers through the pool in transaction mode, with one worker and with two: pipelines, prepared statements, COPY both
 * ways, a cancel, an error in a batch. Five links serve all of them.
 */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import postgres from "postgres";
import { embeddedServer } from "../kit/embedded-server.ts";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { scalePool, type PoolBox } from "../kit/scale-pool.ts";
import { until } from "../kit/until.ts";

const { test, path } = needs("postgres", "psql");
const go = needs("go");
const python = needs("psycopg");
const START_MS = 60_000;
const BUILD_MS = 300_000;
const DRIVERS = join(import.meta.dir, "drivers");

let store: RealPostgres | undefined;
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scale-drivers-"));
  store = await realPostgres({ server: path("postgres") });
}, START_MS);
afterAll(async () => {
  await store?.stop();
  rmSync(folder, { recursive: true, force: true });
}, START_MS);

for (const workers of [1, 2]) {
  describe(`pool with ${workers} worker${workers === 1 ? "" : "s"}`, () => {
    let box: PoolBox;
    const url = (): string => box.url();

    beforeAll(async () => {
      box = await scalePool({ store: store?.url ?? "", workers });
    }, START_MS);
    afterAll(async () => {
      await box?.stop();
    }, START_MS);

    test("psql: a script, a table, COPY, an error, \\d", async () => {
      const script = [
        "\\set ON_ERROR_STOP 0",
        "create table if not exists psql_t (n int primary key, t text);",
        "truncate psql_t;",
        "\\copy psql_t from program 'seq 1 1000 | sed s/$/,x/' csv",
        "select count(*) from psql_t;",
        "select 1/0;",
        "begin; select 'inside'; commit;",
        "\\d psql_t",
      ].join("\n");
      const child = Bun.spawn([path("psql"), "-X", "-A", "-t", url()], {
        stdin: new TextEncoder().encode(`${script}\n`),
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      expect(err).toContain("division by zero");
      expect(out).toContain("\n1000\n");
      expect(out).toContain("inside");
      expect(out).toContain("n|integer");
      expect(code).toBe(0);
    });

    test(
      "postgres.js",
      async () => {
        const sql = postgres(url(), { max: 3, onnotice: () => undefined });
        try {
          await withPostgresJs(sql);
        } finally {
          await sql.end({ timeout: 2 });
        }
      },
      START_MS,
    );

    test("node-postgres", () => withNodePostgres(url()), START_MS);

    test("Bun.sql", () => withBunSql(url()), START_MS);

    go.test(
      "pgx",
      async () => {
        const program = join(folder, "pgx");
        const built = Bun.spawnSync([go.path("go"), "build", "-o", program], {
          cwd: join(DRIVERS, "pgx"),
          stderr: "pipe",
        });
        if (built.exitCode !== 0) throw new Error(built.stderr.toString());
        await steps(
          [program, url()],
          ["pipeline", "prepared", "copy in", "copy out", "cancel", "error in batch", "transaction"],
        );
      },
      BUILD_MS,
    );

    python.test(
      "psycopg",
      async () => {
        await withPsycopg(url());
      },
      START_MS,
    );

    test("no more than five server connections ever served them, and none is in a transaction", async () => {
      const { sql } = existing();
      const rows = await sql`
        select state from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`;
      expect(rows.length).toBeLessThanOrEqual(5);
      expect(rows.every(({ state }) => state === "idle")).toBe(true);
    });
  });
}

python.test(
  "psycopg, before the Postgres that scale carries",
  async () => {
    const server = await embeddedServer();
    const newest = await realPostgres({ server: server.path });
    const box = await scalePool({ store: newest.url, workers: 2 });
    try {
      expect((await newest.sql`show server_version_num`)[0]?.["server_version_num"]).toStartWith("18");
      await withPsycopg(box.url());
    } finally {
      await box.stop();
      await newest.stop();
      server.remove();
    }
  },
  2 * START_MS,
);

async function withPsycopg(url: string): Promise<void> {
  await steps(
    ["/usr/bin/python3", join(DRIVERS, "with-psycopg.py"), url],
    ["pipeline", "prepared", "copy_in", "copy_out", "cancel", "error_in_batch", "copy_error", "transaction"],
  );
}

async function withPostgresJs(sql: postgres.Sql): Promise<void> {
  const doubled = await Promise.all(Array.from({ length: 100 }, (_, n) => sql`select ${n}::int * 2 as n`));
  expect(doubled.map(([row]) => row?.["n"])).toEqual(Array.from({ length: 100 }, (_, n) => 2 * n));
  for (let run = 0; run < 20; run += 1) {
    expect(await sql`select ${"a"}::text || 'x' as t`).toMatchObject([{ t: "ax" }]);
  }
  await sql`create table if not exists js_copy (n int)`;
  await sql`truncate js_copy`;
  const writable = await sql`copy js_copy from stdin`.writable();
  const written = new Promise<void>((resolve, reject) => writable.on("finish", resolve).on("error", reject));
  for (let n = 0; n < 1_000; n += 1) writable.write(`${n}\n`);
  writable.end();
  await written;
  let copied = "";
  for await (const chunk of await sql`copy js_copy to stdout`.readable()) copied += String(chunk);
  expect(copied.split("\n")).toHaveLength(1_001);
  const slow = sql`select pg_sleep(30)`.execute();
  await until("it runs", async () => (await busy()) > 0);
  slow.cancel();
  expect(await slow.catch((error: unknown) => error)).toMatchObject({ code: "57014" });
  const failed = await sql.begin((tx) => [tx`select 1`, tx`select 1/0`, tx`select 2`]).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: "22012" });
  const pids = await sql.begin(async (tx) => {
    const first = await tx`select pg_backend_pid() as pid`;
    const second = await tx`select pg_backend_pid() as pid`;
    return [first[0]?.["pid"], second[0]?.["pid"]];
  });
  expect(pids[0]).toBe(pids[1]);
  const large = "z".repeat(3_000_000);
  expect((await sql`select ${large}::text as t`)[0]?.["t"]).toHaveLength(3_000_000);
}

function existing(): RealPostgres {
  if (store === undefined) throw new Error("Cannot ask Postgres: it has not started");
  return store;
}

/** How many statements run on the server. */
async function busy(): Promise<number> {
  const { sql } = existing();
  const rows =
    await sql`select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(30)%' and pid <> pg_backend_pid()`;
  return rows.length;
}

async function withNodePostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const sums = await Promise.all(Array.from({ length: 100 }, (_, n) => client.query("select $1::int * 2 as n", [n])));
    expect(sums.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 100 }, (_, n) => 2 * n));
    for (let run = 0; run < 20; run += 1) {
      const { rows } = await client.query({ name: "mine", text: "select $1::text || 'x' as t", values: ["a"] });
      expect(rows[0].t).toBe("ax");
    }
    expect(await client.query("select 1/0").catch((error: unknown) => error)).toMatchObject({ code: "22012" });
    expect(
      ((await client.query("select 1; select 2 as two")) as unknown as { rows: { two: number }[] }[])[1]?.rows[0]?.two,
    ).toBe(2);
    await client.query("begin");
    await client.query("select 1/0").catch(() => undefined);
    expect(await client.query("select 1").catch((error: unknown) => error)).toMatchObject({ code: "25P02" });
    await client.query("rollback");
    await cancelNodePostgres(client, url);
    expect((await client.query("select 7 as n")).rows[0].n).toBe(7);
  } finally {
    await client.end();
  }
}

/** node-postgres sends its cancel request over a connection that it is given. */
async function cancelNodePostgres(client: pg.Client, url: string): Promise<void> {
  const slow = client.query("select pg_sleep(30)").catch((error: unknown) => error);
  await until("it runs", async () => (await busy()) > 0);
  const { processID, secretKey } = client as unknown as { readonly processID: number; readonly secretKey: number };
  await sendCancel(url, processID, secretKey);
  expect(await slow).toMatchObject({ code: "57014" });
}

/** Resolves when the pool has closed, as it does when the server knows. */
async function sendCancel(url: string, processId: number, secret: number): Promise<void> {
  const { hostname, port } = new URL(url);
  const request = new DataView(new ArrayBuffer(16));
  for (const [index, value] of [16, 80_877_102, processId, secret].entries()) request.setInt32(4 * index, value);
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: { data: () => undefined, close: () => closed.resolve(), end: () => closed.resolve() },
  });
  socket.write(new Uint8Array(request.buffer));
  await closed.promise;
  socket.end();
}

async function withBunSql(url: string): Promise<void> {
  const sql = new Bun.SQL(url, { max: 3 });
  try {
    const doubled = await Promise.all(Array.from({ length: 100 }, (_, n) => sql`select ${n}::int * 2 as n`));
    expect(doubled.map(([row]) => row.n)).toEqual(Array.from({ length: 100 }, (_, n) => 2 * n));
    for (let run = 0; run < 20; run += 1) expect((await sql`select ${"a"}::text || 'x' as t`)[0].t).toBe("ax");
    const failed = await sql
      .begin(async (tx) => {
        await tx`select 1`;
        await tx`select 1/0`;
      })
      .catch((error: unknown) => error);
    expect(String((failed as { errno?: string }).errno)).toBe("22012");
    const pids = await sql.begin(async (tx) => {
      const [first] = await tx`select pg_backend_pid() as pid`;
      const [second] = await tx`select pg_backend_pid() as pid`;
      return [first.pid, second.pid];
    });
    expect(pids[0]).toBe(pids[1]);
    await sql`create table if not exists bun_copy (n int)`;
    await sql`truncate bun_copy`;
    const lines = Array.from({ length: 1_000 }, (_, n) => `${n}\n`);
    await new Response(lines.join("")).body?.pipeTo(sql`copy bun_copy from stdin`.writable());
    const copied = await new Response(sql`copy bun_copy to stdout`.readable()).text();
    expect(copied.split("\n")).toHaveLength(1_001);
    const slow = sql`select pg_sleep(30)`.execute();
    await until("it runs", async () => (await busy()) > 0);
    slow.cancel();
    expect(await slow.catch((error: unknown) => String((error as { errno?: string }).errno))).toBe("57014");
    expect((await sql`select 7 as n`)[0].n).toBe(7);
  } finally {
    await sql.close({ timeout: 1 });
  }
}

async function steps(argv: readonly string[], names: readonly string[]): Promise<void> {
  const child = Bun.spawn([...argv], { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect(`${out}${err}`.trim().split("\n")).toEqual([...names]);
  expect(code).toBe(0);
}
