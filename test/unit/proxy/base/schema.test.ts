import { describe, expect, test } from "bun:test";
import type { Rows, Shape, Values } from "../../../../proxy/base/schema.ts";
import { treeName } from "../../../../proxy/base/schema.ts";

const rows = {
  entry: { kind: "path", doc: "" },
  start_timeout: { kind: "duration", min: "0s", max: "1h", default: "30s", doc: "" },
  memory_max: {
    kind: "either",
    of: [
      { kind: "choice", of: ["auto"] },
      { kind: "bytes", min: "1MB", max: "1TB" },
    ],
    default: "auto",
    doc: "",
  },
  hosts: { kind: "list", of: { kind: "address", use: "dial" }, required: true, doc: "" },
  tls: {
    kind: "table",
    optional: true,
    doc: "",
    rows: { cert: { kind: "path", required: true, doc: "" } },
  },
  log: { kind: "table", doc: "", rows: { level: { kind: "choice", of: ["info", "warn"], default: "info", doc: "" } } },
  env: { kind: "map", of: { kind: "text" }, key: "NAME", keys: "any", doc: "" },
} as const satisfies Rows;

/** What the type says; a wrong type does not compile. */
const tree: Values<typeof rows> = {
  startTimeoutMs: 30_000,
  memoryMaxBytes: "auto",
  hosts: ["app1:3000"],
  log: { level: "info" },
  env: { A: "B" },
};

describe("Values", () => {
  test("Values: leaves out what may be absent, and keeps what has a default", () => {
    const entry: string | undefined = tree.entry;
    const cert: string | undefined = tree.tls?.cert;
    const level: "info" | "warn" = tree.log.level;
    const bytes: number | "auto" = tree.memoryMaxBytes;
    expect([entry, cert, level, bytes]).toEqual([undefined, undefined, "info", "auto"]);
    // @ts-expect-error -- a knob that is in no row is not in the tree
    expect(tree.nothing).toBeUndefined();
    // @ts-expect-error -- a required knob cannot be left out
    const lacking: Values<typeof rows> = { startTimeoutMs: 1, memoryMaxBytes: 1, log: { level: "warn" }, env: {} };
    expect(lacking.hosts).toBeUndefined();
  });

  test("Values: has exactly the names that treeName makes", () => {
    const names = Object.entries(rows).map(([name, row]: [string, Shape]) => treeName(name, row));
    expect(names).toEqual(["entry", "startTimeoutMs", "memoryMaxBytes", "hosts", "tls", "log", "env"]);
    expect(Object.keys(tree).every((name) => names.includes(name))).toBe(true);
  });
});

describe("treeName", () => {
  test.each<[string, Shape, string]>([
    ["size", { kind: "integer", min: 1, max: 2 }, "size"],
    ["drain_timeout", { kind: "duration", min: "0s", max: "1s" }, "drainTimeoutMs"],
    ["memory_max", { kind: "bytes", min: "1B", max: "1MB" }, "memoryMaxBytes"],
    ["requests_per_box", { kind: "number", min: 0, max: 1 }, "requestsPerBox"],
    ["a_1", { kind: "flag" }, "a1"],
    ["waits", { kind: "list", of: { kind: "duration", min: "0s", max: "1s" } }, "waits"],
  ])("treeName: %s", (name, shape, expected) => {
    expect(treeName(name, shape)).toBe(expected);
  });
});
