import { describe, expect, test } from "bun:test";
import { isWholeReference, looksSecret, maskUrls } from "../../../../src/config/mask-url.ts";

describe("maskUrls", () => {
  test.each([
    ["postgres://u:secret@h/d", "postgres://u:***@h/d"],
    ["redis://:secret@h", "redis://:***@h"],
    ["postgres://u:${env:PW}@h/d?password=${file:x}", "postgres://u:${env:PW}@h/d?password=${file:x}"],
    [
      "postgres://h/d?sslmode=require&sslpassword=x&Other=y&z",
      "postgres://h/d?sslmode=require&sslpassword=***&***&***",
    ],
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
    ["scale-app@", false],
    ["./node_modules/@scope/server.ts", false],
    ["postgresu:secret@h", true],
    ["postgres?password=secret", true],
    ["http://0.0.0.0:6432", false],
    ["postgres://a:1,b:2/d?host=/run", false],
    ["postgres://[::1]:5432/d", false],
    ["postgres://u:secret h/d", true],
    ["postgres://h/d?pass word=secret", true],
    ["postgres://u:secret\\h/d", true],
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
