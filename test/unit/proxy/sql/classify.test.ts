import { describe, expect, test } from "bun:test";
import { Classifier, NOTHING_LEFT, type Traces } from "../../../../proxy/sql/classify.ts";

const UTF8 = new TextEncoder();

function judge(sql: string, standardStrings = true): Traces {
  const bytes = UTF8.encode(sql);
  return new Classifier().classify(bytes, 0, bytes.length, standardStrings);
}

/** In two parts, cut at every place: must be the same. */
function judgeCut(sql: string, at: number, standardStrings = true): Traces {
  const bytes = UTF8.encode(sql);
  const classifier = new Classifier();
  classifier.begin(standardStrings);
  classifier.feed(bytes, 0, at);
  classifier.feed(bytes, at, bytes.length);
  return classifier.finish();
}

const INNOCENT: readonly string[] = [
  "",
  ";;",
  "select abalance from pgbench_accounts where aid = 12345;",
  "select 'listen a'",
  "select $$ listen a; $$",
  "select $q$ $$ ; listen a $q$",
  "select E'\\'; listen a; --'",
  "select 'it''s; listen a'",
  'select "listen" from t',
  "select 1 -- ; listen a",
  "select 1 /* ; listen a /* nested */ ; load 'x' */",
  "update t set x = 1",
  "select * from temp",
  "insert into temp values (1)",
  "select temp from weather",
  "create table temporary_things (a int)",
  "set local work_mem = '1MB'",
  "set transaction isolation level serializable",
  "set constraints all deferred",
  "begin; commit",
  "prepare transaction 'x'",
  "declare c cursor without hold for select 1",
  "declare c cursor for select 1",
  "select set_config('a.b', $1, true)",
  "select my_pg_advisory_lock(1)",
  "explain analyze select 1",
  "explain (analyze, verbose) select 1",
  "select 1 as listen",
  "select setting from pg_settings for update",
  "insert into t values (1) on conflict (a) do update set b = 2",
  "alter role x set search_path = a",
  "create function f() returns int as $$ select pg_advisory_lock(1) $$ language sql",
];

describe("classify: leaves nothing", () => {
  for (const sql of INNOCENT) test(sql, () => expect(judge(sql)).toBe(NOTHING_LEFT));
});

const HOLDS: readonly (readonly [Traces["holds"], string])[] = [
  ["listen", "listen a"],
  ["listen", "  /* x */ -- y\n LISTEN a"],
  ["listen", "select 1; listen a"],
  ["listen", "select ';'; listen a"],
  ["listen", "select $$;$$; listen a"],
  ["listen", "select E'\\\\'; listen a"],
  ["listen", "select 'a' 'b'; listen a"],
  ["listen", "select U&'\\0061'; listen a"],
  ["listen", "select 1 /* /* */ ; */ ; listen a"],
  ["listen", "select $1; listen a"],
  ["listen", "select $a; listen a"],
  ["temporary", "create temp table t (a int)"],
  ["temporary", "create temporary view v as select 1"],
  ["temporary", "create or replace temp view v as select 1"],
  ["temporary", "create local temp table t (a int)"],
  ["temporary", "select 1 into temp t"],
  ["temporary", "select 1 into local temporary t"],
  ["temporary", "explain analyze create temp table t as select 1"],
  ["temporary", "create function pg_temp.f() returns int as 'select 1' language sql"],
  ["advisory_lock", "select pg_advisory_lock(1)"],
  ["advisory_lock", "select PG_TRY_ADVISORY_LOCK(1)"],
  ["advisory_lock", "select pg_catalog.pg_advisory_lock_shared(1)"],
  ["advisory_lock", 'select "pg_advisory_lock"(1)'],
  ["advisory_lock", "select E'\\'', pg_advisory_lock(1)"],
  ["advisory_lock", "select E'a'\n'\\'', pg_advisory_lock(1)"],
  ["hold", "declare c cursor with hold for select 1"],
  ["hold", "declare c binary insensitive cursor WITH HOLD for select 1"],
  ["prepare", "prepare z as select 1"],
  ["prepare", 'prepare "z" as select 1'],
  ["role", "set role x"],
  ["role", "set session authorization x"],
  ["role", "select set_config('role', 'x', false)"],
  ["load", "load 'auto_explain'"],
  ["temporary", "set search_path = pg_temp, public"],
  ["temporary", "set local search_path to 'pg_temp'"],
  ["setting", "update pg_settings set setting = 'a' where name = 'b'"],
  ["setting", 'with x as (update only "pg_catalog"."pg_settings" set setting = 1 returning 1) select * from x'],
  ["setting", "select set_config($1, $2, false)"],
  ["setting", "select set_config('a' || 'b', 'c', false)"],
  ["setting", "select set_config(name, 'c', true) from t, set_config(name, 'd', false)"],
];

