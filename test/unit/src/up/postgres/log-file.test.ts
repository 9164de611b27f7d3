import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog, tailOf } from "../../../../../src/up/postgres/log-file.ts";

const base = mkdtempSync(join(tmpdir(), "scale-log-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test("tailOf: the last lines of this run, not of the one before", () => {
  const path = join(base, "a.log");
  writeFileSync(path, "before\n", { mode: 0o600 });
  const log = openLog(path);
  expect(tailOf(log)).toBe("");
  writeSync(log.fd, "one\ntwo\n");
  expect(tailOf(log)).toBe("one\ntwo");
  writeSync(log.fd, Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`).join(""));
  expect(tailOf(log).split("\n")).toEqual([1992, 1993, 1994, 1995, 1996, 1997, 1998, 1999].map((i) => `line ${i}`));
  log.close();
});

test("openLog: sets a large one aside, keeps one older, and is private", () => {
  const path = join(base, "b.log");
  openLog(path).close();
  truncateSync(path, (8 << 20) + 1);
  const log = openLog(path);
  expect([log.from, statSync(path).size, existsSync(`${path}.old`)]).toEqual([0, 0, true]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  log.close();
});
