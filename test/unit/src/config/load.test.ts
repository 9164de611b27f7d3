import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adminOf } from "../../../../src/config/config.ts";
import { type Loaded, load, PROBLEMS_MAX, type Sources } from "../../../../src/config/load.ts";
import { originText } from "../../../../src/config/node.ts";
import { FILE_BYTES_MAX } from "../../../../src/config/read.ts";
import { Problems } from "../../../../src/problem/problem.ts";

let folder = "";
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-load-"));
  writeFileSync(join(folder, "server.ts"), "");
  writeFileSync(join(folder, "secret"), "hunter2\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

function loadText(text: string, more: Partial<Sources> = {}): Promise<Loaded> {
  count += 1;
  const file = `${count}.toml`;
  writeFileSync(join(folder, file), text);
  return load({ file, flags: [], env: {}, folder, ...more });
}

async function codesOf(loading: Promise<Loaded>): Promise<string[]> {
  try {
    await loading;
    return [];
  } catch (error) {
    if (error instanceof Problems) return error.list.map(({ code }) => code);
    throw error;
  }
}

const shownOf = (loaded: Loaded, path: string) => {
  const value = loaded.values.find((one) => one.path === path);
  return value === undefined ? undefined : `${value.shown} ${originText(value.origin).replace(/^\d+\.toml/, "file")}`;
};

const SHOP = '[postgres.main]\nprimary = "postgres://shop@db1/shop"\n[app]\nentry = "./server.ts"\n';

describe("load", () => {
  test("load: makes the typed tree of a short file", async () => {
    const { config, warnings } = await loadText(SHOP);
    expect(warnings).toEqual([]);
    expect(config.app).toEqual({
      entry: join(folder, "server.ts"),
      listen: "127.0.0.1:3000",
      workers: 1,
      db: "main",
      cache: undefined,
      queue: undefined,
      deno: "auto",
      pool: { max: 20 },
      env: {},
      groups: {},
      startTimeoutMs: 30_000,
      drainTimeoutMs: 30_000,
      stallTimeoutMs: 30_000,
      memoryMaxBytes: "auto",
    });
    expect(config.postgres).toEqual({ main: { primary: "postgres://shop@db1/shop", replicas: [] } });
    expect(config.log).toEqual({ level: "info", format: "auto" });
    expect(config.admin).toEqual({});
    expect([config.lb, config.pool, config.router, config.edge, config.autoscale]).toEqual(Array(5).fill(undefined));
    expect(JSON.parse(JSON.stringify(config))).toEqual(JSON.parse(JSON.stringify(structuredClone(config))));
  });

  test("load: without any source there are only defaults", async () => {
    const { config, values } = await load({ flags: [], env: {} });
    expect(config).toMatchObject({ postgres: {}, redis: {}, queue: {}, admin: {}, log: { level: "info" } });
    expect(values.every(({ origin }) => origin.from === "default")).toBe(true);
  });

  test("load: a flag is over the environment, that over the file, and that over the default", async () => {
    const text = `${SHOP}[app.pool]\nmax = 5\n`;
    const env = { SCALE_APP__POOL__MAX: "6" };
    const flags = [{ path: "app.pool.max", text: "7", flag: "--set" }];
    const all = await loadText(text, { env, flags });
    expect(all.config.app?.pool.max).toBe(7);
    expect(shownOf(all, "app.pool.max")).toBe("7 flag --set");
    expect(shownOf(await loadText(text, { env }), "app.pool.max")).toBe("6 env SCALE_APP__POOL__MAX");
    expect(shownOf(await loadText(text), "app.pool.max")).toBe("5 file:6:7");
    expect(shownOf(await loadText(SHOP), "app.pool.max")).toBe("20 default");
    expect(shownOf(await loadText(SHOP), "app.db")).toBe('"main" default (the only [postgres.NAME])');
  });

  test("load: the environment makes named tables, and finds those of the file in spite of case and dashes", async () => {
    const env = {
      SCALE_POSTGRES__MAIN__PRIMARY: "postgres://env@h/d",
      SCALE_POSTGRES__OTHER__REPLICAS: "postgres://a@1/x,postgres://b@2:1,3:2/y",
      SCALE_POSTGRES__OTHER: "postgres://o@h/d",
      SCALE_REDIS__MY_CACHE__URL: "redis://h",
      SCALE_APP__ENV__Some_Name: "kept",
      SCALE_APP__DB: "Main",
      SCALE_APP__COMMAND: "python3, server.py",
      SCALE_APP__ENTRY: "",
      SCALE_CHILD: "1",
      SCALE_: "1",
      PATH: "/bin",
    };
    const { config, warnings } = await loadText('postgres.Main = "postgres://file@h/d"\n[redis.my-cache]\n', { env });
    expect(warnings.map(({ message }) => message)).toEqual([
      "Cannot set postgres.Main.primary: the file has a plain value where a section is needed",
    ]);
    expect(config.postgres["Main"]?.primary).toBe("postgres://file@h/d");
    expect(config.postgres["other"]).toEqual({
      primary: "postgres://o@h/d",
      replicas: ["postgres://a@1/x", "postgres://b@2:1,3:2/y"],
    });
    expect(config.redis["my-cache"]?.url).toBe("redis://h");
    expect(config.app?.env).toEqual({ Some_Name: "kept" });
    expect(config.app?.command).toEqual(["python3", "server.py"]);
    expect(config.app?.entry).toBeUndefined();
  });

  test("load: words become what the knob is", async () => {
    const env = {
      SCALE_LB__LISTEN: "0.0.0.0:80, 8080",
      SCALE_LB__UPSTREAMS__APP__SERVERS: "a:1,b:2",
      SCALE_LB__UPSTREAMS__APP__TLS: "yes",
      SCALE_LB__UPSTREAMS__APP__HEALTH: "/up",
      SCALE_LB__DRAIN_TIMEOUT: "1m30s",
      SCALE_LB__MEMORY_MAX: "1.5GB",
      SCALE_LB__WORKERS: "3",
      SCALE_LOG__LEVEL: "debug",
    };
    const { config } = await load({ flags: [], env, folder, role: "lb" });
    expect(config.lb).toMatchObject({
      listen: [{ address: "0.0.0.0:80", mode: "http" }, { address: "127.0.0.1:8080" }],
      upstreams: {
        app: { servers: [{ address: "a:1", weight: 1 }, { address: "b:2" }], tls: true, health: { path: "/up" } },
      },
      routes: [{ path: "/", upstream: "app" }],
      drainTimeoutMs: 90_000,
      memoryMaxBytes: 1_610_612_736,
      workers: 3,
    });
    expect(config.log.level).toBe("debug");
  });

  test("load: relative paths belong to the folder of who says them", async () => {
    const inner = join(folder, "inner");
    await Bun.write(join(inner, "x.toml"), '[app]\nentry = "../server.ts"\nlisten = "unix:app.sock"\n');
    const { config } = await load({
      file: "inner/x.toml",
      flags: [],
      env: { SCALE_ADMIN__LISTEN: "unix:a.sock" },
      folder,
    });
    expect(config.app?.entry).toBe(join(folder, "server.ts"));
    expect(config.app?.listen).toBe(`unix:${join(inner, "app.sock")}`);
    expect(config.admin.listen).toBe(`unix:${join(folder, "a.sock")}`);
  });

  test("load: references are looked up and never shown", async () => {
    const text = `${SHOP.replace("shop@", "shop:${file:secret}@")}env = { KEY = "x-\${env:KEY}", PLAIN = "p" }\n[admin]\ntoken = "\${file:./secret}"\n`;
    const loaded = await loadText(text, { env: { KEY: "hunter2" } });
    expect(loaded.config.postgres["main"]?.primary).toBe("postgres://shop:hunter2@db1/shop");
    expect(loaded.config.app?.env).toEqual({ KEY: "x-hunter2", PLAIN: "p" });
    expect(loaded.config.admin.token).toBe("hunter2");
    expect(JSON.stringify(loaded.values.map(({ shown }) => shown))).not.toContain("hunter2");
    expect(shownOf(loaded, "postgres.main.primary")).toStartWith('"postgres://shop:${file:secret}@db1/shop" ');
    expect(shownOf(loaded, "admin.token")).toStartWith('"${file:./secret}" ');
    expect(shownOf(loaded, "app.env.KEY")).toStartWith('"***" ');
    expect(shownOf(loaded, "app.env.PLAIN")).toStartWith('"***" ');
  });

  test("load: a number may come from a reference, a quoted number may not", async () => {
    const { config } = await loadText(`${SHOP}pool = { max = "\${env:MAX}" }\n`, { env: { MAX: "7" } });
    expect(config.app?.pool.max).toBe(7);
    expect(await codesOf(loadText(`${SHOP}pool = { max = "7" }\n`))).toEqual(["CONFIG_TYPE"]);
  });

  test("load: what only another box has is no problem for this one", async () => {
    const text = `${SHOP}[lb]\nlisten = [{ address = 8080, tls = { cert = "/none.crt", key = "\${file:/none.key}" } }]\n[lb.upstreams.app]\nservers = "a:1"\nqueue_max = "\${env:NONE}"\n`;
    expect(await codesOf(loadText(text, { role: "app" }))).toEqual([]);
    expect(await codesOf(loadText(text, { role: "lb" }))).toEqual([
      "CONFIG_TLS_FILE",
      "CONFIG_SECRET_UNREADABLE",
      "CONFIG_ENV_MISSING",
    ]);
    const store = SHOP.replace("shop@", "${env:NONE}@").replace("./server.ts", "./none.ts");
    expect(await codesOf(loadText(store, { role: "app" }))).toEqual(["CONFIG_ENV_MISSING", "CONFIG_ENTRY_MISSING"]);
    expect(await codesOf(loadText(`${store}[lb.upstreams.app]\nservers = "a:1"\n`, { role: "lb" }))).toEqual([]);
    expect((await loadText(text, { role: "app" })).config.lb?.upstreams["app"]?.queueMax).toBe(0);
  });

  test("load: a role needs its section", async () => {
    expect(await codesOf(loadText(SHOP, { role: "lb" }))).toEqual(["CONFIG_NO_SECTION"]);
    expect(await codesOf(load({ flags: [], env: {}, role: "app" }))).toEqual(["CONFIG_NO_SECTION"]);
    expect(await codesOf(loadText("[app]\n"))).toEqual([]);
    expect(await codesOf(loadText("[app]\n", { role: "app" }))).toEqual(["CONFIG_PROGRAM"]);
    const several = '[app]\ncommand = ["python3"]\nworkers = 2\n';
    expect(await codesOf(loadText(several, { role: "app" }))).toEqual(["APP_COMMAND_WORKERS"]);
  });

  test("load: admin of a role takes the place of the common one", async () => {
    const { config } = await loadText(`${SHOP}[admin]\nlisten = 9900\n[app.admin]\nlisten = 9901\n`);
    expect(adminOf(config, "app").listen).toBe("127.0.0.1:9901");
    expect(adminOf(config, "lb").listen).toBe("127.0.0.1:9900");
  });

  test("load: fills in the only upstream", async () => {
    const text =
      '[lb]\nlisten = [8080, { address = 5432, mode = "tcp" }]\n[lb.upstreams.app]\nservers = "a:1"\n[autoscale]\nexecutor = "systemd"\ntarget = "scale-app@"\n';
    const { config } = await loadText(text, { strict: true });
    expect(config.lb?.listen.map(({ upstream }) => upstream)).toEqual([undefined, "app"]);
    expect(config.lb?.routes).toEqual([{ path: "/", upstream: "app" }]);
    expect(config.autoscale?.upstream).toBe("app");
  });

  test.each([
    ["app.wrokers", "CONFIG_UNKNOWN_KEY"],
    ["nothing", "CONFIG_UNKNOWN_KEY"],
    ["", "CONFIG_TYPE"],
    ["app", "CONFIG_TYPE"],
    ["app.pool", "CONFIG_TYPE"],
    ["app.env", "CONFIG_TYPE"],
    ["lb.routes.path", "CONFIG_TYPE"],
  ])("load: the flag --set %p=1 is an error", async (path, code) => {
    expect(await codesOf(load({ flags: [{ path, text: "1", flag: "--set" }], env: {}, folder }))).toEqual([code]);
  });

  test("load: keys that mean something to JavaScript are only names", async () => {
    expect(await codesOf(loadText("[constructor]\n[app.toString]\n[__proto__]\nx = 1\n"))).toEqual(
      Array(3).fill("CONFIG_UNKNOWN_KEY"),
    );
    const { config } = await loadText('[app]\nenv = { "__proto__" = "a", constructor = "b" }\n');
    expect(Object.entries(config.app?.env ?? {})).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
    const quick = load({
      flags: [{ path: "__proto__.polluted", text: "1", flag: "--set" }],
      env: { SCALE___PROTO____X: "1" },
    });
    expect(await codesOf(quick)).toEqual(["CONFIG_ENV_UNKNOWN", "CONFIG_UNKNOWN_KEY"]);
    expect("polluted" in {}).toBe(false);
  });

  test.each([
    ["none.toml", "CONFIG_FILE_UNREADABLE"],
    [".", "CONFIG_FILE_UNREADABLE"],
    ["/dev/zero", "CONFIG_FILE_UNREADABLE"],
    ["server.ts/x.toml", "CONFIG_FILE_UNREADABLE"],
  ])("load: refuses %s as a file", async (file, code) => {
    expect(await codesOf(load({ file, flags: [], env: {}, folder }))).toEqual([code]);
  });

  test("load: refuses a huge file, and reads one of just the largest size", async () => {
    const line = `${SHOP}#`;
    expect(await codesOf(loadText(line.padEnd(FILE_BYTES_MAX, "x")))).toEqual([]);
    expect(await codesOf(loadText(line.padEnd(FILE_BYTES_MAX + 1, "x")))).toEqual(["CONFIG_FILE_TOO_LARGE"]);
  });

  test("load: does not tell more problems than a person can read", async () => {
    const text = `[app]\n${Array.from({ length: 500 }, (_, index) => `knob_${index} = 1`).join("\n")}\n`;
    const codes = await codesOf(loadText(text));
    expect(codes).toHaveLength(PROBLEMS_MAX + 1);
    expect(codes.at(-1)).toBe("CONFIG_MANY");
  });

  test("load: lists problems in the order of the file, and those of elsewhere behind", async () => {
    const loading = loadText('[log]\nlevel = "loud"\nformat = 1\n[app]\nx = 1\n', {
      env: { SCALE_LOG__LEVEL: "", SCALE_LOG__X: "1", SCALE_APP__LISTEN: "x" },
    });
    expect(await codesOf(loading)).toEqual([
      "CONFIG_CHOICE",
      "CONFIG_TYPE",
      "CONFIG_UNKNOWN_KEY",
      "CONFIG_ENV_UNKNOWN",
      "CONFIG_ADDRESS",
    ]);
  });
});
