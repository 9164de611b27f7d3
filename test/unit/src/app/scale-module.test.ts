import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ScaleModule, ScaleModuleMaker } from "../../../../src/app/scale-module.ts";
import { Problem } from "../../../../src/problem/problem.ts";
import { RecordingLog } from "../../../kit/log.ts";

const folder = mkdtempSync(join(tmpdir(), "scale-module-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function maker(databaseUrl?: string) {
  const log = new RecordingLog();
  return {
    log,
    scale: new ScaleModuleMaker({
      databaseUrl: () => databaseUrl,
      poolMax: 7,
      applicationName: "shop-app",
      worker: 2,
      log,
    }),
  };
}

describe("ScaleModuleMaker", () => {
  test("makes a client that has at most so many connections, and dials nobody", async () => {
    const { scale } = maker("postgres://shop@127.0.0.1:1/shop");
    const { db } = scale.make();
    expect(db.options).toMatchObject({ max: 7, host: ["127.0.0.1"], port: [1], database: "shop" });
    expect(db.options.connection.application_name).toBe("shop-app");
    await scale.close(0);
  });

  test("takes the unix socket of the shared pool, unless the program has put another URL into its place", async () => {
    const shared = { url: "postgres://shop:p@127.0.0.1:6000/shop", path: "/run/box/.s.PGSQL.6432" };
    const parts = { poolMax: 7, applicationName: "shop-app", worker: 2, log: new RecordingLog(), shared };
    const near = new ScaleModuleMaker({ ...parts, databaseUrl: () => shared.url });
    expect(near.make().db.options).toMatchObject({ path: shared.path, user: "shop", database: "shop" });
    const far = new ScaleModuleMaker({ ...parts, databaseUrl: () => "postgres://other@127.0.0.1:1/other" });
    expect(far.make().db.options).toMatchObject({ path: false, user: "other" });
    await Promise.all([near.close(0), far.close(0)]);
  });

  test("says which worker it is", () => {
    expect(maker().scale.make().worker).toBe(2);
  });

  test("is made once", () => {
    const { scale } = maker();
    expect(scale.make()).toBe(scale.make());
  });

  test("tries again soon, and never waits longer than a second", async () => {
    const { scale } = maker("postgres://127.0.0.1:1/shop");
    const backoff = scale.make().db.options.backoff as unknown as (tries: number) => number;
    expect(backoff(0)).toBeLessThan(0.1);
    expect(backoff(50)).toBe(1);
    await scale.close(0);
  });

  test.each([
    ["a query", (db: ScaleModule["db"]) => db`select 1`],
    ["a transaction", (db: ScaleModule["db"]) => db.begin(() => [])],
  ])("refuses %s without a database, and says where it was", (_what, use) => {
    const { db } = maker().scale.make();
    let thrown: unknown;
    try {
      use(db);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Problem);
    expect(thrown).toMatchObject({ code: "APP_NO_DATABASE", parts: { where: { file: import.meta.path } } });
  });

  test("lets a program hold, await and print a db that it never uses", async () => {
    const { db } = maker("").scale.make();
    expect((await Promise.all([db]))[0]).toBe(db);
    expect(Bun.inspect({ db })).toContain("db");
  });

  test("logs as the program, whoever calls", () => {
    const { log, scale } = maker();
    const { info, error } = scale.make().log;
    info("cart_filled", { items: 3 });
    error("cart_lost");
    expect(log.entries).toEqual([
      { level: "info", event: "cart_filled", fields: { from: "program", items: 3 } },
      { level: "error", event: "cart_lost", fields: { from: "program" } },
    ]);
  });

  test("is found by import and by require, before a package of its name", async () => {
    const { scale, log } = maker();
    scale.install();
    mkdirSync(join(folder, "node_modules/scale"), { recursive: true });
    writeFileSync(join(folder, "node_modules/scale/index.js"), 'throw new Error("the wrong one");');
    writeFileSync(
      join(folder, "esm.ts"),
      'import scale, { db, log } from "scale";\nlog.info("esm");\nexport { scale, db, log };\n',
    );
    writeFileSync(join(folder, "cjs.cjs"), 'const { log } = require("scale");\nlog.info("cjs");\nexports.log = log;\n');
    const [esm, cjs] = [await import(join(folder, "esm.ts")), await import(join(folder, "cjs.cjs"))];
    expect(log.events()).toEqual(["esm", "cjs"]);
    expect(esm.log).toBe(cjs.log);
    expect(esm.scale.log).toBe(esm.log);
  });
});
