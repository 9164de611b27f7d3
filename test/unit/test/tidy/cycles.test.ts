/** Tests of test/tidy/cycles.ts. */
import { expect, test } from "bun:test";
import { findings, type Files } from "./small-tree.ts";

/** A file that imports these, by value or by type. */
function taking(...specifiers: string[]): string {
  const lines = specifiers.map((one, index) =>
    one.startsWith("type ")
      ? `import type { It as T${index} } from "${one.slice(5)}";`
      : `import { it as i${index} } from "${one}";`,
  );
  const used = specifiers.map((one, index) => (one.startsWith("type ") ? `{} as T${index}` : `i${index}`));
  return [...lines, `export const it = [${used.join(", ")}];`, "export type It = object;", ""].join("\n");
}

const good: [string, Files][] = [
  ["a chain", { "src/cli/a.ts": taking("../up/b.ts"), "src/up/b.ts": taking("../run/c.ts"), "src/run/c.ts": taking() }],
  [
    "two ways to one file",
    { "src/up/a.ts": taking("./b.ts", "./c.ts"), "src/up/b.ts": taking("./c.ts"), "src/up/c.ts": taking() },
  ],
  ["a type back within a room", { "src/up/a.ts": taking("./b.ts"), "src/up/b.ts": taking("type ./a.ts") }],
  [
    "a file that is only named, for a child process",
    {
      "src/run/a.ts": 'export const it = new URL("../main.ts", import.meta.url);\n',
      "src/main.ts": taking("./run/a.ts"),
    },
  ],
];

test.each(good)("cycles: allows %s", (_name, files) => {
  expect(findings(files)).toEqual([]);
});

const bad: [string, Files, string[]][] = [
  [
    "two files",
    { "src/up/a.ts": taking("./b.ts"), "src/up/b.ts": taking("./a.ts") },
    [
      "src/up/a.ts:1 [cycles] files in a circle: src/up/a.ts → src/up/b.ts (src/up/a.ts:1) → src/up/a.ts (src/up/b.ts:1)",
    ],
  ],
  [
    "a dynamic import back",
    { "src/up/a.ts": taking("./b.ts"), "src/up/b.ts": 'export const it = () => import("./a.ts");\n' },
    [
      "src/up/a.ts:1 [cycles] files in a circle: src/up/a.ts → src/up/b.ts (src/up/a.ts:1) → src/up/a.ts (src/up/b.ts:1)",
    ],
  ],
  [
    "rooms that need each other, though no file is loaded twice, even by a type",
    {
      "src/up/a.ts": taking("../run/c.ts"),
      "src/up/b.ts": taking(),
      "src/run/c.ts": taking(),
      "src/run/d.ts": taking("type ../up/b.ts"),
    },
    ["src/run/d.ts:1 [cycles] rooms in a circle: src/run → src/up (src/run/d.ts:1) → src/run (src/up/a.ts:1)"],
  ],
  [
    "three files in the kit, once, by the shortest way",
    {
      "test/kit/a.ts": taking("./b.ts"),
      "test/kit/b.ts": taking("./c.ts", "./a.ts"),
      "test/kit/c.ts": taking("./a.ts"),
    },
    [
      "test/kit/a.ts:1 [cycles] files in a circle: test/kit/a.ts → test/kit/b.ts (test/kit/a.ts:1) → test/kit/a.ts (test/kit/b.ts:2)",
    ],
  ],
  [
    "a file that imports itself by way of a longer circle, beside one that only leads there",
    {
      "src/up/a.ts": taking("./b.ts"),
      "src/up/b.ts": taking("./c.ts"),
      "src/up/c.ts": taking("./d.ts"),
      "src/up/d.ts": taking("./b.ts"),
    },
    [
      "src/up/b.ts:1 [cycles] files in a circle: src/up/b.ts → src/up/c.ts (src/up/b.ts:1) → src/up/d.ts (src/up/c.ts:1) → src/up/b.ts (src/up/d.ts:1)",
    ],
  ],
];

test.each(bad)("cycles: finds %s", (_name, files, found) => {
  expect(findings(files)).toEqual(found);
});
