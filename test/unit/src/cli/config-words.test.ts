import { describe, expect, test } from "bun:test";
import { configWords } from "../../../../src/cli/config-words.ts";

describe("configWords", () => {
  test.each([
    ["shop.toml", {}],
    [undefined, { config: "shop.toml" }],
    ["shop.toml", { config: "shop.toml" }],
  ])("configWords: the file is %s with %j", (file, options) => {
    expect(configWords(file, options)).toEqual({ file: "shop.toml", json: false, options });
  });

  test("configWords: the role comes with its flags", () => {
    const options = { role: "pool", to: "postgres://u@h/d", json: true };
    expect(configWords("a", options)).toEqual({ file: "a", role: "pool", json: true, options });
  });

  test.each([
    ["a", { config: "b" }, 'Cannot read both "a" and "b"'],
    ["a", { role: "ap" }, 'Cannot be role "ap"'],
    ["a", { listen: "3000" }, "Cannot use --listen without --role"],
    ["a", { workers: "2" }, "Cannot use --workers without --role"],
    ["a", { to: "x" }, "Cannot use --to without --role"],
    ["a", { replica: ["x"] }, "Cannot use --replica without --role"],
  ])("configWords: refuses %s %j", (file, options, what) => {
    expect(() => configWords(file, options)).toThrow(what);
  });
});
