import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type PieceKind, scan } from "../../../../src/config/scan.ts";

const kinds = (text: string): [PieceKind, string][] =>
  scan(text)
    .filter(({ kind }) => kind !== "space")
    .map(({ kind, start, end }) => [kind, text.slice(start, end)]);

describe("scan", () => {
  test("scan: cuts a statement", () => {
    expect(kinds(`a.b = "x" # y\n[c]`)).toEqual([
      ["word", "a.b"],
      ["mark", "="],
      ["string", '"x"'],
      ["comment", "# y"],
      ["newline", "\n"],
      ["mark", "["],
      ["word", "c"],
      ["mark", "]"],
    ]);
  });

  test.each([
    [`"a\\"b" c`, `"a\\"b"`],
    [`"a\\\\" c`, `"a\\\\"`],
    [`'a\\' c`, `'a\\'`],
    [`"""a\n"b" """ c`, `"""a\n"b" """`],
    [`"""a""""" c`, `"""a"""""`],
    [`'''a\n'b' ''' c`, `'''a\n'b' '''`],
    [`"open\nc`, `"open`],
    [`"open\\\nc`, `"open\\`],
    [`"""open\nc`, `""`],
    [`""`, `""`],
    [`"`, `"`],
  ])("scan: the string at the start of %p", (text, expected) => {
    const [first] = scan(text);
    expect(first?.kind).toBe("string");
    expect(text.slice(first?.start, first?.end)).toBe(expected);
  });

  test("scan: its pieces touch each other and cover any text", () => {
    const letter = fc.constantFrom('"', "'", "#", "=", "[", "]", "{", "}", "\n", "\\", " ", "a", ".", "é", "\r");
    fc.assert(
      fc.property(fc.string({ unit: letter, maxLength: 60 }), (text) => {
        const pieces = scan(text);
        expect(pieces.map(({ start, end }) => text.slice(start, end)).join("")).toBe(text);
        for (const { start, end } of pieces) expect(end).toBeGreaterThan(start);
      }),
      { numRuns: 2_000 },
    );
  });
});
