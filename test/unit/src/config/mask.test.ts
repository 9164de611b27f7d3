import { describe, expect, test } from "bun:test";
import { HIDDEN, maskToml } from "../../../../src/config/mask.ts";
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
    [`wrokers 4`, `*** ***`],
    [`workers 4`, `workers ***`],
    [`workers: 4`, `workers: ***`],
    [`listen = 1\ntoken [ 'abc'`, `listen = 1\ntoken [ '***'`],
    [`token # = """\nabc"""`, `token # *** ***\n***"""`],
    [`servers = [\n"a:1",\n"b:2"\n]\n"abc"`, `servers = [\n"a:1",\n"b:2"\n]\n"***"`],
    [`token = abc=`, `token = ***=`],
    // URLs.
    [`primary = "postgres://u:pw@h/d"`, `primary = "postgres://u:***@h/d"`],
    [`primary = "postgres://u:p@w@h/d"`, `primary = "postgres://u:***@h/d"`],
    [`primary = "postgres://u@h/d"`, `primary = "postgres://u@h/d"`],
    [`primary = "postgres://u:\${env:PW}@h/d"`, `primary = "postgres://u:\${env:PW}@h/d"`],
    [`primary = "postgres:/u:pw@h/d"`, `primary = "***"`],
    [`primary = "postgres://u:pw\\h/d"`, `primary = "***"`],
    [
      `primary = "postgres://h/d?sslmode=require&pasword=pw&pw"`,
      `primary = "postgres://h/d?sslmode=require&pasword=***&***"`,
    ],
    [`primary = "postgres://h/d?password=pw"`, `primary = "postgres://h/d?password=***"`],
  ])("maskToml: %s", (text, expected) => {
    expect(masked(text)).toBe(expected);
  });

  test("maskToml: keeps every offset", () => {
    const text = `[admin]\ntoken = "a b" # c\n"x" = [1, "é"]\n`;
    expect(maskToml(text, harmlessKeys).length).toBe(text.length);
  });
});
