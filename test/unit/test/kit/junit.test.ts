/** Tests `test/kit/junit.ts` on what Bun 1.4.5 prints. */
import { expect, test } from "bun:test";
import { readJunit } from "../../../kit/junit.ts";

const suite = (cases: string) =>
  `<?xml version="1.0"?>\n<testsuites>\n<testsuite name="f" file="f">\n${cases}\n</testsuite>\n</testsuites>`;
const one = (name: string, groups: string, body?: string) =>
  `<testcase name="${name}" classname="${groups}" time="0" file="t/a.test.ts" line="2" assertions="0"${body === undefined ? " />" : `>\n${body}\n</testcase>`}`;

const rows: readonly [
  what: string,
  cases: string,
  passed: number,
  failed: readonly string[],
  skipped: readonly string[],
][] = [
  ["a passed test", one("ok", ""), 1, [], []],
  ["a failed test", one("bad", "", '<failure type="Error" message="x">Error: x</failure>'), 0, ["bad"], []],
  ["a skipped test", one("later", "", "<skipped />"), 0, [], ["later"]],
  ["a test to be written", one("some day", "", '<skipped message="TODO" />'), 0, [], ["some day"]],
  ["groups, which Bun prints inside out", one("x", "inner &gt; outer", "<skipped />"), 0, [], ["outer > inner > x"]],
  ["entities", one("a &lt;b&gt; &amp; &quot;c&quot; &#10; &#x41;", "", "<failure />"), 0, ['a <b> & "c" \n A'], []],
  ["a hook that failed", one("(unnamed)", "", '<failure message="in afterAll" />'), 0, ["(unnamed)"], []],
  ["a hook of a skipped group", one("(unnamed)", "d", "<skipped />"), 0, [], []],
  ["a slash in a name", one("GET /x", ""), 1, [], []],
  ["several", one("a", "") + one("b", "", "<failure/>") + one("c", "", "<skipped/>") + one("d", ""), 2, ["b"], ["c"]],
];

for (const [what, cases, passed, failed, skipped] of rows) {
  test(`readJunit: counts ${what}`, () => {
    expect(readJunit(suite(cases)).get("t/a.test.ts")).toEqual({ passed, failed: [...failed], skipped: [...skipped] });
  });
}

test("readJunit: finds nothing in nothing", () => {
  expect(readJunit("").size).toBe(0);
});
