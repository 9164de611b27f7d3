import { describe, expect, test } from "bun:test";
import { HIDDEN, isWholeReference, looksSecret, maskToml, maskUrls } from "../../../../src/config/mask.ts";
import { harmlessKeys } from "../../../../src/config/harmless.ts";

const masked = (text: string): string => maskToml(text, harmlessKeys).replace(new RegExp(`${HIDDEN}+`, "g"), "***");

describe("maskToml", () => {
  test.each([
    // Known and harmless.
    [`level = "info"`, `level = "info"`],
    [`workers = 4`, `workers = 4`],
    [`entry = ./server.ts`, `entry = ./server.ts`],
    [`[app]`, `[app]`],
    [`[app`, `[app`],
    [`["my store"]`, `["my store"]`],
    [`app.pool.max = 20`, `app.pool.max = 20`],
    [`key = "slug"`, `key = "slug"`],
    [`key = "/etc/scale/tls.key"`, `key = "/etc/scale/tls.key"`],
    [`token = "\${file:/etc/token}"`, `token = "\${file:/etc/token}"`],
    // Secret, unknown, or in the wrong place.
    [`token = "abc"`, `token = "***"`],
    [`token = abc`, `token = ***`],
    [`tokn = "abc"`, `tokn = "***"`],
    [`token "abc"`, `token "***"`],
    [`token = "abc`, `token = "***`],
    [`env = { A = "abc" }`, `env = { A = "***" }`],
    [`"a" : "abc"`, `"***" : "***"`],
    [`level = "info" "abc"`, `level = "info" "***"`],
    [`level = "info" # abc`, `level = "info" # ***`],
    [`token =\nabc`, `token =\n***`],
    [`token = """\nabc\n"""`, `token = "***\n***\n***"`],
    [`key = "MIIEvQIBADANBgkqhkiG9w0BAQ/EFAASCBKcwgg"`, `key = "***"`],
    // URLs.
    [`primary = "postgres://u:pw@h/d"`, `primary = "postgres://u:***@h/d"`],
    [`primary = "postgres://u:p@w@h/d"`, `primary = "postgres://u:***@h/d"`],
    [`primary = "postgres://u@h/d"`, `primary = "postgres://u@h/d"`],
    [`primary = "postgres://u:\${env:PW}@h/d"`, `primary = "postgres://u:\${env:PW}@h/d"`],
    [`primary = "postgres:/u:pw@h/d"`, `primary = "***"`],
    [`primary = "postgres://h/d?password=pw"`, `primary = "postgres://h/d?password=***"`],
  ])("maskToml: %s", (text, expected) => {
    expect(masked(text)).toBe(expected);
  });

  test("maskToml: keeps every offset", () => {
    const text = `[admin]\ntoken = "a b" # c\n"x" = [1, "é"]\n`;
    expect(maskToml(text, harmlessKeys).length).toBe(text.length);
  });
});

describe("maskUrls", () => {
  test.each([
    ["postgres://u:secret@h/d", "postgres://u:***@h/d"],
    ["redis://:secret@h", "redis://:***@h"],
    ["a redis://:s@h and amqp://u:t@k", "a redis://:***@h and amqp://u:***@k"],
    ["postgres://u@h/d", "postgres://u@h/d"],
    ["nothing here", "nothing here"],
  ])("maskUrls: %s", (text, expected) => {
    expect(maskUrls(text)).toBe(expected);
  });
});

describe("looksSecret", () => {
  test.each([
    ["postgres://u:secret@h/d", false],
    ["postgres://u:${file:a@b}@h/d", false],
    ["plain", false],
    ["u:secret@h", true],
    ["postgres:/u:secret@h", true],
    ["-----BEGIN PRIVATE KEY-----", true],
  ])("looksSecret: %s is %p", (text, expected) => {
    expect(looksSecret(text)).toBe(expected);
  });
});

test("isWholeReference: only one reference and nothing else", () => {
  expect(isWholeReference("${env:A}")).toBe(true);
  expect(isWholeReference("${file:/a/b}")).toBe(true);
  expect(isWholeReference("x${env:A}")).toBe(false);
  expect(isWholeReference("${env:A}${env:B}")).toBe(false);
  expect(isWholeReference("${vault:A}")).toBe(false);
});
