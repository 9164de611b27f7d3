import { describe, expect, test } from "bun:test";
import { readLimit, readNewLink, readSite, readTyped } from "../../../../src/demo/request.ts";

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";
const url = "https://example.com/";

describe("readNewLink: takes", () => {
  const rows: readonly (readonly [string, string | undefined, string, object])[] = [
    ["JSON", JSON_TYPE, `{"url":"${url}"}`, { url }],
    ["JSON without a type", undefined, `{"url":"${url}"}`, { url }],
    ["JSON that says it is a form, as curl -d does", FORM, ` {"url":"${url}"}`, { url }],
    [
      "slug and owner",
      JSON_TYPE,
      `{"url":"${url}","slug":"mine","owner":"Ada L."}`,
      { url, slug: "mine", owner: "Ada L." },
    ],
    ["null as absent", JSON_TYPE, `{"url":"${url}","slug":null,"owner":null}`, { url }],
    ["fields it does not know", JSON_TYPE, `{"url":"${url}","__proto__":{"slug":"x"},"more":1}`, { url }],
    ["a form", FORM, `url=${encodeURIComponent(url)}&slug=mine`, { url, slug: "mine" }],
    ["a form with a charset", `${FORM}; charset=utf-8`, `url=${encodeURIComponent(url)}`, { url }],
    ["empty fields of a form as absent", FORM, `url=${encodeURIComponent(url)}&slug=&owner=+`, { url }],
    ["a host alone in a form", FORM, "url=example.com%2Fa", { url: "https://example.com/a" }],
  ];
  for (const [name, type, body, wanted] of rows) {
    test(name, () => expect(readNewLink(type, body)).toEqual(wanted as never));
  }
});

describe("readNewLink: refuses", () => {
  const rows: readonly (readonly [string, string | undefined, string, string])[] = [
    ["nothing", JSON_TYPE, "", "bad_json"],
    ["half of JSON", JSON_TYPE, '{"url":', "bad_json"],
    ["a list", JSON_TYPE, "[]", "bad_json"],
    ["a text", JSON_TYPE, '"https://example.com/"', "bad_json"],
    ["null", JSON_TYPE, "null", "bad_json"],
    ["a form that says it is JSON", JSON_TYPE, "url=https://example.com/", "bad_json"],
    ["no url", JSON_TYPE, "{}", "bad_url"],
    ["a host alone in JSON", JSON_TYPE, '{"url":"example.com"}', "bad_url"],
    ["javascript in a form", FORM, "url=javascript:alert(1)", "bad_url"],
    ["an empty form", FORM, "", "bad_url"],
    ["an empty slug in JSON", JSON_TYPE, `{"url":"${url}","slug":""}`, "bad_slug"],
    ["a slug that is a list", JSON_TYPE, `{"url":"${url}","slug":["a"]}`, "bad_slug"],
    ["a slug that is taken by the site", JSON_TYPE, `{"url":"${url}","slug":"links"}`, "slug_reserved"],
    ["an owner with a NUL", JSON_TYPE, `{"url":"${url}","owner":"a\\u0000"}`, "bad_owner"],
    ["an owner that is too long", JSON_TYPE, `{"url":"${url}","owner":"${"a".repeat(65)}"}`, "bad_owner"],
    ["an owner that is a number", JSON_TYPE, `{"url":"${url}","owner":7}`, "bad_owner"],
  ];
  for (const [name, type, body, code] of rows) {
    test(name, () => expect(readNewLink(type, body)).toMatchObject({ code }));
  }
});

describe("readLimit", () => {
  const good = [
    [undefined, 20],
    ["1", 1],
    ["100", 100],
  ] as const;
  for (const [text, limit] of good) test(`${text} is ${limit}`, () => expect(readLimit(text)).toBe(limit));
  for (const text of ["", "0", "101", "-1", "1.5", "1e1", "ten", "1;drop", ["1", "2"], "99999999999"]) {
    test(`refuses ${JSON.stringify(text)}`, () => expect(readLimit(text)).toMatchObject({ code: "bad_limit" }));
  }
});

describe("readSite", () => {
  const shown = ["example.com", "example.com:8080", "127.0.0.1:3000", "[::1]:3000", "localhost"];
  for (const host of shown) test(`shows ${host}`, () => expect(readSite(host)).toBe(host));
  for (const host of [undefined, "", "<b>", 'a"b', "a b", "a/b", "a:b", "a@b", "[x]", "a".repeat(300)]) {
    test(`does not show ${host}`, () => expect(readSite(host)).toBe(""));
  }
});

test("readTyped: gives back what stood in the form, whatever it was", () => {
  expect(readTyped("url=%3Cb%3E&slug=a%2Fb")).toEqual({ url: "<b>", slug: "a/b" });
  expect(readTyped("{]")).toEqual({ url: "", slug: "" });
});
