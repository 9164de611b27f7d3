import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boxFolder, boxPassword, makeBoxFolder, removeBoxFolder } from "../../../../src/run/box-folder.ts";
import { startTicks } from "../../../../src/run/proc.ts";

const root = mkdtempSync(join(tmpdir(), "scale-box-"));
afterAll(() => rmSync(root, { recursive: true }));

test("boxFolder: is named after this process, and short enough for a socket in it", () => {
  expect(boxFolder("/run/scale")).toBe(`/run/scale/box-${process.pid}.${startTicks(process.pid)}`);
  expect(boxFolder(`/${"long/".repeat(30)}`)).toStartWith(`/tmp/scale-${process.getuid?.()}/box-`);
});

test("makeBoxFolder: is ours alone, and new", () => {
  const path = join(root, "box-1.1");
  mkdirSync(path);
  writeFileSync(join(path, "planted"), "");
  makeBoxFolder(path);
  expect(lstatSync(path).mode & 0o777).toBe(0o700);
  expect(existsSync(join(path, "planted"))).toBe(false);
  removeBoxFolder(path);
  expect(existsSync(path)).toBe(false);
});

test("makeBoxFolder: removes what dead boxes left, and nothing else", () => {
  const alive = join(root, `box-${process.pid}.${startTicks(process.pid)}`);
  const reused = join(root, `box-${process.pid}.1`);
  const dead = join(root, "box-999999999.1");
  const other = join(root, "app.sock");
  for (const path of [alive, reused, dead, other]) mkdirSync(path);
  makeBoxFolder(join(root, "box-2.2"));
  expect([alive, reused, dead, other].map((path) => existsSync(path))).toEqual([true, false, false, true]);
});

test("makeBoxFolder: refuses a parent that others may write into", () => {
  const parent = join(root, "open");
  mkdirSync(parent);
  chmodSync(parent, 0o777);
  expect(() => makeBoxFolder(join(parent, "box-1.1"))).toThrow("others may write into it");
});

test("boxPassword: stands in a URL as it is, and never twice", () => {
  expect(boxPassword()).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(boxPassword()).not.toBe(boxPassword());
});