describe("classify: may hold what only a session can", () => {
  for (const [holds, sql] of HOLDS) test(sql, () => expect(judge(sql)).toMatchObject({ holds, ask: true }));
});

const SETTINGS: readonly (readonly [string, readonly string[]])[] = [
  ["set search_path = a, b", ["search_path"]],
  ["SET Search_Path TO a", ["search_path"]],
  ["set session statement_timeout to '5s'", ["statement_timeout"]],
  ['set "Work_Mem" = 1', ["work_mem"]],
  ["set shop.tenant = 'a'", ["shop.tenant"]],
  ['set "shop"."tenant" to a', ["shop.tenant"]],
  ["set time zone 'UTC'", ["timezone"]],
  ["set names 'UTF8'", ["client_encoding"]],
  ["set schema 'x'", ["search_path"]],
  ["set a = 1; select 1; set b = 2; reset c", ["a", "b", "c"]],
  ["select set_config('a.b', 'x', false)", ["a.b"]],
  ["select pg_catalog.set_config('search_path', '', false)", ["search_path"]],
  ["select set_config('A'::text, f(1, 2), is_local)", ["a"]],
  ["select set_config('a', 'b', true), set_config('c', 'd', false)", ["c"]],
  [
    "set session characteristics as transaction read only",
    ["default_transaction_isolation", "default_transaction_read_only", "default_transaction_deferrable"],
  ],
];

describe("classify: names the settings that it may change", () => {
  for (const [sql, settings] of SETTINGS) {
    test(sql, () => expect(judge(sql)).toMatchObject({ settings, unknownSetting: false, holds: undefined }));
  }
});

test("classify: RESET, and SET to the default, are told apart", () => {
  expect(judge("reset work_mem").resets).toEqual(["work_mem"]);
  expect(judge("reset time zone").resets).toEqual(["timezone"]);
  expect(judge("set work_mem to default").resets).toEqual(["work_mem"]);
  expect(judge("set time zone default").resets).toEqual(["timezone"]);
  expect(judge("set work_mem = '1MB'").resets).toEqual([]);
  expect(judge("reset all")).toMatchObject({ allSettings: true, ask: false });
});

test("classify: a search path of the transaction is told of, and asked for by nobody", () => {
  for (const sql of [
    "set local search_path = a",
    "set local schema 'a'",
    "select set_config('search_path', $1, true)",
  ]) {
    expect(judge(sql)).toEqual({ ...NOTHING_LEFT, locally: true });
  }
});

test("classify: what is let go of is asked about, and holds nothing", () => {
  for (const sql of [
    "unlisten *",
    "close all",
    "select pg_advisory_unlock_all()",
    "discard temp",
    "do $$ $$",
    "call f()",
  ]) {
    expect(judge(sql)).toMatchObject({ ask: true, holds: undefined });
  }
});

test("classify: DEALLOCATE and DISCARD ALL", () => {
  expect(judge("discard all")).toMatchObject({ deallocates: true, allSettings: true, deallocated: undefined });
  expect(judge("deallocate all")).toMatchObject({ deallocates: true, deallocated: undefined });
  expect(judge("deallocate prepare all")).toMatchObject({ deallocates: true, deallocated: undefined });
  expect(judge("deallocate S1")).toMatchObject({ deallocates: true, deallocated: "s1" });
  expect(judge('deallocate prepare "S1"')).toMatchObject({ deallocated: "S1" });
  expect(judge("deallocate a; select 1")).toMatchObject({ deallocates: true, deallocated: undefined });
});

test("classify: without standard_conforming_strings a backslash hides a quote", () => {
  const sql = "select '\\', listen a; --'; listen b";
  expect(judge(sql, false).holds).toBe("listen");
  expect(judge("select '\\'; listen a; --'", false)).toBe(NOTHING_LEFT);
  expect(judge("select '\\'; listen a; --'", true).holds).toBe("listen");
});

test("classify: the same however the text is cut", () => {
  const all = [...INNOCENT, ...HOLDS.map(([, sql]) => sql), ...SETTINGS.map(([sql]) => sql)];
  for (const sql of all) {
    const whole = judge(sql);
    for (let at = 0; at <= UTF8.encode(sql).length; at++) expect(judgeCut(sql, at)).toEqual(whole);
  }
});

test("classify: words, names and strings of any length", () => {
  const long = "x".repeat(1_000);
  for (const sql of [`select ${long}`, `select "${long}"`, `select '${long}'`, `select $${long}$ a $${long}$`]) {
    expect(judge(`${sql}; listen a`).holds).toBe("listen");
  }
});
