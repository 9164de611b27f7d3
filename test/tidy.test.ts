/**
 * The style as a test: layering, names, reach, forms and sizes of this tree. The rules stand in `test/tidy`, what they are
 * not applied to in the table below, each row with its reason.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { check, RULES, type Rule } from "./tidy/rules.ts";
import { FILE_LINES_SOFT, growing } from "./tidy/sizes.ts";
import { readTree } from "./tidy/tree.ts";
import { except, show, type Exception } from "./tidy/violation.ts";

const EXCEPTIONS: readonly (Exception & { readonly rule: Rule })[] = [
  {
    rule: "pure",
    path: "proxy/base/lease.ts",
    what: "Promise",
    reason: "an interface only: taking a lease asks a file, a row or Kubernetes, at the rim and never on the byte path",
  },
  {
    rule: "pure",
    path: "proxy/base/bytes.ts",
    what: "Buffer",
    reason:
      "its `copy` moves a range without the view that `set` needs, which costs twice as much; it reaches nothing else",
  },
  {
    rule: "sockets",
    path: "src/admin/",
    what: "Bun.serve",
    reason: "the admin listener is off the data path, and speaks plain HTTP to people and scrapers",
  },
  {
    rule: "sockets",
    path: "src/app/",
    reason:
      "it stands in for the listeners of the user's program: Bun.serve and the prototypes of node:http and node:net",
  },
  {
    rule: "sockets",
    path: "src/up/postgres/",
    what: "Bun.connect",
    reason: "a base backup speaks the replication protocol once, until proxy/net stands",
  },
  {
    rule: "sockets",
    path: "src/run/claim.ts",
    what: "node:net",
    reason: "asks whether a process still answers on the path of its unix socket, and sends nothing",
  },
  {
    rule: "sockets",
    path: "src/config/live.ts",
    what: "node:net",
    reason: "`scale check --live` asks whether an address is free, and serves nothing on it",
  },
  {
    rule: "sockets",
    path: "src/up/ports.ts",
    what: "node:net",
    reason: "`scale up` asks which port is free, and serves nothing on it",
  },
  {
    rule: "exit",
    path: "src/app/app.ts",
    what: "uses process:",
    reason: "hands the process on as an emitter, the seam of guard and farewell; its type there has no exit",
  },
  {
    rule: "exit",
    path: "test/kit/postgres-driver.ts",
    reason: "a program of its own, which tests start and kill",
  },
  {
    rule: "signals",
    path: "test/kit/postgres-driver.ts",
    reason: "a program of its own, which stops in order when a test says so",
  },
  {
    rule: "doors",
    path: "src/app/app.ts",
    what: "client.ts",
    reason: "its clients talk to the user's program, whose listeners carry the conversation",
  },
];

const tree = readTree(join(import.meta.dir, ".."));
const { standing, idle } = except(check(tree), EXCEPTIONS);

test("tidy: looks at the whole house", () => {
  const rooms = ["proxy/base/assert.ts", "src/main.ts", "build.ts", "test/kit/clock.ts", "test/tidy/rules.ts"];
  expect(rooms.filter((path) => !tree.sources.some((source) => source.path === path))).toEqual([]);
});

for (const [rule, about] of Object.entries(RULES)) {
  test(`${rule}: ${about}`, () => {
    expect(standing.filter((violation) => violation.rule === rule).map(show)).toEqual([]);
  });
}

test("tidy: every exception is still needed", () => {
  expect(idle.map(({ rule, path }) => `${rule} ${path}`)).toEqual([]);
});

for (const { path, lines } of growing(tree)) {
  console.warn(`${path} has ${lines} lines, more than ${FILE_LINES_SOFT}: see whether it holds two subjects`);
}
