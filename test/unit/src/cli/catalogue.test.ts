import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MetricRow } from "../../../../proxy/base/metrics.ts";
import { allRows, catalogue, CATALOGUE_BEGIN, CATALOGUE_END, refreshCatalogue } from "../../../../src/cli/catalogue.ts";

const ROOT = join(import.meta.dir, "../../../..");

/** prometheus.io/docs/practices/naming: base units, and `_info` for a constant 1 that only carries labels. */
const UNITS = ["seconds", "bytes", "ratio", "info"];
/** What a gauge may count, instead of a unit. */
const THINGS = ["workers", "clients", "fds", "websockets", "requests_in_flight", "generation"];
/** What a gauge of 0 or 1 may say. */
const STATES = ["ready", "successful"];

/** Named as the tools that dashboards are made for name them: whatever those are called, they keep their names. */
const BORROWED = /^(haproxy|pgbouncer)_/;

function flawsOf({ name, kind, help, labels = [], buckets }: MetricRow): string[] {
  const endings = kind === "counter" ? ["total"] : kind === "gauge" ? [...UNITS, ...THINGS, ...STATES] : UNITS;
  const rules: readonly [boolean, string][] = [
    [/^(scale|process|haproxy|pgbouncer)(_[a-z][a-z0-9]*)+$/.test(name), "is not snake_case under scale_ or process_"],
    [BORROWED.test(name) || endings.some((ending) => name.endsWith(`_${ending}`)), "does not end in a unit"],
    [kind === "counter" || !name.endsWith("_total"), "ends in _total and is no counter"],
    [
      !/_(ms|milliseconds|kb|mb|percent|count|sum|bucket)(_|$)/.test(name),
      "has a unit that is not a base unit, or a reserved ending",
    ],
    [/^[A-Z0-9].*[^ ]\.$/.test(help) || BORROWED.test(name), "has a help that is no sentence"],
    [
      labels.every((label) => /^[a-z][a-z0-9_]*$/.test(label) && label !== "le"),
      "has a label that is not snake_case or is le",
    ],
    [new Set(labels).size === labels.length, "has a label twice"],
    [(kind === "histogram") === (buckets !== undefined), "has buckets and is no histogram, or the other way round"],
  ];
  return rules.filter(([good]) => !good).map(([, flaw]) => `${name} ${flaw}`);
}

for (const row of allRows) {
  test(`catalogue: ${row.name} follows the rules of its kind`, () => expect(flawsOf(row)).toEqual([]));
}

const bad: readonly [MetricRow, string][] = [
  [{ name: "scale_requests", kind: "counter", help: "Requests." }, "does not end in a unit"],
  [{ name: "scale_wait_ms", kind: "gauge", help: "Wait." }, "does not end in a unit"],
  [
    { name: "scale_wait_ms_total", kind: "counter", help: "Wait." },
    "has a unit that is not a base unit, or a reserved ending",
  ],
  [{ name: "scale_load_total", kind: "gauge", help: "Load." }, "ends in _total and is no counter"],
  [{ name: "scaleLoad_ratio", kind: "gauge", help: "Load." }, "is not snake_case under scale_ or process_"],
  [{ name: "scale_load_ratio", kind: "gauge", help: "load" }, "has a help that is no sentence"],
  [
    { name: "scale_load_ratio", kind: "gauge", help: "Load.", labels: ["le"] },
    "has a label that is not snake_case or is le",
  ],
  [{ name: "scale_load_ratio", kind: "gauge", help: "Load.", labels: ["a", "a"] }, "has a label twice"],
  [
    { name: "scale_wait_seconds", kind: "histogram", help: "Wait." },
    "has buckets and is no histogram, or the other way round",
  ],
];

for (const [row, flaw] of bad) {
  test(`catalogue: the rules find that ${row.name} ${flaw}`, () =>
    expect(flawsOf(row)).toContain(`${row.name} ${flaw}`));
}

test("catalogue: no name is there twice", () => {
  const names = allRows.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});

test("catalogue: has every row that a file of rows declares", async () => {
  const files = ["src", "proxy"].flatMap((room) => [...new Bun.Glob(`${room}/**/{metrics,vitals}.ts`).scanSync(ROOT)]);
  const modules = await Promise.all(files.map((file) => import(join(ROOT, file)) as Promise<Record<string, unknown>>));
  const declared = modules.flatMap((module) => Object.values(module)).flatMap(rowsIn);
  expect(declared.length).toBeGreaterThan(10);
  expect(declared.filter((row) => !allRows.includes(row)).map(({ name }) => name)).toEqual([]);
});

test("catalogue: is a table with a line for each row", () => {
  const row: MetricRow = { name: "scale_x_total", kind: "counter", help: "This | that.", labels: ["a", "b"] };
  expect(catalogue([row])).toBe(
    "| metric | kind | labels | what it is |\n|---|---|---|---|\n| `scale_x_total` | counter | `a`, `b` | This \\| that. |",
  );
  expect(catalogue().split("\n")).toHaveLength(allRows.length + 2);
});

test("refreshCatalogue: changes what is between the markers and nothing else", () => {
  const fresh = refreshCatalogue(`before\n${CATALOGUE_BEGIN}\nSTALE\n${CATALOGUE_END}\nafter\n`) ?? "";
  expect(fresh).toStartWith(`before\n${CATALOGUE_BEGIN}\n| metric |`);
  expect(fresh).toEndWith(`|\n${CATALOGUE_END}\nafter\n`);
  expect(fresh).not.toContain("STALE");
  expect(refreshCatalogue(fresh)).toBe(fresh);
  expect(refreshCatalogue("no markers")).toBeUndefined();
});

/** `SCALE_GOLDEN=write` makes it anew. */
test("catalogue: the table in README.md is as the rows make it", () => {
  const path = join(ROOT, "README.md");
  const fresh = refreshCatalogue(readFileSync(path, "utf8"));
  if (fresh === undefined) throw new Error("Cannot find the table: README.md has no markers for it");
  if (process.env["SCALE_GOLDEN"] === "write") writeFileSync(path, fresh);
  expect(readFileSync(path, "utf8")).toBe(fresh);
});

function rowsIn(exported: unknown): readonly MetricRow[] {
  if (typeof exported !== "object" || exported === null) return [];
  const isRow = (value: unknown): value is MetricRow =>
    typeof value === "object" && value !== null && "kind" in value && "help" in value && "name" in value;
  return isRow(exported) ? [exported] : Object.values(exported).filter(isRow);
}
