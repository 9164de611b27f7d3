import { expect, test } from "bun:test";
import { nodePaths, socketPath } from "../../../../../src/up/postgres/layout.ts";

test("nodePaths: node 0 has the cluster's name, the others a number", () => {
  expect(nodePaths("/h", "main", 0)).toEqual({
    name: "main",
    data: "/h/main",
    config: "/h/main.conf",
    log: "/h/main.log",
  });
  expect(nodePaths("/h", "main", 2).data).toBe("/h/main.2");
});

test("socketPath: none where the kernel or Postgres cannot name it", () => {
  const name = "/.s.PGSQL.15432";
  expect(socketPath("/h/run", 15_432)).toBe(`/h/run${name}`);
  expect(socketPath(`/${"x".repeat(106 - name.length)}`, 15_432)).toHaveLength(107);
  expect(socketPath(`/${"x".repeat(107 - name.length)}`, 15_432)).toBeUndefined();
  expect(socketPath(`/${"ü".repeat(60)}`, 15_432)).toBeUndefined();
  expect(socketPath("/a,b", 15_432)).toBeUndefined();
  expect(socketPath('/a"b', 15_432)).toBeUndefined();
});
