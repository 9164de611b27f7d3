import { expect, test } from "bun:test";
import { serverOf } from "../../../../src/setup/store-url.ts";

test.each([
  ["postgres://u@h/d", { address: { host: "h", port: 5432 }, user: "u", database: "d", sslMode: "prefer" }],
  ["postgresql://u:p%40ss@h:6000", { address: { host: "h", port: 6000 }, database: "u", password: "p@ss" }],
  ["postgres://u@[::1]:5433/d", { address: { host: "::1", port: 5433 } }],
  ["postgres://u@%2Frun%2Fpg/d", { address: { path: "/run/pg/.s.PGSQL.5432" }, sslMode: "disable" }],
  ["postgres://u@/d?host=/run/pg&port=6000", { address: { path: "/run/pg/.s.PGSQL.6000" } }],
  ["postgres://u@h/d?sslmode=verify-full", { sslMode: "verify-full" }],
  ["postgres://h/d?user=x&password=y", { user: "x", password: "y" }],
  [
    "postgres://u@h/d?options=-c%20a%3Db&application_name=me",
    { parameters: { options: "-c a=b", application_name: "me" } },
  ],
  ["postgres://u@h/d?connect_timeout=3&gssencmode=disable", { connectTimeoutMs: 3_000 }],
])("serverOf: reads %p", (url, wanted) => expect(serverOf(url, "main")).toMatchObject(wanted as never));

test.each([
  "postgres://u@one,two/d",
  "postgres://u@h/d?sslmode=maybe",
  "postgres://u@h/d?channel_binding=require",
  "postgres://u@h/d?nonsense=1",
  "postgres://u@h/d?port=0",
  "postgres://u@h/d?connect_timeout=soon",
  "postgres://u@h/d?sslrootcert=/nowhere/ca.pem",
])("serverOf: refuses %p and repeats nothing of it but a parameter's name", (url) => {
  expect(() => serverOf(url, "main")).toThrow("Cannot use the URL of postgres.main: ");
  try {
    serverOf(url.replace("u@", "u:hunter2@"), "main");
  } catch (error) {
    expect(String(error)).not.toContain("hunter2");
  }
});
