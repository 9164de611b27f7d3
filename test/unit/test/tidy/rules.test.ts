/** Tests of test/tidy/rules.ts: that every rule runs. */
import { expect, test } from "bun:test";
import { check, RULES } from "../../../tidy/rules.ts";
import { treeOf } from "./small-tree.ts";

/** Breaks every rule there is. */
const BAD = {
  "proxy/base/a.ts": [
    'import { b } from "../pg/b.ts";',
    'import x from "lru-cache";',
    'import { dlopen } from "bun:ffi";',
    "export const wait = async (): Promise<any> => setTimeout(Bun.listen, b, x, dlopen);",
    'process.on("SIGTERM", () => process.exit());',
    "export function long(one: 1, two: 2, three: 3, four: 4, five: 5): void {",
    "  if (one) { if (two) { if (three) { if (four) { if (five) { b; } } } } }",
    ..."\n".repeat(70).split("\n"),
    "}",
    ..."\n".repeat(600).split("\n"),
  ].join("\n"),
  "proxy/pg/b.ts": 'import { wait } from "../base/a.ts";\nexport const b = wait;\n',
  "proxy/pool/pool.ts": "export const pool = 1;\n",
  "src/run/utils.ts": 'export * from "./other.ts";\n',
};

test("check: runs every rule", () => {
  const broken = new Set(check(treeOf(BAD)).map(({ rule }) => rule));
  expect([...broken].sort()).toEqual(Object.keys(RULES).sort());
});

test("check: finds nothing in a small tree that obeys", () => {
  const files = {
    "src/main.ts": 'import { run } from "./run/box.ts";\nprocess.exit(run());\n',
    "src/run/box.ts":
      'import { size } from "../../proxy/base/ring.ts";\nexport function run(): number {\n  return size;\n}\n',
    "proxy/base/ring.ts": "export const size = 1;\n",
    "test/unit/ring.test.ts": 'import { size } from "../../proxy/base/ring.ts";\nconsole.log(size);\n',
  };
  expect(check(treeOf(files))).toEqual([]);
});
