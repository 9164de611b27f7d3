import { expect, test } from "bun:test";
import { refusal, tlsFlaw, tlsOptions } from "../../../../proxy/net/bun-tls.ts";
import type { Peer } from "../../../kit/net-peer.ts";
import { KernelRig } from "../../../kit/net-rig.ts";
import { clientContext, serverContext } from "./contract-tls.ts";

test("tlsFlaw: knows a context that can be used from one that cannot", () => {
  expect([tlsFlaw(serverContext), tlsFlaw(clientContext)]).toEqual([undefined, undefined]);
  const { key = "" } = serverContext;
  const bad = [
    { ...serverContext, cert: "no certificate" },
    { ...serverContext, key: key.replace("PRIVATE", "PUBLIC") },
    { ...clientContext, ca: "no authority" },
  ];
  expect(bad.map((context) => typeof tlsFlaw(context))).toEqual(["string", "string", "string"]);
});

test("BunWire: a context that cannot be used closes the wire as our fault, and harms nobody else", async () => {
  const rig = new KernelRig();
  const { client, server } = await rig.pair();
  server.startTls({ ...serverContext, cert: "no certificate" }, "server");
  await rig.until("both are closed", () => client.closed && server.closed);
  expect([server.fault?.code, client.fault?.code]).toEqual(["BUG", "SERVER_GONE"]);
  expect(await rig.end()).toEqual([]);
});

test("BunWire: what cannot be read under TLS that stands is the fault of who sent it, and not for another server", async () => {
  for (const spoilt of ["client", "server"] as const) {
    const rig = new KernelRig();
    const { client, server, relays } = await relayed(rig);
    server.startTls(serverContext, "server");
    client.startTls(clientContext, "client");
    await rig.until("both stand", () => client.wire.tls !== undefined && server.wire.tls !== undefined);
    relays[spoilt].send("no record of TLS");
    const hit = spoilt === "client" ? client : server;
    await rig.until("it is closed", () => hit.closed);
    expect(hit.fault?.code).toBe(spoilt === "client" ? "SERVER_PROTOCOL" : "CLIENT_PROTOCOL");
    expect(await rig.end()).toEqual([]);
  }
});

test("BunWire: a reset under TLS that stands is a server gone, never one that was not reached", async () => {
  const rig = new KernelRig();
  const { client, server } = await rig.pair();
  server.startTls(serverContext, "server");
  client.startTls(clientContext, "client");
  await rig.until("both stand", () => client.wire.tls !== undefined && server.wire.tls !== undefined);
  server.close();
  await rig.until("it is closed", () => client.closed);
  expect(client.fault?.code).toBe("SERVER_GONE");
  expect(await rig.end()).toEqual([]);
});

/** A client and a server with a relay between them, which can say words of its own to either. */
async function relayed(rig: KernelRig) {
  const servers: Peer[] = [];
  const far = rig.listen(rig.fresh("tcp"), {}, (peer) => servers.push(peer));
  const toClient: Peer[] = [];
  const relay = rig.listen(rig.fresh("tcp"), { data: (_peer, bytes) => void toServer.send(bytes) }, (peer) =>
    toClient.push(peer),
  );
  const toServer = rig.dial(far.address, { data: (_peer, bytes) => void toClient[0]?.send(bytes) });
  const client = rig.dial(relay.address);
  await rig.until(
    "all are open",
    () => servers.length + toClient.length === 2 && client.drains + toServer.drains === 2,
  );
  const [server, near] = [servers[0] as Peer, toClient[0] as Peer];
  return { client, server, relays: { client: near, server: toServer } };
}

test("tlsOptions: are made once for a context and side", () => {
  expect(tlsOptions(serverContext, "server")).toBe(tlsOptions(serverContext, "server"));
  expect(tlsOptions(serverContext, "client")).not.toBe(tlsOptions(serverContext, "server"));
});

test("tlsOptions: say in every case whether a bad certificate is refused, so that the environment cannot", () => {
  const modes = ["none", "chain", "name"] as const;
  const client = modes.map((verify) => tlsOptions({ ...clientContext, verify }, "client").rejectUnauthorized);
  const server = modes.map((verify) => tlsOptions({ ...serverContext, verify }, "server").rejectUnauthorized);
  expect([client, server]).toEqual([
    [false, false, true],
    [false, true, true],
  ]);
});

test("tlsOptions: a server without a certificate, a name that is not there and a protocol without a name are bugs", () => {
  expect(() => tlsOptions(clientContext, "server")).toThrow("Cannot serve TLS");
  expect(() => tlsOptions({ verify: "name" }, "client")).toThrow("Cannot verify a name");
  expect(() => tlsOptions({ verify: "none", alpn: [""] }, "client")).toThrow("Cannot offer a protocol");
  expect(() => tlsOptions({ verify: "none", alpn: ["x".repeat(256)] }, "client")).toThrow("Cannot offer a protocol");
});

test("tlsOptions: protocols stand behind their lengths", () => {
  const { ALPNProtocols } = tlsOptions({ verify: "none", alpn: ["h2", "http/1.1"] }, "client");
  expect(new TextDecoder().decode(ALPNProtocols as Uint8Array)).toBe("\x02h2\x08http/1.1");
});

const failed = (code: string): Error => Object.assign(new Error(code), { code });

test.each([
  ["client", "none", true, null, true],
  ["client", "none", false, null, false],
  ["client", "none", false, "EPROTO", false],
  ["client", "none", false, "ECONNRESET", false],
  ["client", "none", false, "DEPTH_ZERO_SELF_SIGNED_CERT", true],
  ["client", "none", false, "ERR_TLS_CERT_ALTNAME_INVALID", true],
  ["client", "chain", false, "ERR_TLS_CERT_ALTNAME_INVALID", true],
  ["client", "chain", true, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", false],
  ["client", "chain", false, "EPROTO", false],
  ["client", "name", true, "CERT_HAS_EXPIRED", false],
  ["client", "name", true, null, true],
  ["server", "none", true, "UNABLE_TO_GET_ISSUER_CERT", true],
  ["server", "none", false, "EPROTO", false],
  ["server", "chain", true, "UNABLE_TO_GET_ISSUER_CERT", false],
  ["server", "chain", true, null, true],
] as const)(
  "refusal: of a %s that verifies %s, completed %p, error %p: good is %p",
  (side, verify, done, code, good) => {
    const context = { ...clientContext, verify };
    expect(refusal(context, side, done, code === null ? null : failed(code)) === undefined).toBe(good);
  },
);
