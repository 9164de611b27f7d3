/**
 * Clients that share the links to a real Postgres: what one of them has made of its session (settings that a text is read by,
 * and what only a session can hold) is never what another meets.
 */
import { afterAll, afterEach, beforeAll, describe, expect } from "bun:test";
import { needs } from "../kit/needs.ts";
import { SharedLink } from "../kit/pool-sharing.ts";

const { test, path } = needs("postgres");
let shared: SharedLink;

beforeAll(async () => {
  shared = await SharedLink.begin(path("postgres"));
}, 60_000);

afterEach(() => shared.empty());
afterAll(() => shared.end());

/** One text that two clients prepare, and the start-up setting by which each reads it. */
const MEANINGS: readonly (readonly [string, string, readonly [string, string], readonly [string, string]])[] = [
  [
    "TimeZone",
    "select extract(epoch from timestamptz '2020-01-01')::int8",
    ["UTC", "1577836800"],
    ["Asia/Tokyo", "1577804400"],
  ],
  ["DateStyle", "select date '01/02/2020'", ["ISO, MDY", "2020-01-02"], ["ISO, DMY", "2020-02-01"]],
  ["client_encoding", "select length('é')", ["LATIN1", "2"], ["UTF8", "1"]],
  ["search_path", "select * from t", ["one", "1"], ["two", "2|two"]],
];

describe("a text that two clients prepare is read by each one's own settings", () => {
  for (const [name, text, one, other] of MEANINGS) {
    test(name, async () => {
      const rows = await shared.twoPrepare(name, text, [one[0], other[0]]);
      expect(rows).toEqual([one[1], other[1]]);
    });
  }

  test("also when they have SET it since, and get another link", async () => {
    const text = "select extract(epoch from timestamptz '2021-01-01')::int8";
    const [one, other] = [await shared.client({ timezone: "UTC" }), await shared.client({ timezone: "UTC" })];
    await one.prepare("s", text);
    await one.ask("set timezone = 'Asia/Tokyo'");
    await other.ask("deallocate all");
    await one.run("s");
    await other.prepare("s", text);
    expect(await other.run("s")).toEqual(["1609459200"]);
  });

  test("also behind a SET of the transaction that prepares it", async () => {
    const [one, other] = [await shared.client({ search_path: "one" }), await shared.client({ search_path: "one" })];
    await one.ask("begin");
    await one.ask("set search_path = two");
    await one.prepare("s", "select * from t limit 5");
    expect(await one.run("s")).toEqual(["2|two"]);
    await one.ask("rollback");
    await other.prepare("s", "select * from t limit 5");
    expect(await other.run("s")).toEqual(["1"]);
  });
});

test("a text that is prepared behind a SET LOCAL, in one pipeline, is nobody else's", async () => {
  const text = "select date '03/04/2020'";
  const [one, other] = [await shared.client({ datestyle: "ISO, MDY" }), await shared.client({ datestyle: "ISO, MDY" })];
  await one.prepareBehind("begin; set local datestyle = 'ISO, DMY'", "s", text);
  await one.ask("commit");
  await other.prepare("s", text);
  expect(await other.run("s")).toEqual(["2020-03-04"]);
});

test("a text that is prepared under a search path of the transaction is nobody else's", async () => {
  const text = "select * from t limit 7";
  const [one, other] = [await shared.client({}), await shared.client({})];
  for (const [client, path, row] of [
    [one, "one", "1"],
    [other, "two", "2|two"],
  ] as const) {
    await client.ask("begin");
    await client.ask(`set local search_path = ${path}`);
    await client.prepare("s", text);
    expect(await client.run("s")).toEqual([row]);
    await client.ask("commit");
  }
});

describe("what only a session can hold stays with its client", () => {
  const HIDDEN: readonly (readonly [string, string])[] = [
    ["an advisory lock of a DO block", "do $$ begin perform pg_advisory_lock(7); end $$"],
    ["a temporary table of a DO block", "do $$ begin create temp table hidden (a int); end $$"],
    ["a table in a search path that begins with pg_temp", "set search_path = pg_temp; create table hidden (a int)"],
    ["a setting by UPDATE of pg_settings", "update pg_settings set setting = 'off' where name = 'enable_seqscan'"],
  ];
  for (const [what, sql] of HIDDEN) {
    test(what, async () => {
      const [one, other] = [await shared.client({}), await shared.client({})];
      await one.ask(sql);
      expect(await other.ask(LEFT)).toEqual(["0|0|on"]);
    });
  }

  test("an advisory lock that a function call takes", async () => {
    const [one, other] = [await shared.client({}), await shared.client({})];
    await one.lockByCall(7);
    expect(await other.ask(LEFT)).toEqual(["0|0|on"]);
  });
});

test("a setting that a function made, and that died with its client's transaction, is not believed to be there", async () => {
  const maker = await shared.client({});
  await maker.ask(
    "create or replace function tokyo() returns text language sql as $$ select set_config('TimeZone', 'Asia/Tokyo', false) $$",
  );
  await maker.ask("begin");
  await maker.ask("select tokyo()");
  await shared.empty();
  const next = await shared.client({ timezone: "Asia/Tokyo" });
  expect(await next.ask("show timezone")).toEqual(["Asia/Tokyo"]);
});

test("DEALLOCATE in a failed transaction deallocates nothing", async () => {
  const one = await shared.client({});
  await one.prepare("s", "select 5");
  await one.ask("begin");
  await one.ask("select nope").catch(() => undefined);
  await one.ask("deallocate s").catch(() => undefined);
  await one.ask("rollback");
  expect(await one.run("s")).toEqual(["5"]);
});

const LEFT =
  "select (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())," +
  " (select count(*) from pg_class where relname = 'hidden' and relnamespace = pg_my_temp_schema())," +
  " current_setting('enable_seqscan')";
