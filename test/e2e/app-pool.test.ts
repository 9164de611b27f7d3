/** The database at tier 2: every worker and every way to it end in one pool, which never opens more than it may. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { freePort } from "../kit/free-port.ts";
import { installApp, runApp, type AppBox, type Installed } from "../kit/scale-app.ts";
import { scaleUp, type Up } from "../kit/scale-up.ts";

const LIFE_MS = 60_000;
const MAX = 4;
const AT_ONCE = 64;
const ROUNDS = 5;

/** All that a program can reach its database with, each by a path of its own. */
const PROGRAM = `
import { db, worker } from "scale";
import postgres from "postgres";
const own = postgres(process.env.DATABASE_URL, { max: 10 });
const ask = {
  "/db": () => db\`select 1 as one, pg_backend_pid() as pid\`,
  "/postgres": () => own\`select 1 as one, pg_backend_pid() as pid\`,
  "/bun": () => Bun.sql\`select 1 as one, pg_backend_pid() as pid\`,
  "/begin": () => db.begin(async (sql) => {
    await sql\`set local application_name = 'in a transaction'\`;
    const [{ pid }] = await sql\`select pg_backend_pid() as pid\`;
    const [{ pid: again }] = await sql\`select pg_backend_pid() as pid\`;
    return [{ one: 1, pid, again }];
  }),
  "/slow": () => db\`select 1 as one, pg_sleep(0.05)\`,
};
Bun.serve({
  fetch: async (request) => {
    const found = ask[new URL(request.url).pathname];
    return found === undefined ? new Response("what?", { status: 404 }) : Response.json({ worker, rows: await found() });
  },
});`;

let folder = "";
let store: Up;
let app: Installed;
let box: AppBox;
let url = "";
let watcher: postgres.Sql;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scale-app-pool-"));
  store = await scaleUp({ folder, words: ["--ephemeral", "--tier", "1"] });
  watcher = postgres(store.databaseUrl, { max: 1, connection: { application_name: "watcher" } });
  app = installApp("fetch", ["postgres"]);
  writeFileSync(join(app.folder, "pool.ts"), PROGRAM);
  const port = freePort();
  url = `http://127.0.0.1:${port}`;
  const file = join(app.folder, "scale.toml");
  writeFileSync(
    file,
    `[postgres.main]\nprimary = ${JSON.stringify(store.databaseUrl)}\n` +
      `[app]\nentry = "./pool.ts"\nlisten = ${port}\nworkers = 2\n[app.pool]\nmax = ${MAX}\n`,
  );
  box = runApp({ words: ["--config", file] });
  await box.ready();
  await box.event("child_ready", { child: "worker 2" });
}, LIFE_MS);
afterAll(async () => {
  await box.stop();
  await watcher.end();
  await store.stop();
  app.remove();
  rmSync(folder, { recursive: true, force: true });
}, LIFE_MS);

/** What the server has, but for the one who asks and the box of the store itself. */
async function connections(): Promise<number> {
  const [row] = await watcher<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid() and usename = current_user
      and application_name not like 'app%' and datname = current_database()`;
  return row?.count ?? 0;
}

async function ask(
  path: string,
): Promise<{ readonly worker: number; readonly rows: readonly Record<string, unknown>[] }> {
  const answer = await fetch(url + path, { keepalive: false });
  const text = await answer.text();
  expect({ status: answer.status, text }).toMatchObject({ status: 200 });
  return JSON.parse(text) as Awaited<ReturnType<typeof ask>>;
}

describe("a program at tier 2", () => {
  test.each(["/db", "/postgres", "/bun", "/begin"])("reaches its database by %s", async (path) => {
    const { rows } = await ask(path);
    expect(rows[0]).toMatchObject({ one: 1 });
    if (path === "/begin") expect(rows[0]?.["again"]).toBe(rows[0]?.["pid"] as never);
  });

  test(
    "never has more connections than app.pool.max, over all workers and clients",
    async () => {
      const before = await connections();
      const seen: number[] = [];
      let done = false;
      const watching = (async () => {
        while (!done) seen.push(await connections());
      })();
      const workers = new Set<number>();
      for (let round = 0; round < ROUNDS; round += 1) {
        const paths = ["/db", "/postgres", "/bun", "/begin", "/slow"];
        const answers = await Promise.all(
          Array.from({ length: AT_ONCE }, (_, index) => ask(paths[index % paths.length] ?? "/db")),
        );
        for (const { worker, rows } of answers) {
          workers.add(worker);
          expect(rows[0]).toMatchObject({ one: 1 });
        }
      }
      done = true;
      await watching;
      expect([...workers].sort()).toEqual([1, 2]);
      expect(Math.max(...seen)).toBeGreaterThan(0);
      expect(Math.max(...seen)).toBeLessThanOrEqual(Math.max(MAX, before));
      expect(before).toBeLessThanOrEqual(MAX);
    },
    LIFE_MS,
  );
});
