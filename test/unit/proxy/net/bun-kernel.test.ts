/** What only real descriptors can show: adoption by other processes, deadlines of dials, and that nothing is left behind. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { heapStats } from "bun:jsc";
import { BunNet } from "../../../../proxy/net/bun-net.ts";
import { ListenError } from "../../../../proxy/net/wire.ts";
import { peekSeam } from "../../../../src/run/os.ts";
import { FakeClock } from "../../../kit/clock.ts";
import { Peer } from "../../../kit/net-peer.ts";
import { KernelRig } from "../../../kit/net-rig.ts";
import { until } from "../../../kit/until.ts";
import { echo } from "./contract-flow.ts";
import { clientContext, serverContext } from "./contract-tls.ts";

const CHILD = join(import.meta.dir, "../../../kit/net-child.ts");
const children: Bun.Subprocess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill(9);
    await child.exited;
  }
});

function adopt(fd: number | undefined, port: number | undefined): Bun.Subprocess {
  if (fd === undefined) throw new Error("Cannot hand on the listener: it has no descriptor");
  const child = Bun.spawn([process.execPath, CHILD, String(port ?? 0)], {
    stdio: ["ignore", "inherit", "inherit", fd],
  });
  children.push(child);
  return child;
}

async function asked(rig: KernelRig, client: Peer): Promise<string> {
  await rig.until("it has answered", () => / ping$/.test(client.text));
  return client.text.split(" ", 1)[0] as string;
}

test("listen: another process goes on with the descriptor when we have stopped, and no connection is lost", async () => {
  const rig = new KernelRig();
  const listener = rig.listen(rig.fresh("tcp"));
  const child = adopt(listener.fd, listener.address.port);
  listener.stop();
  // The child has not adopted it yet: who comes now waits in the kernel.
  const clients = Array.from({ length: 8 }, () => rig.dial(listener.address));
  for (const client of clients) await rig.until("it is open", () => client.drains > 0);
  for (const client of clients) client.send("ping");
  for (const client of clients) expect(await asked(rig, client)).toBe(String(child.pid));
  expect(await rig.end()).toEqual([]);
});

test("listen: the path of a unix socket that was renamed before the stop leads on to who adopted it", async () => {
  const rig = new KernelRig();
  const first = rig.fresh("unix");
  const later = rig.fresh("unix");
  const listener = rig.listen(first);
  const child = adopt(listener.fd, 0);
  renameSync(first.path as string, later.path as string);
  listener.stop();
  const client = rig.dial(later);
  await rig.until("it is open", () => client.drains > 0);
  client.send("ping");
  expect(await asked(rig, client)).toBe(String(child.pid));
  expect(existsSync(later.path as string)).toBe(true);
  expect(await rig.end()).toEqual([]);
});

test("listen: says by the kernel's name why it cannot", () => {
  const rig = new KernelRig();
  const codeOf = (listen: () => void): string => {
    try {
      listen();
    } catch (error) {
      if (error instanceof ListenError) return error.code;
      throw error;
    }
    return "none";
  };
  const { address } = rig.listen(rig.fresh("tcp"));
  expect(codeOf(() => rig.listen(address))).toBe("EADDRINUSE");
  expect(codeOf(() => rig.listen({ path: "/nowhere/at.all" }))).toBe("ENOENT");
  expect(codeOf(() => rig.listen({ host: "192.0.2.1", port: 0 }))).toBe("EADDRNOTAVAIL");
  expect(codeOf(() => rig.listen({ fd: 0, address }))).not.toBe("none");
});

test("dial: closes at its deadline, and a socket that opens later is dropped", async () => {
  const rig = new KernelRig();
  const accepted: Peer[] = [];
  const listener = rig.listen(rig.fresh("tcp"), {}, (peer) => accepted.push(peer));
  const clock = new FakeClock();
  const client = Peer.dial(new BunNet({ clock, seam: peekSeam }), listener.address, {}, 1_000);
  clock.advance(1_000);
  await rig.until("both sides are over", () => client.closed && (accepted[0]?.closed ?? false));
  expect([client.told, client.fault?.code]).toEqual([["close"], "SERVER_DIAL_SLOW"]);
  expect(clock.waiting).toBe(0);
  expect(await rig.end()).toEqual([]);
});

const ROUNDS = 10;
const AT_ONCE = 100;
/** The collector is conservative: a socket whose address still stands on the stack is kept. */
const SOCKETS_UNCOLLECTED_MAX = 20;

test("wires: a thousand that came and went, in every way, leave no descriptor and no socket", async () => {
  const rig = new KernelRig();
  const arrive = (peer: Peer): void => peer.startTls(serverContext, "server");
  const plain = rig.listen(rig.fresh("tcp"), echo);
  const unix = rig.listen(rig.fresh("unix"), echo);
  const secured = rig.listen(rig.fresh("tcp"), { ...echo, arrive });
  const count = (): number => readdirSync("/proc/self/fd").length;
  const before = { descriptors: count(), sockets: sockets() };
  for (let round = 0; round < ROUNDS; round += 1) {
    const targets = [plain, unix, plain, secured, plain];
    const clients = Array.from({ length: AT_ONCE }, (_, at) =>
      dialTo(rig, targets[at % 5] === secured, targets[at % 5]),
    );
    await rig.until("all have an answer", () => clients.every(({ text }) => text === "x"));
    clients.forEach((client, at) => leave(client, at, rig.peers));
    await rig.until("all are closed", () => rig.peers.every(({ closed }) => closed));
    expect(rig.peers.splice(0).flatMap(({ broken }) => broken)).toEqual([]);
  }
  await until("the descriptors are given back", () => count() <= before.descriptors);
  await until("the sockets are collected", () => sockets() <= before.sockets + SOCKETS_UNCOLLECTED_MAX);
  expect(await rig.end()).toEqual([]);
});

function dialTo(rig: KernelRig, tls: boolean, listener: { address: Peer["wire"]["remote"] } | undefined): Peer {
  if (listener === undefined) throw new Error("Cannot dial: there is no listener");
  const drain = (peer: Peer): void => {
    if (tls && peer.drains === 1) peer.startTls(clientContext, "client");
    else peer.send("x");
  };
  return rig.dial(listener.address, { drain });
}

/** By a reset, by its server, or in good order. */
function leave(client: Peer, at: number, all: readonly Peer[]): void {
  if (at % 3 === 0) client.close();
  else if (at % 3 === 1) client.end();
  else {
    const { local } = client.wire;
    const server = all.find(({ wire }) => wire.remote.port !== undefined && wire.remote.port === local.port);
    if (server === undefined || server === client) client.end();
    else server.close();
  }
}

function sockets(): number {
  Bun.gc(true);
  const counts = heapStats().objectTypeCounts;
  return (counts["TCPSocket"] ?? 0) + (counts["TLSSocket"] ?? 0);
}
