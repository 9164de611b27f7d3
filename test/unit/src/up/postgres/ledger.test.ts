import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseLedger, readLedger, withPort, writeLedger } from "../../../../../src/up/postgres/ledger.ts";

const base = mkdtempSync(join(tmpdir(), "scale-ledger-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test("readLedger: a new one when there is none, nothing when there is a broken one, else what was written", () => {
  const path = join(base, "main.json");
  expect(readLedger(path)).toEqual({ primary: 0, ports: [] });
  writeLedger(path, { primary: 2, ports: [1, 0, 3] });
  expect(readLedger(path)).toEqual({ primary: 2, ports: [1, 0, 3] });
  expect([readdirSync(base), statSync(path).mode & 0o777]).toEqual([["main.json"], 0o600]);
  writeFileSync(path, "{");
  expect(readLedger(path)).toBeUndefined();
});

test.each([
  "",
  "null",
  "[]",
  "{}",
  '{"primary":0}',
  '{"primary":-1,"ports":[]}',
  '{"primary":0.5,"ports":[]}',
  '{"primary":"0","ports":[]}',
  '{"primary":0,"ports":{}}',
  '{"primary":0,"ports":[70000]}',
  '{"primary":1000000,"ports":[]}',
])("parseLedger: refuses %p", (text) => {
  expect(parseLedger(text)).toBeUndefined();
});

test("withPort: sets one port and keeps the others", () => {
  expect(withPort({ primary: 1, ports: [] }, 2, 9)).toEqual({ primary: 1, ports: [0, 0, 9] });
  expect(withPort({ primary: 0, ports: [7, 8] }, 0, 9)).toEqual({ primary: 0, ports: [9, 8] });
});
