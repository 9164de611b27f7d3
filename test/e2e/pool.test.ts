/**
 * The pool as the built executable before a real Postgres, with one worker and with two: its limits, its console, and what
 * is left when clients, workers or the server are gone.
 */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import pg from "pg";
import postgres from "postgres";
import { writeStartup } from "../../proxy/pg/startup.ts";
import { FRONTEND } from "../../proxy/pg/tag.ts";
import { Writer } from "../../proxy/pg/writer.ts";
import { adminFetch } from "../../src/admin/admin-client.ts";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { type PoolBox, scalePool } from "../kit/scale-pool.ts";
import { until } from "../kit/until.ts";

const { test, path } = needs("postgres", "psql");
const START_MS = 60_000;
const SIZE = 5;
const HALF_OPEN = 10_000;

let store: RealPostgres | undefined;

beforeAll(async () => {
  store = await realPostgres({ server: path("postgres") });
}, START_MS);
afterAll(() => store?.stop(), START_MS);

function server(): RealPostgres {
  if (store === undefined) throw new Error("Cannot ask Postgres: it has not started");
  return store;
}

/** The backends that the pool has, by state. */
async function backends(): Promise<readonly string[]> {
  const { sql } = server();
  const rows = await sql`
    select coalesce(state, '') as state from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`;
  return rows.map(({ state }) => String(state));
}

function connect(url: string, options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
  return postgres(url, { max: 1, onnotice: () => undefined, fetch_types: false, ...options });
}

