import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repaired } from "../../../../src/app/postgres-repair.ts";

const SOURCE = readFileSync(join(import.meta.dir, "../../../../node_modules/postgres/src/connection.js"), "utf8");

test("repaired: mends the version that is installed, and what comes out is a program", () => {
  const text = repaired(SOURCE);
  expect(text.split("chunk = nextWriteTimer = null\n").length - 1).toBe(3);
  expect(text).toContain("if (!socket)\n      return queryError(q");
  expect(() => new Bun.Transpiler({ loader: "js" }).transformSync(text)).not.toThrow();
});

test("repaired: refuses a file that is another, or mended already", () => {
  expect(() => repaired("")).toThrow("stands there 0 times, not 2");
  expect(() => repaired(repaired(SOURCE).replaceAll("clearImmediate", "clear"))).toThrow("stands there 0 times, not 2");
  expect(() => repaired(SOURCE.replaceAll("COPY_IN_PROGRESS", "COPY"))).toThrow("stands there 0 times, not 1");
});
