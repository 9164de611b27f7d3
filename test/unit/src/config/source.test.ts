import { describe, expect, test } from "bun:test";
import { harmlessKeys } from "../../../../src/config/harmless.ts";
import { LINE_SHOWN_MAX, Source } from "../../../../src/config/source.ts";

const source = (text: string): Source => new Source("x.toml", text, harmlessKeys);

describe("Source", () => {
  test("position: counts lines and columns from 1", () => {
    const text = "a\n\nbc\r\nd";
    const positions = [...text].map((_, offset) => source(text).position(offset));
    expect(positions.map(({ line, column }) => `${line}:${column}`)).toEqual([
      "1:1",
      "1:2",
      "2:1",
      "3:1",
      "3:2",
      "3:3",
      "3:4",
      "4:1",
    ]);
    expect(source(text).position(text.length)).toEqual({ line: 4, column: 2 });
    expect(source("").position(0)).toEqual({ line: 1, column: 1 });
  });

  test("place: shows the line without its end and its comment", () => {
    expect(source("[log]\r\nlevel = 3 # why\r\n").place(2, 9, 1)).toEqual({
      file: "x.toml",
      line: 2,
      column: 9,
      width: 1,
      text: "level = 3",
    });
  });

  test("place: hides a secret, does not tell its length, and moves the caret", () => {
    const short = source('x = { token = "a", level = 3 }').place(1, 28, 1);
    const long = source('x = { token = "abcdefghij", level = 3 }').place(1, 37, 1);
    expect(short.text).toBe('x = { token = "***", level = 3 }');
    expect(long.text).toBe(short.text as string);
    expect(short.caret).toBe(30);
    expect(long.caret).toBe(30);
    expect([short.column, long.column]).toEqual([28, 37]);
  });

  test("place: underlines a hidden value as it is shown", () => {
    expect(source('token = "abcdefghij"').place(1, 9, 12)).toMatchObject({ text: 'token = "***"', width: 5 });
  });

  test("place: does not show a line that is too long", () => {
    const place = source(`level = "${"x".repeat(LINE_SHOWN_MAX)}"`).place(1, 9, 5);
    expect(place).toEqual({ file: "x.toml", line: 1, column: 9, width: 5 });
  });

  test("at: a place beyond the end is still a place", () => {
    expect(source("a").at(1)).toMatchObject({ line: 1, column: 2 });
  });
});
