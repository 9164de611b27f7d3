/** Tests of test/tidy/sizes.ts. */
import { describe, expect, test } from "bun:test";
import { FILE_LINES_MAX, FILE_LINES_SOFT, FUNCTION_LINES_MAX, growing } from "../../../tidy/sizes.ts";
import { findings, treeOf } from "./small-tree.ts";

function times(count: number, line: string): string {
  return `${line}\n`.repeat(count);
}

/** What the rules on size say of this text. */
function faults(text: string, path = "src/run/a.ts"): string[] {
  return findings({ [path]: `export const own = 1;\n${text}` });
}

describe("file", () => {
  const text = (lines: number): string => times(lines, "// line");

  test("allows 600 lines and finds 601, in tests too", () => {
    expect(findings({ "src/run/a.ts": text(FILE_LINES_MAX) })).toEqual([]);
    expect(findings({ "src/run/a.ts": text(601) })).toEqual(["src/run/a.ts:1 [file] has 601 lines"]);
    expect(findings({ "test/talk/a.test.ts": text(601) })).toEqual(["test/talk/a.test.ts:1 [file] has 601 lines"]);
  });

  test("counts a last line without its end", () => {
    expect(findings({ "src/run/a.ts": `${text(600)}// last` })).toEqual(["src/run/a.ts:1 [file] has 601 lines"]);
  });

  test("growing: tells files above the soft limit, and neither smaller nor failing ones", () => {
    const files = {
      "src/run/a.ts": text(400),
      "src/run/b.ts": text(401),
      "src/run/c.ts": text(600),
      "src/run/d.ts": text(601),
    };
    const told = growing(treeOf(files)).map(({ path, lines }) => [path, lines]);
    expect([FILE_LINES_SOFT, told]).toEqual([
      400,
      [
        ["src/run/b.ts", 401],
        ["src/run/c.ts", 600],
      ],
    ]);
  });
});

describe("function", () => {
  const body = (lines: number): string => times(lines - 2, "  own;");
  const kinds: [string, (lines: number) => string, string][] = [
    ["a declaration", (lines) => `function long(): void {\n${body(lines)}}\n`, "long"],
    ["an arrow", (lines) => `const long = () => {\n${body(lines)}};\n`, "long"],
    ["an expression", (lines) => `call(function () {\n${body(lines)}});\n`, "a function"],
    ["a method", (lines) => `class A {\n#long(): void {\n${body(lines)}}\n}\n`, "#long"],
    ["a constructor", (lines) => `class A {\nconstructor() {\n${body(lines)}}\n}\n`, "constructor"],
    ["a getter", (lines) => `class A {\nget long(): number {\n${body(lines)}}\n}\n`, "long"],
    ["a property", (lines) => `const a = {\nlong: () => {\n${body(lines)}} };\n`, "long"],
  ];
  test.each(kinds)("allows %s of 70 lines, and finds one of 71", (_kind, make, name) => {
    expect(faults(make(FUNCTION_LINES_MAX))).toEqual([]);
    const [found, ...more] = faults(make(71));
    expect(found).toEndWith(`[function] ${name} has 71 lines`);
    expect(more).toEqual([]);
  });

  test("counts from the first word of the function, not from the comment above it", () => {
    expect(faults(`/**\n${times(50, " * words")} */\nfunction long(): void {\n${body(70)}}\n`)).toEqual([]);
  });

  test("does not count what only groups tests, and counts a test", () => {
    const inner = 'test("short", () => {});\n';
    expect(faults(`describe("all", () => {\n${inner}${body(100)}});\n`, "test/talk/a.test.ts")).toEqual([]);
    expect(faults(`export function suite(): void {\n${inner}${body(100)}}\n`, "test/e2e/suite.ts")).toEqual([]);
    expect(faults(`test("long", () => {\n${body(100)}});\n`, "test/talk/a.test.ts")).toEqual([
      "test/talk/a.test.ts:2 [function] a function has 100 lines",
    ]);
    expect(faults(`export function suite(): void {\n${inner}${body(100)}}\n`)).toEqual([
      "src/run/a.ts:2 [function] suite has 101 lines",
    ]);
  });
});

describe("parameters", () => {
  test.each([
    "function f(a: 1, b: 2, c: 3, d: 4): void {}",
    "function f(this: Window, a: 1, b: 2, c: 3, d: 4): void {}",
    'test.each([])("row", (a, b, c, d, e) => {});',
  ])("allows %s", (text) => {
    expect(faults(`${text}\n`)).toEqual([]);
  });

  test.each([
    ["function f(a: 1, b: 2, c: 3, d: 4, e: 5): void {}", "f"],
    ["const f = (a: 1, b: 2, c: 3, d: 4, ...e: 5[]) => {};", "f"],
    ["class A { constructor(a: 1, b: 2, c: 3, d: 4, e: 5) {} }", "constructor"],
    ["interface A { f(a: 1, b: 2, c: 3, d: 4, e: 5): void }", "f"],
    ["type F = (a: 1, b: 2, c: 3, d: 4, e: 5) => void;", "F"],
  ])("finds %s", (text, name) => {
    expect(faults(`${text}\n`)).toEqual([`src/run/a.ts:2 [parameters] ${name} takes 5 parameters`]);
  });
});

describe("nesting", () => {
  const deep = (...heads: string[]): string =>
    `${heads.join("\n")}\nown;\n${"}".repeat(heads.join("").split("{").length - 1)}\n`;
  const fourDeep = ["for (const a of own) {", "if (a) {", "while (a) {", "switch (a) { default:"];

  test("allows four in a function, and finds the fifth once", () => {
    expect(faults(deep("function f(): void {", ...fourDeep))).toEqual([]);
    expect(faults(deep("function f(): void {", ...fourDeep, "if (own) {", "if (own) {"))).toEqual([
      "src/run/a.ts:7 [nesting] is 5 deep",
    ]);
  });

  test("finds it in methods, and outside of functions", () => {
    expect(
      faults(deep("class A {", "f(): void {", ...fourDeep, "do {").replace("own;\n}", "own;\n} while (own);")),
    ).toEqual(["src/run/a.ts:8 [nesting] is 5 deep"]);
    expect(faults(deep(...fourDeep, "if (own) {"))).toEqual(["src/run/a.ts:6 [nesting] is 5 deep"]);
  });

  test("counts a function in a function, and not one that is a mere expression", () => {
    const inFunction = deep("function f(): void {", "const g = () => {", ...fourDeep);
    expect(faults(inFunction)).toEqual(["src/run/a.ts:7 [nesting] is 5 deep"]);
    expect(
      faults(
        "function f(): void {\nif (own) { if (own) { if (own) { if (own) { own.map((a) => own((b) => a)); } } } }\n}\n",
      ),
    ).toEqual([]);
  });

  test("does not count else if, try beside catch, or groups of tests", () => {
    const ladder =
      "if (own) { own; } else if (own) { own; } else if (own) { own; } else if (own) { own; } else if (own) { own; } else { own; }\n";
    expect(faults(`function f(): void {\n${ladder}}\n`)).toEqual([]);
    expect(
      faults(
        deep("function f(): void {", "for (;;) {", "for (;;) {", "try { own; } catch { own; } finally {", "if (own) {"),
      ),
    ).toEqual([]);
    const grouped = `describe("a", () => {\ndescribe("b", () => {\n${deep('test("c", () => {', ...fourDeep).replace(/}\n$/, "});\n")}});\n});\n`;
    expect(faults(grouped, "test/talk/a.test.ts")).toEqual([]);
  });
});
