import { describe, expect, test } from "bun:test";
import { countProblems, EXCERPT_WIDTH, printProblems, problemsJson } from "../../../../src/problem/print.ts";
import { Problem } from "../../../../src/problem/problem.ts";

const plain = { colour: false };

const error = new Problem("CONFIG_RANGE", {
  what: "Cannot use app.workers: 0 is less than 1",
  where: { file: "x.toml", line: 6, column: 8, width: 2, text: "\tabcde 80" },
  why: "Nobody would work.",
  fix: "Set it to 1",
});
const warning = new Problem("CONFIG_NOT_BUILT", { what: "Cannot obey [lb] yet", severity: "warning" });

describe("printProblems", () => {
  test("printProblems: place, line, caret, reason, fix, code", () => {
    expect(printProblems([error], plain))
      .toBe(`x.toml:6:8  error  Cannot use app.workers: 0 is less than 1  [CONFIG_RANGE]
   6 | \tabcde 80
     | \t      ^^
  Nobody would work.
  Fix: Set it to 1   More: scale explain CONFIG_RANGE
`);
  });

  test("printProblems: only what there is, and a count when there are several", () => {
    expect(printProblems([], plain)).toBe("");
    expect(printProblems([warning], plain)).toBe(`warning  Cannot obey [lb] yet  [CONFIG_NOT_BUILT]
  More: scale explain CONFIG_NOT_BUILT
`);
    expect(printProblems([error, warning, warning], plain)).toEndWith("\n\n1 error, 2 warnings\n");
    expect(countProblems([error, error])).toBe("2 errors, 0 warnings");
  });

  test("printProblems: the caret follows hidden parts", () => {
    const where = { file: "x", line: 1, column: 40, width: 1, text: 'token = "***", x', caret: 16 };
    expect(printProblems([new Problem("CONFIG_TYPE", { what: "w", where })], plain)).toContain(
      `\n     | ${" ".repeat(15)}^\n`,
    );
  });

  test.each([1, 60, 200, 399])("printProblems: shows a long line around column %d", (column) => {
    const text = "x".repeat(column - 1) + "Y" + "z".repeat(400 - column);
    const printed = printProblems(
      [new Problem("CONFIG_TYPE", { what: "w", where: { file: "x", line: 1, column, text } })],
      plain,
    );
    const [, line = "", caret = ""] = printed.split("\n");
    expect(line.length).toBeLessThanOrEqual(EXCERPT_WIDTH + 10);
    expect(line[caret.indexOf("^")]).toBe("Y");
  });

  test("printProblems: a file cannot write to the terminal", () => {
    const where = { file: "x", line: 1, column: 1, text: "a\u001b[31m\u0007\u202e" };
    const printed = printProblems(
      [new Problem("CONFIG_TYPE", { what: "w\u001b[2J", where, fix: "f\r\u009b", why: "y" })],
      plain,
    );
    expect(printed).not.toMatch(/[\u001b\u0007\u202e\r\u009b]/);
    expect(printed.split("\n")).toHaveLength(6);
  });

  test("printProblems: in colour says the same", () => {
    const text = printProblems([error, warning], { colour: true });
    expect(text).toContain("\u001b[31merror\u001b[39m");
    expect(text.replace(/\u001b\[\d+m/g, "")).toBe(printProblems([error, warning], plain));
  });
});

describe("problemsJson", () => {
  test("problemsJson: one line for machines", () => {
    const text = problemsJson([error, warning]);
    expect(text.indexOf("\n")).toBe(text.length - 1);
    expect(JSON.parse(text)).toMatchObject({
      ok: false,
      errors: 1,
      warnings: 1,
      problems: [
        { code: "CONFIG_RANGE", severity: "error", where: { line: 6, column: 8 }, title: expect.any(String) },
        { code: "CONFIG_NOT_BUILT", severity: "warning" },
      ],
    });
    expect(JSON.parse(problemsJson([warning]))).toMatchObject({ ok: true });
  });
});
