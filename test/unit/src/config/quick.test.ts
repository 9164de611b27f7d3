import { describe, expect, test } from "bun:test";
import type { RoleName } from "../../../../src/config/config.ts";
import { load } from "../../../../src/config/load.ts";
import { flagOf, quickForm } from "../../../../src/config/quick.ts";
import { Problem } from "../../../../src/problem/problem.ts";

const loadQuick = async (role: RoleName, entry: string | undefined, options: Record<string, unknown>) =>
  (await load({ flags: quickForm(role, { entry, options }), env: {}, role, folder: import.meta.dir })).config;

function problemOf(role: RoleName, entry: string | undefined, options: Record<string, unknown>): string {
  try {
    quickForm(role, { entry, options });
    return "none";
  } catch (error) {
    if (error instanceof Problem) return `${error.code} ${error.message} ${error.parts.fix ?? ""}`;
    throw error;
  }
}

describe("quickForm", () => {
  test("quickForm: an app by its program and port", async () => {
    const config = await loadQuick("app", "quick.test.ts", {
      listen: "3000",
      workers: "2",
      admin: "9900",
      logLevel: "warn",
    });
    expect(config.app).toMatchObject({ entry: import.meta.path, listen: "127.0.0.1:3000", workers: 2 });
    expect(config.admin.listen).toBe("127.0.0.1:9900");
    expect(config.log.level).toBe("warn");
  });

  test("quickForm: an lb by its servers, which get everything", async () => {
    const { lb } = await loadQuick("lb", undefined, { listen: "127.0.0.1:8080", to: "127.0.0.1:3001,127.0.0.1:3002" });
    expect(lb?.listen).toMatchObject([{ address: "127.0.0.1:8080" }]);
    expect(lb?.upstreams["app"]?.servers.map(({ address }) => address)).toEqual(["127.0.0.1:3001", "127.0.0.1:3002"]);
    expect(lb?.routes).toEqual([{ path: "/", upstream: "app" }]);
  });

  test.each([
    ["postgres://u@h/d", "d"],
    ["postgres://u@h", "u"],
    ["postgres://u@h/", "u"],
    ["postgres://h", "postgres"],
    ["postgres://u@h/my%20shop.x", "my shop.x"],
  ])("quickForm: a pool of %s has the database %s", async (to, database) => {
    const config = await loadQuick("pool", undefined, {
      listen: "6432",
      to,
      replica: ["postgres://r@h/d", "postgres://s@h/d"],
    });
    expect(config.postgres["main"]).toEqual({ primary: to, replicas: ["postgres://r@h/d", "postgres://s@h/d"] });
    expect(Object.entries(config.pool?.databases ?? {}).map(([name, { store }]) => [name, store])).toEqual([
      [database, "main"],
    ]);
  });

  test("quickForm: --set sets any knob, and its value may have an = in it", async () => {
    const config = await loadQuick("app", "quick.test.ts", { set: ["app.pool.max=7", "app.env.A=b=c"] });
    expect(config.app).toMatchObject({ pool: { max: 7 }, env: { A: "b=c" } });
  });

  test("quickForm: with a file no flag is needed", () => {
    expect(quickForm("router", { entry: undefined, options: { config: "x.toml" } })).toEqual([]);
  });

  test.each<[RoleName, string | undefined, Record<string, unknown>, string]>([
    ["app", undefined, {}, "scale --role app --listen 3000 server.ts"],
    ["router", undefined, {}, "--config scale.toml"],
    ["lb", "server.ts", {}, "runs no program"],
    ["app", "x.ts", { to: "postgres://h" }, "SCALE_POSTGRES__MAIN__PRIMARY"],
    ["lb", undefined, { replica: ["postgres://h"] }, "no use for it"],
    ["app", undefined, { set: ["app.pool.max"] }, "no = between"],
  ])("quickForm: role %s, program %p, flags %p", (role, entry, options, said) => {
    const problem = problemOf(role, entry, options);
    expect(problem).toStartWith("CONFIG_QUICK");
    expect(problem).toContain(said);
  });
});

describe("flagOf", () => {
  test.each([
    ["app.entry", "the argument"],
    ["app.listen", "--listen"],
    ["lb.workers", "--workers"],
    ["admin.listen", "--admin"],
    ["log.level", "--log-level"],
    ["app.pool.max", undefined],
    ["admin.token", undefined],
  ])("flagOf: %s", (path, flag) => {
    expect(flagOf(path.split("."))).toBe(flag as string);
  });
});
