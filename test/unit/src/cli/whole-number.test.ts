import { describe, expect, test } from "bun:test";
import { wholeNumber } from "../../../../src/cli/whole-number.ts";

const wanted = { command: "up", option: "--port", min: 0, max: 65_535 } as const;

describe("wholeNumber", () => {
  test.each([
    ["0", 0],
    ["3000", 3000],
    ["65535", 65_535],
  ])("wholeNumber: takes %s", (text, number) => {
    expect(wholeNumber(text, wanted)).toBe(number);
  });

  test.each(["", " ", "abc", "-1", "65536", "1e3", "0x10", "1.5", " 5", "9".repeat(400)])(
    "wholeNumber: refuses %j",
    (text) => {
      expect(() => wholeNumber(text, wanted)).toThrow("wanted is a whole number from 0 to 65535");
    },
  );
});
