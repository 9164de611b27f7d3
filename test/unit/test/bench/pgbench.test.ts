import { expect, test } from "bun:test";
import { readPgbench } from "../../../bench/pgbench.ts";
import { keepsStatements } from "../../../bench/pool-peers.ts";

const said = (failed: number) => `pgbench (15.18)
transaction type: select-only.sql
scaling factor: 1
query mode: prepared
number of clients: 64
number of threads: 1
maximum number of tries: 1
duration: 1 s
number of transactions actually processed: 4441
number of failed transactions: ${failed} (0.000%)
latency average = 14.410 ms
initial connection time = 21.002 ms
tps = 4441.345678 (without initial connection time)
`;

test("readPgbench: reads transactions, their rate and the mean", () => {
  expect(readPgbench(said(0))).toEqual({ requests: 4_441, perSecond: 4_441.345_678, meanMs: 14.41 });
});

test("readPgbench: refuses a run with failed transactions, and what it cannot read", () => {
  expect(() => readPgbench(said(3))).toThrow("3 transactions failed");
  expect(() => readPgbench("pgbench: error")).toThrow("Cannot read");
});

test("keepsStatements: PgBouncer does from 1.21 on", () => {
  const versions = ["PgBouncer 1.18.0", "PgBouncer 1.21.0", "PgBouncer 1.25.2", "PgBouncer 2.0"];
  expect(versions.map(keepsStatements)).toEqual([false, true, true, true]);
});
