/** The files that are made from the knob tables are as they would be made now. `SCALE_GOLDEN=write` makes them anew. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schemaText } from "../../../../src/cli/schema.ts";
import type { RoleName } from "../../../../src/config/config.ts";
import { exampleText, type Tier, tiers } from "../../../../src/config/examples.ts";
import { load } from "../../../../src/config/load.ts";
import { REFERENCE_BEGIN, REFERENCE_END, refreshReference } from "../../../../src/config/reference.ts";

const ROOT = join(import.meta.dir, "../../../..");
const WRITE = process.env["SCALE_GOLDEN"] === "write";

function expectFresh(file: string, text: string): void {
  const path = join(ROOT, file);
  if (WRITE) writeFileSync(path, text);
  expect(readFileSync(path, "utf8")).toBe(text);
}

const roles: { readonly [T in Tier]: readonly RoleName[] } = {
  1: ["app"],
  2: ["app"],
  3: ["app", "pool", "lb"],
  4: ["app", "lb", "router"],
};

describe("configs", () => {
  test.each([...tiers])("configs/tier%d.toml is as the knob tables make it, and right", async (tier) => {
    expectFresh(`configs/tier${tier}.toml`, exampleText(tier));
    const { config, warnings } = await load({
      file: `configs/tier${tier}.toml`,
      flags: [],
      env: {},
      folder: ROOT,
      strict: true,
    });
    expect(warnings.filter(({ code }) => code !== "CONFIG_NOT_BUILT")).toEqual([]);
    expect((["app", "pool", "lb", "router"] as const).filter((role) => config[role] !== undefined)).toEqual([
      ...roles[tier],
    ]);
    expect(config.app?.entry).toBe(join(ROOT, "configs/server.ts"));
  });

  test("climbing a tier changes one pointer and no program", async () => {
    const apps = await Promise.all(
      tiers.map(
        async (tier) => (await load({ file: `configs/tier${tier}.toml`, flags: [], env: {}, folder: ROOT })).config.app,
      ),
    );
    expect(apps.map((app) => app?.db)).toEqual(["main", "main", "pool", "router"]);
    expect(new Set(apps.map((app) => app?.entry)).size).toBe(1);
  });

  test("configs/scale.schema.json is as the knob tables make it", () => {
    expectFresh("configs/scale.schema.json", schemaText());
  });
});

describe("the reference in README.md", () => {
  test("is as the knob tables make it", () => {
    const path = join(ROOT, "README.md");
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const fresh = refreshReference(text);
    if (fresh === undefined) return expect(text).not.toContain(REFERENCE_BEGIN);
    if (WRITE) writeFileSync(path, fresh);
    expect(readFileSync(path, "utf8")).toBe(fresh);
  });

  test("refreshReference: changes what is between the markers and nothing else", () => {
    const text = `before\n${REFERENCE_BEGIN}\nSTALE\n${REFERENCE_END}\nafter\n`;
    const fresh = refreshReference(text) ?? "";
    expect(fresh).toStartWith(`before\n${REFERENCE_BEGIN}\n`);
    expect(fresh).toEndWith(`${REFERENCE_END}\nafter\n`);
    expect(fresh).not.toContain("STALE");
    expect(fresh).toContain("#### `[pool]`");
    expect(fresh).toContain('| `workers` | "auto" or whole number 1…256 | `1` |');
    expect(fresh.split("`drain_timeout`").length).toBe(2);
    expect(refreshReference(fresh)).toBe(fresh);
    expect(refreshReference("no markers")).toBeUndefined();
    expect(refreshReference(`${REFERENCE_END}${REFERENCE_BEGIN}`)).toBeUndefined();
  });
});
