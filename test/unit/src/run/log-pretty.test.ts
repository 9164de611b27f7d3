import { expect, test } from "bun:test";
import { prettyLine, wantsColour, type PrettyLine } from "../../../../src/run/log-pretty.ts";

const at = new Date(2026, 0, 2, 12, 3, 4).getTime();
const line = (parts: Partial<PrettyLine>): PrettyLine => ({
  wallMs: at,
  level: "info",
  who: "app/1",
  event: "worker_ready",
  fields: {},
  ...parts,
});

test("prettyLine: shows time, level, who, event and fields in columns", () => {
  expect(prettyLine(line({ fields: { its_pid: 4242, after: "1.5s" } }), false)).toBe(
    "12:03:04 info  app/1        worker_ready           its_pid=4242 after=1.5s\n",
  );
});

test("prettyLine: columns stand still whatever the level and the process", () => {
  const columns = (["debug", "info", "warn", "error"] as const).flatMap((level) =>
    ["app/1", "app/steward"].map((who) => prettyLine(line({ level, who }), false).indexOf("worker_ready")),
  );
  expect(new Set(columns).size).toBe(1);
});

test("prettyLine: has no trailing blanks without fields", () => {
  expect(prettyLine(line({}), false)).toBe("12:03:04 info  app/1        worker_ready\n");
});

test("prettyLine: quotes what has blanks", () => {
  expect(prettyLine(line({ fields: { why: "it is full", empty: "" } }), false)).toContain('why="it is full" empty=""');
});

test("prettyLine: shows structures as JSON", () => {
  expect(prettyLine(line({ fields: { list: [1, "a"], none: null } }), false)).toContain('list=[1,"a"] none=null');
});

test("prettyLine: puts an error's stack below its line", () => {
  const error = { type: "TypeError", message: "no", stack: "TypeError: no\n    at a.ts:1:2" };
  const [head, ...below] = prettyLine(line({ fields: { error } }), false).split("\n");
  expect(head).toEndWith('error={"type":"TypeError","message":"no"}');
  expect(below).toEqual(["    TypeError: no", "        at a.ts:1:2", ""]);
});

test("prettyLine: nothing in a line can act on the terminal or start a line of its own", () => {
  const evil = "\u001b[2J\u009b31m\r\n12:00:00 info faked\u202e\u007f";
  const shown = prettyLine(line({ event: evil, who: evil, fields: { [evil]: evil, deep: { [evil]: evil } } }), false);
  expect(shown).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]+$/);
  expect(shown.indexOf("\n")).toBe(shown.length - 1);
});

test("prettyLine: colours by level, and only when asked", () => {
  expect(prettyLine(line({ level: "error" }), true)).toContain("\u001b[31merror\u001b[0m");
  expect(prettyLine(line({ level: "error" }), false)).not.toContain("\u001b");
});

const colourRows: readonly [boolean, Record<string, string>, boolean][] = [
  [true, {}, true],
  [true, { NO_COLOR: "" }, true],
  [true, { NO_COLOR: "1" }, false],
  [true, { TERM: "dumb" }, false],
  [false, {}, false],
];

for (const [tty, env, wanted] of colourRows) {
  test(`wantsColour: is ${wanted} when tty is ${tty} and env is ${JSON.stringify(env)}`, () =>
    expect(wantsColour(tty, env)).toBe(wanted));
}
