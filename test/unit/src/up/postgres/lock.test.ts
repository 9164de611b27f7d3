import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeLock, type Lock } from "../../../../../src/up/postgres/lock.ts";

const base = mkdtempSync(join(tmpdir(), "scale-lock-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

function held(path: string): Lock {
  const lock = takeLock(path);
  if ("heldBy" in lock) throw new Error("It is taken");
  return lock;
}

test("takeLock: one holder at a time, who is named; released, it can be had again", () => {
  const path = join(base, "a.lock");
  writeFileSync(path, "99999999 of a longer line before\n");
  const lock = held(path);
  expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  expect(takeLock(path)).toEqual({ heldBy: process.pid });
  lock.release();
  lock.release();
  held(path).release();
});

test("takeLock: does not follow a link", () => {
  const target = join(base, "target");
  writeFileSync(target, "untouched");
  symlinkSync(target, join(base, "b.lock"));
  expect(() => takeLock(join(base, "b.lock"))).toThrow();
  expect(readFileSync(target, "utf8")).toBe("untouched");
});
