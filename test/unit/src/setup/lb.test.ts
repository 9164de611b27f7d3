/** What the lb is told of a file. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { load } from "../../../../src/config/load.ts";
import { Problem } from "../../../../src/problem/problem.ts";
import { makeSetup } from "../../../../src/setup/lb.ts";
import { writeApp } from "../../../kit/scale-app.ts";

const TLS = join(import.meta.dir, "../../../data/tls");

async function setupOf(text: string) {
  const { folder, remove } = writeApp({ "scale.toml": text });
  try {
    const { config } = await load({ file: join(folder, "scale.toml"), flags: [], env: {}, role: "lb" });
    return makeSetup(config);
  } finally {
    remove();
  }
}

test("makeSetup: the shortest file is one listener, one route to everything, and checks by connecting", async () => {
  const setup = await setupOf('[lb.upstreams.app]\nservers = ["app1:3000", "unix:/run/app"]\n');
  expect(setup.listeners).toEqual([{ address: { host: "127.0.0.1", port: 8080 }, mode: "http" }]);
  expect(setup.routes).toEqual([{ path: "/", upstream: "app" }]);
  expect(setup.upstreams).toEqual([
    {
      name: "app",
      servers: [
        { key: "app1:3000", address: { host: "app1", port: 3000 }, weight: 1 },
        { key: "unix:/run/app", address: { path: "/run/app" }, weight: 1 },
      ],
      balance: "least",
      check: { intervalMs: 2_000, timeoutMs: 1_000, rise: 2, fall: 3 },
      connectTimeoutMs: 2_000,
      queueMax: 1_024,
    },
  ]);
  expect([setup.forwarding, setup.timeouts]).toEqual(["edge", { headMs: 10_000, idleMs: 75_000, requestMs: 60_000 }]);
});

test("makeSetup: certificates are read, hosts are in lower case, and a TCP listener has its upstream", async () => {
  const setup = await setupOf(`[lb]
listen = [{ address = "0.0.0.0:443", tls = { cert = "${TLS}/server.pem", key = "${TLS}/server.key" } },
  { address = "0.0.0.0:5432", mode = "tcp", upstream = "db" }]
[lb.upstreams.app]
servers = "app1:3000"
tls = true
ca = "${TLS}/ca.pem"
[lb.upstreams.db]
servers = "db1:5432"
[[lb.routes]]
host = "Shop.Example"
upstream = "app"
`);
  expect(setup.listeners[0]?.tls?.cert).toStartWith("-----BEGIN CERTIFICATE-----");
  expect(setup.listeners[1]).toMatchObject({ mode: "tcp", upstream: "db" });
  expect(setup.routes).toEqual([{ path: "/", upstream: "app", host: "shop.example" }]);
  expect(setup.upstreams[0]?.tls).toMatchObject({ verify: "name" });
  expect(setup.upstreams[0]?.tls?.ca).toStartWith("-----BEGIN CERTIFICATE-----");
});

test("makeSetup: a key that is not the certificate's is refused", async () => {
  const text = `[lb]
listen = { address = "0.0.0.0:443", tls = { cert = "${TLS}/server.pem", key = "${TLS}/client.key" } }
[lb.upstreams.app]
servers = "app1:3000"
`;
  await expect(setupOf(text)).rejects.toThrow(/Cannot use the certificate of lb\.listen "0\.0\.0\.0:443"/);
  expect(() => makeSetup({})).toThrow(Problem);
});
