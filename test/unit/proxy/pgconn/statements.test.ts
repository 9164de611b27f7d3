import { describe, expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import {
  ClientStatements,
  foreignName,
  LinkStatements,
  Statements,
  UnnamedStatement,
} from "../../../../proxy/pgconn/statements.ts";
import { NOTHING_LEFT } from "../../../../proxy/sql/classify.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const intern = (statements: Statements, text: string) => {
  const body = bytes(text);
  return statements.intern(body, 0, body.length, { traces: NOTHING_LEFT, meaning: "" });
};
const LIMITS = { entriesMax: 3, bytesMax: 100 };

test("Statements: one text is one statement, until nobody has it", () => {
  const statements = new Statements();
  const one = intern(statements, "select 1");
  expect(intern(statements, "select 1")).toBe(one);
  expect(intern(statements, "select 2")).not.toBe(one);
  statements.use(one);
  statements.use(one);
  statements.leave(one);
  expect(statements.byId(one.id)).toBe(one);
  statements.leave(one);
  expect(statements.byId(one.id)).toBeUndefined();
  expect(intern(statements, "select 1")).not.toBe(one);
});

test("Statements: one whose plan is stale is another from then on, and the old one stays stale", () => {
  const statements = new Statements();
  const old = intern(statements, "select * from t");
  statements.use(old);
  statements.retire(old);
  const fresh = intern(statements, "select * from t");
  expect(fresh).not.toBe(old);
  expect([old.isStale, fresh.isStale]).toEqual([true, false]);
  statements.leave(old);
  expect(intern(statements, "select * from t")).toBe(fresh);
});

test("Statements: their texts together are bounded", () => {
  const statements = new Statements(20);
  statements.use(intern(statements, "x".repeat(15)));
  expect(statements.hasRoom(5)).toBe(true);
  expect(statements.hasRoom(6)).toBe(false);
});

test("ClientStatements: finds, bounds, forgets", () => {
  const statements = new Statements();
  const names = new ClientStatements(statements, LIMITS);
  const [a, b] = [bytes("a"), bytes("b")];
  names.add(a, intern(statements, "select 1"));
  expect(names.find(a, 0, 1)?.id).toBe(1);
  expect(names.find(b, 0, 1)).toBeUndefined();
  expect(names.hasRoom(100)).toBe(false);
  names.doubt();
  names.add(b, intern(statements, "select 2"));
  names.forget();
  expect([names.find(a, 0, 1)?.id, names.find(b, 0, 1)?.id]).toEqual([undefined, 2]);
  expect(names.delete(b)?.id).toBe(2);
  expect([names.size, statements.size]).toEqual([0, 0]);
});

test("ClientStatements: what comes back after the end stays away", () => {
  const statements = new Statements();
  const names = new ClientStatements(statements, LIMITS);
  const one = intern(statements, "select 1");
  names.add(bytes("a"), one);
  names.close();
  names.add(bytes("a"), one);
  expect([names.size, statements.size]).toEqual([0, 0]);
});

test("ClientStatements: names of one hash are told apart", () => {
  const statements = new Statements();
  const names = new ClientStatements(statements, { entriesMax: 10_000, bytesMax: 10_000_000 });
  for (let at = 0; at < 5_000; at++) names.add(bytes(`name ${at}`), intern(statements, `select ${at}`));
  for (let at = 0; at < 5_000; at++) {
    const name = bytes(`name ${at}`);
    expect(names.find(name, 0, name.length)?.id).toBe(at + 1);
  }
  names.close();
  expect(statements.size).toBe(0);
});

test("LinkStatements: the one unused for longest is trimmed, and doubt makes nothing known", () => {
  const statements = new Statements();
  const link = new LinkStatements(statements, 2);
  const [one, two, three] = ["1", "2", "3"].map((text) => intern(statements, text));
  for (const statement of [one, two, three]) if (statement !== undefined) link.add(statement);
  if (one === undefined || two === undefined || three === undefined) throw new Error("no statements");
  expect(link.has(one)).toBe(true);
  expect(link.trim()).toEqual(two.name);
  expect(link.trim()).toBeUndefined();
  link.doubtOne(one);
  expect([link.has(one), link.size]).toEqual([false, 2]);
  link.doubt();
  link.add(one);
  expect([link.has(one), link.has(three)]).toEqual([true, false]);
  link.forget();
  expect(link.size).toBe(1);
  link.clear();
  expect(statements.size).toBe(0);
});

test("UnnamedStatement: what the server skipped is not there", () => {
  const budget = new Budget(1 << 20);
  const unnamed = new UnnamedStatement(budget);
  const [short, long] = [bytes("select 1"), new Uint8Array(10_000)];
  unnamed.set(short, 0, short.length, NOTHING_LEFT);
  unnamed.taken(unnamed.serial);
  unnamed.skipped(0);
  expect(unnamed.serial).toBe(1);
  unnamed.set(long, 0, long.length, NOTHING_LEFT);
  expect(budget.lentBytes).toBeGreaterThan(0);
  unnamed.skipped(2);
  expect(unnamed.serial).toBe(0);
  unnamed.taken(2);
  expect(unnamed.serial).toBe(2);
  unnamed.close();
  expect(budget.lentBytes).toBe(0);
});

describe("UnnamedStatement: behind an error there is", () => {
  const ROWS: readonly (readonly [what: string, run: (unnamed: UnnamedStatement) => void, serial: number])[] = [
    ["what the message that would have ended it did not end", (it) => it.skipped(it.clear()), 1],
    ["nothing when that was done before", (it) => (it.taken(it.clear()), it.skipped(0)), 0],
    ["nothing when that will be done behind it", (it) => (it.clear(), it.skipped(0)), 0],
    ["what will be prepared behind it", (it) => (it.set(bytes("x"), 0, 1, NOTHING_LEFT), it.skipped(0)), 2],
    ["nothing when the server refused to prepare", (it) => (it.set(bytes("x"), 0, 1, NOTHING_LEFT), it.refused(2)), 0],
    ["nothing when it refused before", (it) => (it.refused(1), it.skipped(it.clear())), 0],
  ];
  for (const [what, run, serial] of ROWS) {
    test(what, () => {
      const unnamed = new UnnamedStatement(new Budget(1 << 20));
      unnamed.set(bytes("select 1"), 0, 8, NOTHING_LEFT);
      unnamed.taken(1);
      run(unnamed);
      expect(unnamed.serial).toBe(serial);
    });
  }
});

test("foreignName: names that look like ours", () => {
  expect(foreignName(bytes("scale_1"), 0)).toBe(true);
  expect(foreignName(bytes("scal"), 0)).toBe(false);
});
