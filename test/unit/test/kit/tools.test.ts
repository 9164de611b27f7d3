/** Tests where `test/kit/tools.ts` looks. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findIn, isToolName } from "../../../kit/tools.ts";

const root = mkdtempSync(join(tmpdir(), "scale-tools-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function program(path: string): string {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, "");
  chmodSync(full, 0o755);
  return full;
}

const command = "no-such-program-anywhere";

test("findIn: finds what stands on PATH", () => {
  expect(findIn({ command: "sh", packages: [] })).toMatch(/\/sh$/);
});

test("findIn: finds nothing where nothing is", () => {
  expect(findIn({ command, places: [join(root, "none/*/bin/x")], packages: [] })).toBeUndefined();
});

test("findIn: takes the highest version of its places, as numbers", () => {
  program("pg/9/bin/x");
  const highest = program("pg/15/bin/x");
  expect(findIn({ command, places: [join(root, "pg/*/bin/x")], packages: [] })).toBe(highest);
});

test("isToolName: knows the table and nothing else", () => {
  expect(["psql", "toString", "", "PSQL"].map(isToolName)).toEqual([true, false, false, false]);
});