async function using<T>(sql: postgres.Sql, use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** What psql says when our own uid asks over the unix socket. */
async function ask(box: PoolBox, command: string, database = "pgbouncer"): Promise<string> {
  const argv = [path("psql"), "-X", "-A", "-h", box.folder, "-p", String(box.port), "-U", "anyone", "-d", database];
  const child = Bun.spawn([...argv, "-c", command], { stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return `${out}${err}`.trim();
}

for (const workers of [1, 2]) {
  describe(`pool with ${workers} worker${workers === 1 ? "" : "s"}`, () => {
    let box: PoolBox;

    beforeAll(async () => {
      const pool = 'wait_timeout = "2s"\nclients_max = 300\nlogin_timeout = "3s"\nadmin_users = ["shop"]';
      box = await scalePool({ store: server().url, workers, size: SIZE, pool });
    }, START_MS);
    afterAll(() => box?.stop(), START_MS);

    test("the console shows PgBouncer's tables, over psql and over a driver", async () => {
      await using(connect(box.url()), (sql) => sql`select 1`);
      for (const [name, column] of [
        ["POOLS", "cl_active"],
        ["CLIENTS", "prepared_statements"],
        ["SERVERS", "remote_pid"],
        ["STATS", "avg_client_login_count"],
        ["STATS_TOTALS", "bytes_received"],
        ["DATABASES", "current_client_connections"],
        ["USERS", "max_user_client_connections"],
        ["LISTS", "items"],
        ["CONFIG", "changeable"],
        ["VERSION", "version"],
      ] as const) {
        expect(await ask(box, `SHOW ${name}`)).toContain(column);
      }
      expect(await ask(box, "SHOW POOLS")).toContain("shop|shop|");
      expect(await ask(box, "SHOW VERSION", "scale")).toContain("PgBouncer 1.25.0");
      expect(await ask(box, "SHOW NOTHING")).toContain("unknown subject");
      const rows = await using(connect(box.url("pgbouncer")), (sql) => sql.unsafe("SHOW STATS"));
      expect(Number(rows.find(({ database }) => database === "shop")?.["total_xact_count"])).toBeGreaterThan(0);
    });

    test("metrics have the exporter's names, and count", async () => {
      await using(connect(box.url()), (sql) => sql`select 1`);
      const text = await (await adminFetch(box.admin, "/metrics")).text();
      expect(text).toContain("pgbouncer_stats_totals_queries_pooled_total");
      expect(/pgbouncer_stats_totals_server_assignments_total\{database="shop"\} ([1-9]\d*)/.test(text)).toBe(true);
      expect(text).toContain("pgbouncer_pools_server_idle_connections");
    });

    test("what pins a link is shown: in both tables of the console, and in the metrics", async () => {
      const pinned = async (): Promise<string> => {
        const text = await (await adminFetch(box.admin, "/metrics")).text();
        return /scale_pool_pinned_clients\{database="shop",reason="listen"\} (\d+)/.exec(text)?.[1] ?? "none";
      };
      expect(await pinned()).toBe("0");
      const client = new pg.Client({ connectionString: box.url() });
      await client.connect();
      await client.query("listen a");
      await client.query("create temp table mine (n int)");
      await until("the clients show it", async () => /\|listen,temporary$/m.test(await ask(box, "SHOW CLIENTS")));
      expect(await ask(box, "SHOW SERVERS")).toMatch(/^S\|shop\|shop\|none\|active\|.*\|listen,temporary$/m);
      expect(await pinned()).toBe("1");
      await client.query("discard all");
      await until("nothing pins it", async () => !(await ask(box, "SHOW CLIENTS")).includes("listen"));
      expect(await pinned()).toBe("0");
      await client.end();
    });

    test("wrong passwords, unknown users and unknown databases are told apart only behind the login", async () => {
      const { user, password } = server();
      const at = `127.0.0.1:${box.port}`;
      const code = (url: string): Promise<unknown> =>
        using(connect(url), (sql) =>
          sql`select 1`.then(
            () => "in",
            (error: { code?: unknown }) => error.code,
          ),
        );
      expect(await code(`postgres://${user}:wrong@${at}/shop`)).toBe("28P01");
      expect(await code(`postgres://nobody:wrong@${at}/shop`)).toBe("28P01");
      expect(await code(`postgres://nobody:wrong@${at}/nowhere`)).toBe("28P01");
      expect(await code(`postgres://${user}:${encodeURIComponent(password)}@${at}/nowhere`)).toBe("3D000");
    });

    test(
      "more clients than links: all are served, and the server never counts more than the size",
      async () => {
        let most = 0;
        let done = false;
        const watching = (async () => {
          while (!done) most = Math.max(most, (await backends()).length);
        })();
        const clients = Array.from({ length: 60 }, () => connect(box.url()));
        const sums = await Promise.all(clients.map((sql, n) => sql`select ${n}::int + 1 as n, pg_sleep(0.01)`));
        expect(sums.map(([row]) => row?.["n"])).toEqual(clients.map((_, n) => n + 1));
        await Promise.all(clients.map((sql) => sql.end({ timeout: 1 })));
        done = true;
        await watching;
        expect(most).toBeLessThanOrEqual(SIZE);
        expect(most).toBeGreaterThan(0);
      },
      START_MS,
    );

    test(
      "who waits too long for a link is told 53300 with a hint, and the others go on",
      async () => {
        const holders = Array.from({ length: SIZE }, () => new pg.Client({ connectionString: box.url() }));
        for (const holder of holders) {
          await holder.connect();
          await holder.query("begin");
        }
        const late = new pg.Client({ connectionString: box.url() });
        late.on("error", () => undefined);
        await late.connect();
        const refused = await late.query("select 1").catch((error: unknown) => error);
        expect(refused).toMatchObject({ code: "53300", hint: expect.any(String) });
        for (const holder of holders) {
          await holder.query("rollback");
          await holder.end();
        }
        await using(connect(box.url()), async (sql) => expect(await sql`select 1 as n`).toMatchObject([{ n: 1 }]));
      },
      START_MS,
    );

    test(
      "a client that is killed in a transaction is rolled back, and its link is kept",
      async () => {
        const before = await using(connect(box.url()), (sql) => sql`select pg_backend_pid() as pid`);
        const program = `
        const { default: pg } = await import(${JSON.stringify(import.meta.resolve("pg"))});
        const client = new pg.Client({ connectionString: ${JSON.stringify(box.url())} });
        await client.connect();
        await client.query("create table if not exists killed (n int)");
        await client.query("begin");
        await client.query("insert into killed values (1)");
        console.log("in");
        await new Promise(() => setInterval(() => {}, 1000));`;
        const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
        const reader = child.stdout.getReader();
        expect(new TextDecoder().decode((await reader.read()).value)).toContain("in");
        child.kill("SIGKILL");
        await child.exited;
        await until("it is rolled back", async () => (await backends()).every((state) => state === "idle"));
        const [row] = await using(connect(box.url()), (sql) => sql`select count(*)::int as n from killed`);
        expect(row?.["n"]).toBe(0);
        expect(before).toHaveLength(1);
      },
      START_MS,
    );

    test(
      "PAUSE closes the links and is told when they are; who comes meanwhile waits for RESUME",
      async () => {
        await using(connect(box.url()), async (sql) => {
          await sql`select 1`;
          expect(await ask(box, "PAUSE shop")).toBe("PAUSE");
          expect(await backends()).toEqual([]);
          expect(await ask(box, "SHOW DATABASES")).toMatch(/shop\|.*\|1\|0\n/);
          let served = false;
          const waiting = sql`select 7 as n`.then((rows) => {
            served = true;
            return rows;
          });
          expect(await ask(box, "PAUSE nowhere")).toContain("does not exist");
          expect(served).toBe(false);
          expect(await ask(box, "RESUME shop")).toBe("RESUME");
          expect(await waiting).toMatchObject([{ n: 7 }]);
          expect(await ask(box, "RESUME shop")).toContain("nothing is paused");
        });
      },
      START_MS,
    );

    test(
      "RELOAD takes a larger size in place, and a wrong file changes nothing",
      async () => {
        await using(connect(box.url()), async (sql) => {
          const [before] = await sql`select pg_backend_pid() as pid`;
          box.configure({ size: SIZE + 1 });
          expect(await ask(box, "RELOAD")).toBe("RELOAD");
          await until("the size is another", async () => (await ask(box, "SHOW DATABASES")).includes(`||${SIZE + 1}|`));
          const [after] = await sql`select pg_backend_pid() as pid`;
          expect(after?.["pid"]).toBe(before?.["pid"]);
          box.configure({});
          await ask(box, "RELOAD");
          await until("the size is as before", async () => (await ask(box, "SHOW DATABASES")).includes(`||${SIZE}|`));
        });
      },
      START_MS,
    );

    test(
      "kill -9 of a worker: the others go on, the limit holds, and it recovers",
      async () => {
        let most = 0;
        let done = false;
        const watching = (async () => {
          while (!done) most = Math.max(most, (await backends()).length);
        })();
        const busy = Array.from({ length: 12 }, () => connect(box.url()));
        const running = busy.map((sql) =>
          sql`select pg_sleep(1.5)`.then(
            () => "done",
            () => "failed",
          ),
        );
        await Bun.sleep(300);
        const pids = await box.workerPids();
        process.kill(pids[0] ?? 0, "SIGKILL");
        const ends = await Promise.all(running);
        if (workers > 1) expect(ends).toContain("done");
        await until("another worker serves", () =>
          using(connect(box.url(), { connect_timeout: 2 }), (sql) =>
            sql`select 1`.then(
              () => true,
              () => false,
            ),
          ),
        );
        const again = Array.from({ length: 20 }, () => connect(box.url()));
        await Promise.all(again.map((sql) => sql`select pg_sleep(0.05)`));
        await Promise.all([...busy, ...again].map((sql) => sql.end({ timeout: 1 })));
        done = true;
        await watching;
        expect(most).toBeLessThanOrEqual(SIZE);
      },
      START_MS,
    );

    test(
      "the server is restarted: clients get an error or an answer, and then answers again",
      async () => {
        await using(connect(box.url()), async (sql) => {
          await sql`select 1`;
          await server().restart();
          await until("it answers", () =>
            sql`select 1`.then(
              () => true,
              () => false,
            ),
          );
        });
      },
      START_MS,
    );

    test(
      "10 000 connections that say nothing keep nobody out, and are gone at the deadline",
      async () => {
        const sockets = await halfOpen(box.port);
        await using(connect(box.url()), async (sql) => expect(await sql`select 1 as n`).toMatchObject([{ n: 1 }]));
        await until("all of them are closed", () => sockets.open() === 0, 2 * START_MS);
      },
      3 * START_MS,
    );

    test(
      "frames that lie end their own conversation, and no other",
      async () => {
        await using(connect(box.url()), async (sql) => {
          for (const bytes of hostile()) await say(box, bytes);
          expect(await sql`select 1 as n`).toMatchObject([{ n: 1 }]);
        });
        expect(box.said()).not.toContain('"code":"BUG"');
        await until("no link is in a transaction", async () => (await backends()).every((state) => state === "idle"));
      },
      START_MS,
    );
  });
}

/** Connections that end before they have said who they are. */
async function halfOpen(port: number): Promise<{ open(): number }> {
  let open = 0;
  const start = new Uint8Array([0, 0, 0, 40, 0, 3]);
  for (let count = 0; count < HALF_OPEN; count += 100) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const socket = await Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: {
            open: () => void (open += 1),
            close: () => void (open -= 1),
            data: () => undefined,
            end: (ended) => void ended.end(),
            error: () => undefined,
          },
        });
        if (index % 2 === 0) socket.write(start);
      }),
    );
  }
  return { open: () => open };
}

/** Behind a start-up packet, or instead of one: every type of message truncated, oversize, and with a length that lies. */
function hostile(): readonly Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (const tag of Object.values(FRONTEND)) {
    for (const length of [0, 3, 4, 5, 1_000, 0x7fffffff, -1]) {
      const frame = new Uint8Array(16);
      frame[0] = tag;
      new DataView(frame.buffer).setInt32(1, length);
      rows.push(frame, frame.subarray(0, 5), frame.subarray(0, 3));
    }
  }
  return rows;
}

/** As a client that has not logged in, because a password is asked for; resolves when the pool has closed. */
async function say(box: PoolBox, bytes: Uint8Array): Promise<void> {
  const writer = new Writer(1_000);
  writeStartup(writer, 0, [
    ["user", "shop"],
    ["database", "shop"],
  ]);
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: box.port,
    socket: {
      data: () => undefined,
      end: () => closed.resolve(),
      close: () => closed.resolve(),
      error: () => undefined,
    },
  });
  socket.write(writer.bytes.slice(0, writer.end));
  socket.write(bytes);
  socket.shutdown();
  await closed.promise;
  socket.end();
}
