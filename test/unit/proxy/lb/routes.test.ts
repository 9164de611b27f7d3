/** Which upstream a host and a path lead to, as rows. */
import { expect, test } from "bun:test";
import { HttpHead } from "../../../../proxy/http/head.ts";
import { HTTP_LIMITS } from "../../../../proxy/http/limits.ts";
import { RequestParser } from "../../../../proxy/http/request-parser.ts";
import { Routes } from "../../../../proxy/lb/routes.ts";
import type { RouteSetup } from "../../../../proxy/lb/setup.ts";
import { bytesOf } from "../../../kit/http-wire.ts";

function headOf(host: string, path: string): HttpHead {
  const text = bytesOf(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const parser = new RequestParser(new HttpHead(), HTTP_LIMITS);
  expect(parser.parse(text, 0, text.length)).toBe(text.length);
  return parser.head;
}

function found(routes: Routes<string>, host: string, path: string): string {
  const routed = routes.find(headOf(host, path));
  return typeof routed === "string" ? routed : routed.to;
}

const TABLE: readonly RouteSetup[] = [
  { host: "shop.example", path: "/", upstream: "shop" },
  { host: "shop.example", path: "/api", upstream: "api" },
  { host: "shop.example", path: "/api/v2/", upstream: "v2" },
  { host: "*.example", path: "/", upstream: "below" },
  { host: "*.deep.example", path: "/", upstream: "deep" },
  { host: "only.example", path: "/here", upstream: "here" },
  { path: "/any", upstream: "any" },
];

const ROWS: readonly (readonly [host: string, path: string, upstream: string])[] = [
  ["shop.example", "/", "shop"],
  ["SHOP.example:8080", "/x", "shop"],
  ["shop.example.", "/x", "shop"],
  ["shop.example", "/api", "api"],
  ["shop.example", "/api/", "api"],
  ["shop.example", "/api/x?y=/z", "api"],
  ["shop.example", "/api?x", "api"],
  ["shop.example", "/apix", "shop"],
  ["shop.example", "/API", "shop"],
  ["shop.example", "/api/v2/x", "v2"],
  ["shop.example", "/api/v2", "api"],
  ["other.example", "/", "below"],
  ["a.deep.example", "/", "deep"],
  ["a.b.deep.example", "/", "deep"],
  ["deep.example", "/", "below"],
  ["example", "/", "unknown"],
  ["xexample", "/", "unknown"],
  ["shop.example.evil", "/", "unknown"],
  ["only.example", "/here/x", "here"],
  ["only.example", "/there", "below"],
  ["nobody", "/any/x", "any"],
  ["nobody", "/", "unknown"],
];

test.each(ROWS)("Routes: %s%s goes to %s", (host, path, upstream) => {
  expect(found(new Routes(TABLE, (name) => name), host, path)).toBe(upstream);
});

test("Routes: the order of the table does not matter, and of two equal ones the first counts", () => {
  const turned = new Routes([...TABLE].reverse(), (name) => name);
  for (const [host, path, upstream] of ROWS) expect(found(turned, host, path)).toBe(upstream);
  const twice = new Routes(
    [
      { path: "/", upstream: "one" },
      { path: "/", upstream: "two" },
    ],
    (name) => name,
  );
  expect(found(twice, "a", "/")).toBe("one");
});

const ODD: readonly (readonly [path: string, found: string])[] = [
  ["/api/../secret", "ambiguous"],
  ["/api/%2e%2e/secret", "ambiguous"],
  ["/api/..%2fsecret", "ambiguous"],
  ["/%61pi/x", "ambiguous"],
  ["//api/x", "ambiguous"],
  ["/./api/x", "ambiguous"],
  ["/x\\..\\api\\y", "ambiguous"],
  ["/api/a%2Fb", "api"],
  ["/api/%7Euser", "api"],
  ["/api/./x", "api"],
  ["/x/../y", "shop"],
  ["/a%2fb?q=%2e%2e/api", "shop"],
];

test.each(ODD)("Routes: %s, which could be read in two ways, is %s", (path, upstream) => {
  expect(found(new Routes(TABLE, (name) => name), "shop.example", path)).toBe(upstream);
});

test("Routes: where the path decides nothing, no path is ambiguous", () => {
  const routes = new Routes([{ path: "/", upstream: "all" }], (name) => name);
  for (const [path] of ODD) expect(found(routes, "a", path)).toBe("all");
});

test("Routes: OPTIONS * goes where / does, and a target without a path too", () => {
  const routes = new Routes(TABLE, (name) => name);
  for (const start of ["OPTIONS * HTTP/1.1", "GET http://shop.example HTTP/1.1"]) {
    const text = bytesOf(`${start}\r\nHost: shop.example\r\n\r\n`);
    const parser = new RequestParser(new HttpHead(), HTTP_LIMITS);
    parser.parse(text, 0, text.length);
    expect(routes.find(parser.head)).toEqual({ to: "shop" });
  }
});
