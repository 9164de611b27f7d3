/** What a child inherits. */
import { expect, test } from "bun:test";
import { childEnvironment } from "../../../../src/run/self.ts";

test.each([
  "BUN_OPTIONS",
  "BUN_INSPECT",
  "BUN_BE_BUN",
  "NODE_OPTIONS",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "LISTEN_FDS",
  "SCALE_CHILD",
])("childEnvironment: never hands on %s", (name) => {
  expect(childEnvironment({ [name]: "x", PATH: "/bin", EMPTY: "", GONE: undefined })).toEqual({
    PATH: "/bin",
    EMPTY: "",
  });
});
