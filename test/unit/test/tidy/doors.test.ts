/** Tests of test/tidy/doors.ts. */
import { expect, test } from "bun:test";
import { findings, type Files } from "./small-tree.ts";

const OWN = "export const own = 1;\n";

function rooms(room: string, names: readonly string[]): Files {
  return Object.fromEntries(names.map((name) => [`${room}/${name}`, OWN]));
}

const ALL = ["options.ts", "metrics.ts", "client.ts", "README.md"];

test.each([
  ["a role with every door", rooms("proxy/pool", ["pool.ts", ...ALL])],
  ["a role that is not built yet, and has no face", rooms("proxy/pool", ["options.ts"])],
  ["a room that is no role", rooms("proxy/pg", ["pg.ts"])],
])("doors: allows %s", (_name, files) => {
  expect(findings(files)).toEqual([]);
});

test.each([
  ["proxy/lb", "lb.ts"],
  ["proxy/pool", "pool.ts"],
  ["proxy/router", "router.ts"],
  ["src/app", "app.ts"],
])("doors: finds each one that is missing in %s", (room, face) => {
  for (const missing of ALL) {
    const files = rooms(room, [face, ...ALL.filter((door) => door !== missing)]);
    expect(findings(files)).toEqual([`${room}/${face}:1 [doors] the role has no ${missing}`]);
  }
});
