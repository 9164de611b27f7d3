import { describe, expect, test } from "bun:test";
import { checkDestination, completeDestination, URL_LENGTH_MAX } from "../../../../src/demo/destination.ts";
import { Refusal } from "../../../../src/demo/refusal.ts";

describe("checkDestination: keeps what is plain, as it was written", () => {
  const plain = [
    "https://example.com",
    "https://example.com/",
    "http://example.com:8080/a/b?c=d&e=f#g",
    "HTTPS://Example.COM/Path",
    "https://example.com/%0d%0aSet-Cookie:%20a=b",
    "https://example.com/it's(really)*fine;x=1,2",
    "http://[::1]:3000/",
    "https://xn--bcher-kva.example/",
    `https://example.com/${"a".repeat(URL_LENGTH_MAX - 20)}`,
  ];
  for (const url of plain) test(url.slice(0, 60), () => expect(checkDestination(url)).toBe(url));
});

describe("checkDestination: writes the rest as the URL standard does", () => {
  const rows = [
    ["  https://example.com/a \n", "https://example.com/a"],
    ["https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"],
    ["https://example.com/a b", "https://example.com/a%20b"],
    ['https://example.com/"><script>', "https://example.com/%22%3E%3Cscript%3E"],
    ["https://example.com\\@evil.example/", "https://example.com/@evil.example/"],
    ["https://example.com/{x}|^`", "https://example.com/%7Bx%7D|%5E%60"],
  ] as const;
  for (const [url, kept] of rows) test(url, () => expect(checkDestination(url)).toBe(kept));
});

describe("checkDestination: refuses", () => {
  const bad: readonly unknown[] = [
    undefined,
    null,
    7,
    {},
    ["https://example.com"],
    "",
    "   ",
    "example.com",
    "/relative",
    "//example.com",
    "javascript:alert(1)",
    " JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "ftp://example.com",
    "mailto:a@example.com",
    "https:",
    "https://",
    "https:example.com",
    "https:/example.com",
    "https:///example.com",
    "https:\\\\example.com",
    "https://user@example.com",
    "https://user:word@example.com",
    "https://example.com@evil.example",
    "https://exa mple.com",
    "https://example.com/\r\nSet-Cookie: a=b",
    "https://exam\tple.com/",
    "https://example.com/\u0000",
    "java\nscript:alert(1)",
    `https://example.com/${"a".repeat(URL_LENGTH_MAX - 19)}`,
    `https://example.com/${"ü".repeat(URL_LENGTH_MAX / 4)}`,
  ];
  for (const value of bad) {
    test(JSON.stringify(value)?.slice(0, 60) ?? "undefined", () => {
      const said = checkDestination(value);
      expect(said).toBeInstanceOf(Refusal);
      expect(said).toMatchObject({ code: "bad_url", status: 400 });
    });
  }
});

describe("completeDestination: adds the https that people leave out", () => {
  const rows = [
    ["example.com", "https://example.com"],
    [" www.example.com/a?b ", "https://www.example.com/a?b"],
    ["example.com:8080/x", "https://example.com:8080/x"],
    ["127.0.0.1:3000", "https://127.0.0.1:3000"],
    ["https://example.com", "https://example.com"],
    ["http://example.com", "http://example.com"],
    ["javascript:alert(1)", "javascript:alert(1)"],
    ["javascript:alert.call(1)", "javascript:alert.call(1)"],
    ["word", "word"],
    ["", ""],
  ] as const;
  for (const [typed, meant] of rows) test(`"${typed}"`, () => expect(completeDestination(typed)).toBe(meant));
});
