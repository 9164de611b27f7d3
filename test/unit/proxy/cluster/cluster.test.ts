/** As whom the links of a database log in. What links do is the business of `link-places.test.ts`. */
import { expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { Cluster, targetOf } from "../../../../proxy/cluster/cluster.ts";
import type { ServerSetup } from "../../../../proxy/cluster/setup.ts";
import { FakeBox } from "../../../kit/host.ts";

const server: ServerSetup = {
  address: { host: "db.example", port: 5432 },
  database: "shop",
  user: "shop",
  password: "stored",
  sslMode: "verify-full",
  ca: "PEM",
  parameters: { application_name: "scale" },
  connectTimeoutMs: 1_000,
};

const KNOBS = {
  ...{ size: 5, workers: 1, waitersMax: 10, waitTimeoutMs: 0, idleTimeoutMs: 0, lifetimeMs: 0, loginTimeoutMs: 1_000 },
  ...{ closeTimeoutMs: 1_000, checkIntervalMs: 0, spillBytesMax: 1_000, wholeBytesMax: 1_000 },
};

function make(setup = server): Cluster {
  const [host] = new FakeBox().workers;
  if (host === undefined) throw new Error("Cannot make a cluster: there is no worker");
  const { net, clock, rng, digest, log, limits } = host;
  return new Cluster({
    setup: { name: "main", primary: setup },
    limit: "pool shop",
    knobs: KNOBS,
    world: { net, clock, rng, digest, log, limits, budget: new Budget(1_000_000) },
    equip: () => {
      throw new Error("Cannot open a link: this test dials nobody");
    },
    starving: () => undefined,
  });
}

test("Cluster: only the store's user has the store's password", () => {
  const cluster = make();
  expect(cluster.poolOf("shop", undefined)?.login.cleartext(true)).toBe("stored");
  expect(cluster.poolOf("shop", "of the list")?.login.cleartext(true)).toBe("stored");
  expect(cluster.poolOf("eve", "own")?.login.cleartext(true)).toBe("own");
  expect(() => cluster.poolOf("bob", undefined)?.login.cleartext(true)).toThrow("none is configured");
});

test("Cluster: a user has one pool, which logs in by the secret that is known last", () => {
  const cluster = make();
  const first = cluster.poolOf("eve", "one");
  expect(cluster.poolOf("eve", "one")).toBe(first);
  const login = first?.login;
  expect(cluster.poolOf("eve", "one")?.login).toBe(login);
  expect(cluster.poolOf("eve", "two")).toBe(first);
  expect(first?.login.cleartext(true)).toBe("two");
  const keys = { iterations: 4, salt: new Uint8Array(2), clientKey: new Uint8Array(32), serverKey: new Uint8Array(32) };
  const scram = cluster.poolOf("kim", keys);
  const shown = scram?.login;
  expect(cluster.poolOf("kim", { ...keys })?.login).toBe(shown);
  expect(cluster.poolOf("kim", { ...keys, clientKey: new Uint8Array(32).fill(1) })?.login).not.toBe(shown);
});

test("Cluster: more users than are kept are turned away", () => {
  const cluster = make();
  for (let count = 0; count < 2_048; count += 1) expect(cluster.poolOf(`user ${count}`, undefined)).toBeDefined();
  expect(cluster.poolOf("one more", undefined)).toBeUndefined();
});

test("targetOf: TLS is judged by libpq's words", () => {
  expect(targetOf(server)).toMatchObject({
    database: "shop",
    tls: { wish: "must", context: { verify: "name", serverName: "db.example", ca: "PEM" } },
  });
  expect(targetOf({ ...server, sslMode: "disable" }).tls).toEqual({ wish: "never" });
});
