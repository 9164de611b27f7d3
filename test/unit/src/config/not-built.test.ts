import { describe, expect, test } from "bun:test";
import type { RoleName } from "../../../../src/config/config.ts";
import { type FlagWords } from "../../../../src/config/layers.ts";
import { load } from "../../../../src/config/load.ts";
import { refuseNotBuilt } from "../../../../src/config/not-built.ts";
import { Problems } from "../../../../src/problem/problem.ts";

const flagsOf = (text: string): FlagWords[] =>
  text.split(" ").map((word) => ({ path: word.split("=")[0] ?? "", text: word.split("=")[1] ?? "", flag: "--set" }));

const BASE = "postgres.main.primary=postgres://h/d redis.cache.url=redis://h app.entry=not-built.test.ts";

async function refusedOf(words: string, role: RoleName): Promise<string[]> {
  const { config } = await load({ flags: flagsOf(`${BASE} ${words}`), env: {}, folder: import.meta.dir });
  try {
    refuseNotBuilt(config, role);
    return [];
  } catch (error) {
    if (error instanceof Problems) return error.list.map(({ code, message }) => `${code} ${message}`);
    throw error;
  }
}

/** Names what stands today; it shrinks as roles are built. */
describe("refuseNotBuilt", () => {
  test.each<[string, RoleName, string[]]>([
    ["app.workers=1", "app", []],
    ["app.pool.max=7", "app", []],
    ["app.workers=2", "app", []],
    ["app.workers=auto app.cache=cache", "app", ["app.cache"]],
    ["pool.databases.d.store=main app.db=pool", "app", []],
    ["router.shards=main app.db=router", "app", ["app.db"]],
    ["app.groups.a.consume=x", "app", ["app.groups"]],
    ["pool.databases.d.store=main", "pool", []],
    ["pool.databases.d.store=main postgres.main.replicas=postgres://r/d", "pool", ["postgres.main.replicas"]],
    ["postgres.main.replicas=postgres://r/d", "app", []],
    ["lb.upstreams.a.servers=h:1", "lb", []],
    ["router.shards=main", "router", ["[router]"]],
    ["lb.upstreams.a.servers=h:1", "app", []],
  ])("refuseNotBuilt: with %s as %s", async (words, role, names) => {
    const refused = await refusedOf(words, role);
    expect(refused.map((text) => /Cannot obey (\S+) yet/.exec(text)?.[1])).toEqual(names);
    for (const text of refused) expect(text).toStartWith("CONFIG_NOT_BUILT ");
  });

  test("load: warns of each, where it is written, and of nothing that is only a default", async () => {
    const flags = flagsOf(`${BASE} app.cache=cache router.shards=main`);
    const { warnings } = await load({ flags, env: {}, folder: import.meta.dir });
    expect(warnings.map(({ code, parts }) => `${code} ${parts.severity} ${parts.where?.file}`)).toEqual([
      "CONFIG_NOT_BUILT warning flag --set",
      "CONFIG_NOT_BUILT warning flag --set",
    ]);
    const plain = await load({ flags: flagsOf(BASE), env: {}, folder: import.meta.dir });
    expect(plain.warnings).toEqual([]);
  });
});
