import { describe, expect, test } from "bun:test";
import { LINES_MAX, logsWords } from "../../../../src/cli/logs-words.ts";

describe("logsWords", () => {
  test.each(["1", "100", String(LINES_MAX)])("logsWords: takes %s lines", (lines) => {
    expect(logsWords("app", { lines })).toEqual({ box: "app", follow: false, lines: Number(lines) });
  });

  test("logsWords: takes 0, which is none", () => {
    expect(logsWords(undefined, { lines: "0", follow: true })).toEqual({ follow: true, lines: 0 });
  });

  test.each(["abc", "-1", "", String(LINES_MAX + 1)])("logsWords: refuses %j", (lines) => {
    expect(() => logsWords(undefined, { lines })).toThrow("Cannot take --lines");
  });
});
