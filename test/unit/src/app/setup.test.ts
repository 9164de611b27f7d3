import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSetup, programEnvironment, sourceFolder } from "../../../../src/app/setup.ts";
import { load } from "../../../../src/config/load.ts";
import { Problem } from "../../../../src/problem/problem.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "scale-setup-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "server.ts"), "");

async function setupOf(text: string, mode: "production" | "development" = "production") {
  const file = join(folder, "scale.toml");
  writeFileSync(file, text);
  const { config } = await load({ file, flags: [], env: {} });
  return makeSetup(config, { mode, folder });
}

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
    expect(() => makeSetup(config, { mode: "production", folder })).toThrow(Problem);
  });
});

describe("programEnvironment", () => {
  test("says where to listen, which stores to use, and what the user adds last", async () => {
    const stores = '[postgres.main]\nprimary = "postgres://db1/shop"\n[redis.cache]\nurl = "redis://c1:6379"\n';
    const setup = await setupOf(`${stores}${entry}listen = 8080\nenv = { SHOP = "open", HOST = "mine" }\n`);
    expect(programEnvironment(setup)).toEqual({
      NODE_ENV: "production",
      HOST: "mine",
      PORT: "8080",
      DATABASE_URL: "postgres://db1/shop",
      REDIS_URL: "redis://c1:6379",
      SHOP: "open",
    });
  });

  test("names no port for a unix socket, and says development where it is", async () => {
    const setup = await setupOf(`${entry}listen = "unix:/tmp/app.sock"\n`, "development");
    expect(programEnvironment(setup)).toEqual({ NODE_ENV: "development" });
  });
});

describe("sourceFolder", () => {
  test("is the package's folder, or the program's own", async () => {
    const source = join(folder, "shop/src");
    mkdirSync(source, { recursive: true });
    const setup = await setupOf(entry);
    const at = { ...setup, program: { kind: "entry", path: join(source, "server.ts") } } as const;
    expect(sourceFolder(at)).toBe(source);
    writeFileSync(join(folder, "shop/package.json"), "{}");
    expect(sourceFolder(at)).toBe(join(folder, "shop"));
  });
});
