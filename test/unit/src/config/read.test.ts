import { describe, expect, test } from "bun:test";
import { harmlessKeys } from "../../../../src/config/harmless.ts";
import { readSource } from "../../../../src/config/read.ts";

describe("readSource", () => {
  test.each([
    ["/dev/zero", "it is a device"],
    ["/dev", "it is a folder"],
    ["/dev/none", "there is no such file"],
  ])("readSource: %s cannot be read: %s", (path, reason) => {
    expect(() => readSource("scale.toml", path, harmlessKeys)).toThrow(`Cannot read "scale.toml": ${reason}`);
  });

  test("readSource: the whole of a regular file", () => {
    expect(readSource("me", import.meta.path, harmlessKeys).text).toContain("the whole of a regular file");
  });
});
