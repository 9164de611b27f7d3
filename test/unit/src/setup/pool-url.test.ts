import { describe, expect, test } from "bun:test";
import { poolUrl, type PoolUrlConfig } from "../../../../src/setup/pool-url.ts";
import { load } from "../../../../src/config/load.ts";

const STORE = "postgres.main.primary=postgres://shop:secret@db1/shop";

/** The [pool] that these words describe, over a store with a password. */
async function configOf(...words: readonly string[]): Promise<PoolUrlConfig> {
  const flags = [STORE, "pool.databases.shop.store=main", ...words].map((word) => {
    const at = word.indexOf("=");
    return { path: word.slice(0, at), text: word.slice(at + 1), flag: "--set" };
  });
  return (await load({ flags, env: {}, role: "pool" })).config;
}

describe("poolUrl", () => {
  test.each([
    ["what the pool advertises", ["pool.advertise=pool1:6432"], "postgres://shop:secret@pool1:6432/shop"],
    [
      "where it listens, when that is one host",
      ["pool.listen=10.0.0.5:7000"],
      "postgres://shop:secret@10.0.0.5:7000/shop",
    ],
    ["a host of IPv6", ["pool.advertise=[::1]:6432"], "postgres://shop:secret@[::1]:6432/shop"],
    ["its default", [], "postgres://shop:secret@127.0.0.1:6432/shop"],
  ])("names %s", async (_what, words, url) => {
    expect(poolUrl(await configOf(...words), undefined)).toBe(url);
  });

  test("logs in as the pool's own user, if it has one", async () => {
    const config = await configOf("pool.users.web.password=p/w");
    expect(poolUrl(config, "shop")).toBe("postgres://web:p%2Fw@127.0.0.1:6432/shop");
    const both = await configOf("pool.users.web.password=x", "pool.users.shop.password=y");
    expect(poolUrl(both, "shop")).toBe("postgres://shop:y@127.0.0.1:6432/shop");
  });

  test.each([
    ["everywhere is no address", ["pool.listen=0.0.0.0:6432"], undefined, "by which address"],
    ["several databases", ["pool.databases.other.store=main"], undefined, "2 databases"],
    ["a database that there is not", [], "other", "pool.databases.other"],
    ["a hash is no password", [`pool.users.shop.password=md5${"0".repeat(32)}`], undefined, "the hash"],
  ])("refuses: %s", async (_what, words, name, why) => {
    const config = await configOf(...words);
    expect(() => poolUrl(config, name)).toThrow(why);
  });
});
