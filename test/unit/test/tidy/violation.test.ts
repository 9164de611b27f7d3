/** Tests of test/tidy/violation.ts. */
import { expect, test } from "bun:test";
import { except, show, type Exception } from "../../../tidy/violation.ts";

const SERVE = { rule: "sockets", path: "src/admin/admin.ts", line: 3, what: "uses Bun.serve: no" };
const EXIT = { rule: "exit", path: "src/admin/admin.ts", line: 9, what: "uses process.exit: no" };
const row = (parts: Partial<Exception>): Exception => ({
  rule: "sockets",
  path: "src/admin/",
  reason: "because",
  ...parts,
});

test.each([
  ["a folder", row({})],
  ["a file", row({ path: "src/admin/admin.ts" })],
  ["what it says", row({ what: "Bun.serve" })],
])("except: covers by %s, and nothing of another rule", (_name, exception) => {
  expect(except([SERVE, EXIT], [exception])).toEqual({ standing: [EXIT], idle: [] });
});

test.each([
  ["another folder", row({ path: "src/adm" })],
  ["a folder named as a file", row({ path: "src/admin" })],
  ["another text", row({ what: "Bun.listen" })],
  ["another rule", row({ rule: "ffi" })],
])("except: does not cover %s, and says that the row is idle", (_name, exception) => {
  expect(except([SERVE], [exception])).toEqual({ standing: [SERVE], idle: [exception] });
});

test("show: is one line that an editor can open", () => {
  expect(show(SERVE)).toBe("src/admin/admin.ts:3 [sockets] uses Bun.serve: no");
});
