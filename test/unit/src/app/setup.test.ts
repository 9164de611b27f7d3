import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programEnvironment, sourceFolder } from "../../../../src/app/setup.ts";
import { makeSetup } from "../../../../src/setup/app.ts";
import { load } from "../../../../src/config/load.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "scale-setup-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "server.ts"), "");

const box = { folder: "/run/box", password: "secret", fronted: undefined };

async function setupOf(text: string, mode: "production" | "development" = "production") {
  const file = join(folder, "scale.toml");
  writeFileSync(file, text);
  const { config } = await load({ file, flags: [], env: {} });
  return makeSetup(config, { mode, folder, box });
}

const entry = '[app]\nentry = "./server.ts"\n';

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
