import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSetup } from "../../../../src/setup/app.ts";
import { load } from "../../../../src/config/load.ts";
import { Problem } from "../../../../src/problem/problem.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "scale-setup-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "server.ts"), "");

const box = { folder: "/run/box", password: "secret", fronted: undefined };

async function setupOf(text: string, mode: "production" | "development" = "production", fronted?: boolean) {
  const file = join(folder, "scale.toml");
  writeFileSync(file, text);
  const { config } = await load({ file, flags: [], env: {} });
  return makeSetup(config, { mode, folder, box: { ...box, fronted } });
}

const commandFlags = [{ path: "app.command", text: "python3", flag: "--set" }];
const entry = '[app]\nentry = "./server.ts"\n';

describe("makeSetup", () => {
  test("is plain data: it can be sent to another process", async () => {
    const setup = await setupOf(
      `[postgres.main]\nprimary = "postgres://shop@db1/shop"\n${entry}listen = "0.0.0.0:80"\n`,
    );
    expect(structuredClone(setup)).toEqual(setup);
    expect(setup).toEqual({
      program: { kind: "entry", path: join(folder, "server.ts") },
      listen: { host: "0.0.0.0", port: 80 },
      workers: 1,
      databaseUrl: "postgres://shop@db1/shop",
      poolMax: 20,
      env: {},
      mode: "production",
      deno: "auto",
      startTimeoutMs: 30_000,
    });
  });

  test("has no database when none or several could be meant", async () => {
    expect((await setupOf(entry)).databaseUrl).toBeUndefined();
    const two = '[postgres.a]\nprimary = "postgres://a"\n[postgres.b]\nprimary = "postgres://b"\n';
    expect((await setupOf(two + entry)).databaseUrl).toBeUndefined();
    expect((await setupOf(`${two}${entry}db = "b"\n`)).databaseUrl).toBe("postgres://b");
  });

  test("finds the cache, and a node of a cluster with its login", async () => {
    expect((await setupOf(`[redis.cache]\nurl = "redis://c1:6379"\n${entry}`)).redisUrl).toBe("redis://c1:6379");
    const cluster = '[redis.cache]\nnodes = ["c1:7000", "c2:7000"]\nuser = "shop"\npassword = "p@ss"\ntls = true\n';
    expect((await setupOf(cluster + entry)).redisUrl).toBe("rediss://shop:p%40ss@c1:7000");
  });

  test("starts a command in the folder of its file, once", async () => {
    const setup = await setupOf('[app]\ncommand = ["python3", "server.py"]\n');
    expect(setup.program).toEqual({ kind: "command", argv: ["python3", "server.py"], folder });
    expect(setup.workers).toBe(1);
  });

  test.each([
    ["port 0", "listen = 0"],
    ["a unix socket", 'listen = "unix:/tmp/app"'],
  ])("refuses a command at %s", async (_what, listen) => {
    const refused = await setupOf(`[app]\ncommand = ["python3"]\n${listen}\n`).catch((error: unknown) => error);
    expect((refused as Problem).code).toBe("APP_COMMAND_NEEDS_PORT");
  });

  test("refuses to run no program", () => {
    const config = { postgres: {}, redis: {}, app: undefined } as unknown as Parameters<typeof makeSetup>[0];
    expect(() => makeSetup(config, { mode: "production", folder, box })).toThrow(Problem);
  });
});

describe("makeSetup, with several workers", () => {
  const store = '[postgres.main]\nprimary = "postgres://shop:p%40ss@db1:5433/shop"\n';
  const two = `${store}${entry}workers = 3\nlisten = "0.0.0.0:80"\n[app.pool]\nmax = 30\n`;

  test("puts a balancer before them, and one pool behind them", async () => {
    const setup = await setupOf(two);
    expect(structuredClone(setup)).toEqual(setup);
    expect(setup).toMatchObject({
      workers: 3,
      poolMax: 30,
      sharedPool: { user: "shop", password: "p@ss", database: "shop", path: "/run/box/.s.PGSQL.6432" },
    });
    expect(setup.databaseUrl).toBeUndefined();
    const [lb, pool] = setup.crews ?? [];
    expect(lb).toMatchObject({
      role: "lb",
      options: {
        workers: 2,
        listeners: [{ address: { host: "0.0.0.0", port: 80 }, mode: "http" }],
        upstreams: [{ name: "app", servers: "pushed", balance: "least" }],
        routes: [{ path: "/", upstream: "app" }],
        forwarding: "front",
      },
    });
    expect(pool).toMatchObject({
      role: "pool",
      options: {
        sockets: [{ path: "/run/box/.s.PGSQL.6432" }, { host: "127.0.0.1", port: 0 }],
        auth: "peer",
        users: { shop: "p@ss" },
        databases: {
          shop: {
            mode: "transaction",
            size: 30,
            cluster: {
              name: "main",
              primary: { address: { host: "db1", port: 5_433 }, user: "shop", password: "p@ss" },
            },
          },
        },
      },
    });
  });

  test("gives the pool a password of the box when the store has none", async () => {
    const setup = await setupOf(`[postgres.main]\nprimary = "postgres://shop@db1/shop"\n${entry}workers = 2\n`);
    expect(setup.sharedPool?.password).toBe("secret");
    expect(setup.crews?.[1]).toMatchObject({ options: { users: { shop: "secret" } } });
  });

  test("has no pool without a database, and a share of the connections for each that dials by itself", async () => {
    const setup = await setupOf(`${entry}workers = 3\n[app.pool]\nmax = 20\n`);
    expect(setup.crews?.map(({ role }) => role)).toEqual(["lb"]);
    expect(setup.poolMax).toBe(7);
  });

  test("keeps the front of a box that goes back to one worker", async () => {
    const setup = await setupOf(store + entry, "production", true);
    expect(setup.workers).toBe(1);
    expect(setup.crews?.map(({ role }) => role)).toEqual(["lb", "pool"]);
    expect((await setupOf(store + entry, "production", false)).crews).toBeUndefined();
  });

  test("refuses several workers of a command, and takes auto for one", async () => {
    const command = '[app]\ncommand = ["python3", "server.py"]\n';
    const setup = await setupOf(`${command}workers = "auto"\n`);
    expect(setup.workers).toBe(1);
    expect(setup.crews).toBeUndefined();
    const { config } = await load({ flags: commandFlags, env: {}, role: "app" });
    const app = config.app === undefined ? undefined : { ...config.app, workers: 2 };
    expect(() => makeSetup({ ...config, app }, { mode: "production", folder, box })).toThrow("Cannot run 2 workers");
  });

  test("leads to a pool elsewhere when app.db says so", async () => {
    const pool = `[pool]\nadvertise = ["pool1:6432"]\n[pool.databases.shop]\nstore = "main"\n`;
    const setup = await setupOf(`${store}${pool}${entry}workers = 2\ndb = "pool"\n`);
    expect(setup.databaseUrl).toBe("postgres://shop:p%40ss@pool1:6432/shop");
    expect(setup.sharedPool).toBeUndefined();
    expect(setup.crews?.map(({ role }) => role)).toEqual(["lb"]);
  });
});
