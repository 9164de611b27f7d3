import { describe, expect, test } from "bun:test";
import { parseUrl, type StoreUrl } from "../../../../src/config/url.ts";

const POSTGRES = ["postgres", "postgresql"];

describe("parseUrl", () => {
  test.each<[string, Partial<StoreUrl>]>([
    [
      "postgres://shop@db1:5432/shop",
      { user: "shop", hosts: [{ host: "db1", port: 5432 }], database: "shop", hasPassword: false },
    ],
    ["postgresql://shop:p%40ss@db1/shop", { hosts: [{ host: "db1" }], hasPassword: true }],
    ["postgres://db1", { hosts: [{ host: "db1" }], database: "" }],
    ["postgres:///shop?host=/run/postgresql", { hosts: [{ host: "" }], database: "shop" }],
    ["postgres://u@[::1]:5432/d", { hosts: [{ host: "[::1]", port: 5432 }] }],
    ["postgres://u@%2Frun%2Fpostgresql/d", { hosts: [{ host: "%2Frun%2Fpostgresql" }] }],
    [
      "postgres://u@a:1,b:2,c/d?target_session_attrs=any",
      { hosts: [{ host: "a", port: 1 }, { host: "b", port: 2 }, { host: "c" }] },
    ],
  ])("parseUrl: takes %s", (text, expected) => {
    expect(parseUrl(text, POSTGRES)).toMatchObject(expected);
  });

  test.each([
    ["db1:5432", "does not begin with"],
    ["postgre://db1/shop", "begins with postgre://"],
    ["mysql://hunter2@db1/shop", "begins with mysql://"],
    ["hunter2 secret://x", "begins with something else"],
    ["postgres://db1:0/shop", "port 0"],
    ["postgres://db1:65536/shop", "port 65536"],
    ["postgres://u:hunt/er2@db1/shop", "percent-encoded"],
    ["postgres://u:hunt@er2@db1/shop", "percent-encoded"],
    ["postgres://u:hunt#er2@db1/shop", "percent-encoded"],
    ["postgres://db 1/shop", "space"],
    ["postgres://u:hunt%er2@db1/shop", "%25"],
    ["postgres://db!1/shop", "not a name or an IP address"],
  ])("parseUrl: refuses %s and repeats no secret", (text, reason) => {
    const flaw = parseUrl(text, POSTGRES);
    expect(flaw).toContain(reason);
    expect(flaw).not.toContain("hunt");
  });
});
