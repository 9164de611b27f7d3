import { expect, test } from "bun:test";
import type { PoolOptions } from "../../../../proxy/pool/options.ts";
import { makeSetup, type PoolConfig, workersFor } from "../../../../src/setup/pool.ts";

const database: PoolOptions["databases"][string] = {
  ...{ store: "main", mode: "transaction", sessionState: "pin", size: 20, idleTimeoutMs: 1 },
};

function config(changes: Partial<PoolOptions> = {}, url = "postgres://shop:pw@db/shop"): PoolConfig {
  const pool: PoolOptions = {
    ...{ listen: ["127.0.0.1:6432"], advertise: [], workers: 2, clientsMax: 10, loginTimeoutMs: 1, waitTimeoutMs: 1 },
    ...{ auth: "password", adminUsers: [], statsUsers: [], preparedStatementsMax: 10, users: {} },
    databases: { shop: database },
    ...changes,
  };
  return { pool, postgres: { main: { primary: url, replicas: [] } } };
}

test("makeSetup: stores are looked up, and sockets have libpq's names", () => {
  const setup = makeSetup(config({ listen: ["127.0.0.1:7000", "unix:/run/scale/"] }));
  expect(setup.sockets).toEqual([{ host: "127.0.0.1", port: 7000 }, { path: "/run/scale/.s.PGSQL.7000" }]);
  expect(setup.databases["shop"]?.cluster.primary).toMatchObject({ user: "shop", password: "pw", database: "shop" });
});

test("makeSetup: a pool that nobody could log in to is refused, unless it is said", () => {
  const open = "postgres://shop@db/shop";
  expect(() => makeSetup(config({}, open))).toThrow("has no password");
  expect(() => makeSetup(config({ auth: "peer" }, open))).toThrow("has no password");
  expect(makeSetup(config({ auth: "trust" }, open)).auth).toBe("trust");
  expect(makeSetup(config({ auth: "peer", listen: ["unix:/run/scale"] }, open)).auth).toBe("peer");
  expect(makeSetup(config({ users: { eve: { password: "x" } } }, open)).users).toEqual({ eve: "x" });
});

test("makeSetup: missing stores, no databases and long paths are refused", () => {
  expect(() => makeSetup(config({ databases: { shop: { ...database, store: "other" } } }))).toThrow("[postgres.other]");
  expect(() => makeSetup(config({ databases: {} }))).toThrow("names none");
  expect(() => makeSetup({ postgres: {} })).toThrow("there is no [pool]");
  expect(() => makeSetup(config({ listen: [`unix:/${"x".repeat(100)}`] }))).toThrow("wanted at most 107");
});

test("workersFor: at least one, and not more than one for eight links", () => {
  const of = (size: number): number =>
    workersFor(makeSetup(config({ databases: { shop: { ...database, size } } })).databases);
  expect(of(1)).toBe(1);
  expect(of(15)).toBe(1);
  expect(of(16)).toBeLessThanOrEqual(2);
});
