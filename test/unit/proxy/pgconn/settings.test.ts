import { describe, expect, test } from "bun:test";
import {
  ClientSettings,
  differenceText,
  LinkSettings,
  quoted,
  SETTINGS_MAX,
  startupSettings,
  startupText,
} from "../../../../proxy/pgconn/settings.ts";

const OPTIONS: readonly (readonly [string, Record<string, string> | undefined])[] = [
  ["", {}],
  ["-c a=b", { a: "b" }],
  ["-ca=b", { a: "b" }],
  ["--a=b", { a: "b" }],
  ["--statement-timeout=5s", { statement_timeout: "5s" }],
  ["  -c  search_path=a\\ b,c ", { search_path: "a b,c" }],
  ["-c a=\\\\x", { a: "\\x" }],
  ["-c A=b -c a=c", { a: "c" }],
  ["-c a=", { a: "" }],
  ["-c a=b=c", { a: "b=c" }],
  ["-c", undefined],
  ["-c a", undefined],
  ["--=b", undefined],
  ["-S 5", undefined],
  ["a=b", undefined],
];

describe("startupSettings: options", () => {
  for (const [options, wanted] of OPTIONS) {
    test(JSON.stringify(options), () => {
      const settings = startupSettings([["options", options]]);
      expect(settings === undefined ? undefined : Object.fromEntries(settings)).toEqual(wanted);
    });
  }
});

test("startupSettings: parameters stand above options, and what is no setting is left out", () => {
  const settings = startupSettings([
    ["user", "u"],
    ["database", "d"],
    ["replication", "false"],
    ["_pq_.x", "y"],
    ["TimeZone", "UTC"],
    ["options", "-c timezone=GMT -c work_mem=1MB"],
  ]);
  expect([...(settings ?? [])]).toEqual([
    ["timezone", "UTC"],
    ["work_mem", "1MB"],
  ]);
});

test("startupSettings: too many, or a name that is not ASCII, are refused", () => {
  const many = Array.from({ length: SETTINGS_MAX + 1 }, (_, at) => [`a.b${at}`, "x"] as const);
  expect(startupSettings(many)).toBeUndefined();
  expect(startupSettings(many.slice(1))?.size).toBe(SETTINGS_MAX);
  expect(startupSettings([["é", "x"]])).toBeUndefined();
});

const QUOTED: readonly (readonly [string, string])[] = [
  ["a", "'a'"],
  ["", "''"],
  ["it's", "'it''s'"],
  ["\\", "E'\\\\'"],
  ["\\'; drop table t; --", "E'\\\\''; drop table t; --'"],
  ["ä", "pg_catalog.convert_from(pg_catalog.decode('c3a4','hex'),'UTF8')"],
  ["ä'", "pg_catalog.convert_from(pg_catalog.decode('c3a427','hex'),'UTF8')"],
];

describe("quoted: is ASCII and ends nowhere early", () => {
  for (const [text, sql] of QUOTED) test(JSON.stringify(text), () => expect(quoted(text)).toBe(sql));
});

test("differenceText: only what differs, and what the client does not want is reset", () => {
  const [link, client] = [new LinkSettings(), new ClientSettings(new Map([["b", "2"]]))];
  link.set("a.x", "1");
  link.set("b", "2");
  link.set("c", "3");
  client.set("c", "4");
  expect(link.key === client.key).toBe(false);
  expect(differenceText(link, client)).toBe(`RESET "a"."x";SELECT pg_catalog.set_config('c','4',false)`);
  link.become(client);
  expect(link.key).toBe(client.key);
});

test("keys: the same settings in any order are the same, others are not", () => {
  const [one, other] = [new ClientSettings(new Map()), new ClientSettings(new Map())];
  one.set("a", "1");
  one.set("b", "2");
  other.set("b", "2");
  other.set("a", "1");
  expect(one.key).toBe(other.key);
  other.set("a", "1\0b=2");
  expect(one.key === other.key).toBe(false);
});

test("ClientSettings: RESET goes back to the start", () => {
  const client = new ClientSettings(new Map([["a", "1"]]));
  client.set("a", "2");
  client.set("b", "3");
  client.reset("a");
  client.reset("b");
  expect([...client.values]).toEqual([["a", "1"]]);
  expect(startupText(client, ["a"])).toBe("SELECT pg_catalog.set_config('a','1',false)");
});

test("LinkSettings: knows what was reported before anybody changed it", () => {
  const link = new LinkSettings();
  expect(link.isBase("timezone", "Asia/Tokyo", "UTC")).toBe(false);
  expect(link.isBase("timezone", "UTC", "Asia/Tokyo")).toBe(true);
});
