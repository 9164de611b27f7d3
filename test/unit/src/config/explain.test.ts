import { describe, expect, test } from "bun:test";
import { explain, explanationText } from "../../../../src/config/explain.ts";
import { allKnobs, envName, findKnob, settablePath } from "../../../../src/config/knob-path.ts";
import { writePath } from "../../../../src/config/describe.ts";
import { configRows } from "../../../../src/config/config.ts";
import { emptyTable, nodeOf } from "../../../../src/config/node.ts";
import { resolveTree } from "../../../../src/config/resolve.ts";
import { codes } from "../../../../src/problem/codes.ts";

function textOf(word: string): string {
  const explanation = explain(word);
  if (explanation.about === "nothing") throw new Error(`nothing about ${word}`);
  return explanationText(explanation);
}

describe("explain", () => {
  test("explain: tells all of a knob", () => {
    expect(textOf("app.workers")).toBe(`app.workers
How many processes run the program

"auto" is one per core. With more than one, a balancer and one shared database pool stand before
them (tier 2).

  Value        "auto" or a whole number from 1 to 256
  Default      1
  Example      workers = "auto"
  In the file  [app]
  Environment  SCALE_APP__WORKERS
  Flag         --workers, or --set app.workers=VALUE
`);
  });

  test.each([
    ["SCALE_APP__WORKERS", "app.workers\n"],
    ["[app]", "[app]\n"],
    ["app.pool", "[app.pool]\n"],
    ["postgres", "[postgres.NAME]\n"],
    ["postgres.main.primary", "postgres.NAME.primary\n"],
    ["lb.routes", "[[lb.routes]]\n"],
    ["lb.listen.tls.key", "In the file  tls.key in [[lb.listen]]\n  Environment  only in a file\n"],
    ["app.env", "SCALE_APP__ENV__NAME"],
    ["router.tables.links.key", "router.tables.TABLE.key\n"],
    ["admin.token", "never printed"],
    ["workers_max", "nothing"],
    ["consume", "app.groups.NAME.consume\n"],
    ["--drain-timeout", "4 knobs are called drain_timeout:\n".replace("drain_timeout", "--drain-timeout")],
    ["config_url", "CONFIG_URL\n"],
    ["CONFIG-URL", "CONFIG_URL\n"],
  ])("explain: understands %s", (word, expected) => {
    if (expected === "nothing") expect(explain(word).about).toBe("nothing");
    else expect(textOf(word)).toContain(expected);
  });

  test.each([
    ["app.wrokers", "app.workers"],
    ["ap.workers", "app.workers"],
    ["wrokers", "workers"],
    ["CONFIG_SYNTX", "CONFIG_SYNTAX"],
    ["SCALE_APP__WROKERS", "app.workers"],
    ["postgre", "postgres"],
    ["database", "postgres"],
    ["zzzzzzzzzz", undefined],
    ["__proto__", undefined],
    ["toString", undefined],
  ])("explain: does not know %s, and says what was probably meant", (word, meant) => {
    expect(explain(word)).toMatchObject({ about: "nothing" });
    expect(explain(word)).toEqual({ about: "nothing", word, ...(meant === undefined ? {} : { meant }) });
  });

  test.each(allKnobs().map(({ path }) => writePath(path)))("explain: %s has a text that fits a terminal", (path) => {
    const lines = textOf(path).split("\n");
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(160);
  });

  test.each(Object.keys(codes))("explain: %s", (code) => {
    const page = codes[code as keyof typeof codes];
    const text = textOf(code);
    for (const part of [page.title, page.why, page.fix]) expect(part.length).toBeGreaterThan(10);
    expect(text).toStartWith(`${code}\n${page.title}\n`);
    expect(text).toContain(`Exit code  ${page.exit}`);
  });
});

describe("knob tables", () => {
  test.each(allKnobs())("%j has words that can be shown", ({ row }) => {
    expect(row.doc).toMatch(/^\S.{5,120}[^.\s]$/);
    if (row.more !== undefined) expect(row.more).toMatch(/[.]$/);
    if (row.default !== undefined) expect(row.required).toBeUndefined();
  });

  test.each(allKnobs().filter(({ row }) => row.default !== undefined))(
    "the default of %j is right",
    ({ path, row }) => {
      const node = emptyTable();
      node.entries.set("x", { at: node.origin, node: nodeOf(row.default ?? "") });
      const { found } = resolveTree({ x: row }, node, { env: {}, folder: "/", fileFolder: "/", broken: false });
      expect([writePath(path), found]).toEqual([writePath(path), []]);
    },
  );

  test.each(allKnobs().filter(({ row }) => row.example !== undefined))(
    "the example of %j is right",
    ({ path, row }) => {
      const value = Bun.TOML.parse(`x = ${row.example?.replace(/\$\{file:[^}]*\}/g, "pw")}`) as { x: string };
      const node = emptyTable();
      node.entries.set("x", { at: node.origin, node: nodeOf(value.x) });
      const { found } = resolveTree({ x: row }, node, { env: {}, folder: "/", fileFolder: "/", broken: false });
      expect([writePath(path), found]).toEqual([writePath(path), []]);
    },
  );

  test("every knob can be found by its path, and by a path with names in it", () => {
    for (const { path } of allKnobs()) {
      expect(findKnob(path)).toMatchObject({ path });
      const named = path.map((word) => (/^[A-Z]+$/.test(word) ? "shop" : word));
      expect(findKnob(named)).toMatchObject({ path });
    }
  });

  test("names in the environment are unique, and a list of tables has none", () => {
    const names = allKnobs().flatMap(({ path }) => envName(path) ?? []);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("SCALE_POOL__DATABASES__NAME__SIZE");
    expect(settablePath(["lb", "routes", "path"])).toBeUndefined();
    expect(settablePath(["app"])).toBeUndefined();
  });

  test("every section is in the table of sections once", () => {
    expect(Object.keys(configRows)).toEqual([
      "postgres",
      "redis",
      "queue",
      "app",
      "pool",
      "lb",
      "router",
      "admin",
      "log",
      "edge",
      "autoscale",
    ]);
  });
});
