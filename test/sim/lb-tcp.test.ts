/**
 * Whole connections through the lb on a simulated network, with resets, stalls and half-closes at any byte, servers that come
 * and go, and verdicts that change. The model is small: what arrives is the beginning of what was sent to that client's
 * server, in order; who was ended in order has all of it; and when all is over nothing is held.
 */
import { describe, expect, test } from "bun:test";
import type { Address } from "../../proxy/base/address.ts";
import { formatAddress } from "../../proxy/base/address.ts";
import type { Peer, Reactions } from "../kit/net-peer.ts";
import { SimRig } from "../kit/net-rig.ts";
import type { SimPlan } from "../kit/net-sim.ts";
import { SeededRng } from "../kit/rng.ts";
import { TcpRig } from "../kit/tcp-rig.ts";

const SERVERS = 3;
const CLIENTS = 40;
const BYTES_MAX = 60_000;
const IDLE_MS = 5_000;
/** Longer than the idle time, and dials on end. */
const OVER_MS = 4 * IDLE_MS;

/** What client `id` says at `index`; the first byte says who it is. */
function byteOf(id: number, index: number): number {
  return index === 0 ? id : (id * 7 + index * 13 + (index >> 7)) & 0xff;
}

/** Looks at every byte that comes, on behalf of one side. */
class Reader {
  id: number | undefined;
  count = 0;
  readonly wrong: string[] = [];

  constructor(id?: number) {
    this.id = id;
  }

  take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.id ??= byte;
      if (byte !== byteOf(this.id, this.count) && this.wrong.length === 0)
        this.wrong.push(`${this.id} at ${this.count}`);
      this.count += 1;
    }
  }
}

function accident(rng: SeededRng): SimPlan {
  const at = Math.floor(rng.next() * rng.next() * BYTES_MAX);
  const kinds: readonly SimPlan[] = [
    { upResetAtByte: at },
    { downResetAtByte: at },
    { upStallAtByte: at },
    { downStallAtByte: at },
    { refused: true },
    { silent: true },
  ];
  return rng.next() < 0.6 ? {} : (kinds[Math.floor(rng.next() * kinds.length)] ?? {});
}

async function simulate(seed: number): Promise<{ readonly whole: number; readonly cut: number }> {
  const rng = new SeededRng(seed);
  const rig = new SimRig(seed, undefined, { plan: () => accident(rng), windowBytes: 4_096 });
  const readers: Reader[] = [];
  const echo = (): Reactions => {
    const reader = new Reader();
    readers.push(reader);
    return { data: (peer, bytes) => (reader.take(bytes), void peer.send(bytes)), end: (peer) => peer.end() };
  };
  const servers: Address[] = [];
  for (let count = 0; count < SERVERS; count += 1) {
    servers.push(rig.listen(rig.fresh("tcp"), reactionsOf(echo), undefined).address);
  }
  const tcp = new TcpRig(rig, servers, { timeouts: { idleMs: IDLE_MS } });
  const clients: { readonly peer: Peer; readonly reader: Reader; readonly bytes: number }[] = [];
  for (let id = 0; id < CLIENTS; id += 1) {
    const bytes = 1 + Math.floor(rng.next() * BYTES_MAX);
    const reader = new Reader(id);
    const peer = tcp.client({ data: (_, chunk) => reader.take(chunk) });
    clients.push({ peer, reader, bytes });
    void speak(rig, peer, { id, bytes, rng });
    if (rng.next() < 0.3) tcp.group.upstream.judge({ [`s${Math.floor(rng.next() * SERVERS)}`]: "down" });
    if (rng.next() < 0.3) tcp.group.upstream.judge({});
    await rig.clock.advanceAsync(Math.floor(rng.next() * 30));
  }
  tcp.group.upstream.judge({});
  await rig.clock.advanceAsync(OVER_MS);
  for (const reader of [...readers, ...clients.map((client) => client.reader)]) expect(reader.wrong).toEqual([]);
  // Of the clients whose own network was good, whoever was ended in order has all.
  const ended = clients.filter(({ peer }) => peer.ended && peer.closed && peer.fault === undefined);
  for (const { reader, bytes, peer } of ended) if (peer.spill.length === 0) expect(reader.count).toBe(bytes);
  expect(tcp.service.open).toBe(0);
  expect(await tcp.end()).toEqual([]);
  return { whole: ended.length, cut: CLIENTS - ended.length };
}

/** Every wire of a listener gets reactions of its own. */
function reactionsOf(make: () => Reactions): Reactions {
  const known = new WeakMap<Peer, Reactions>();
  const of = (peer: Peer): Reactions => {
    const reactions = known.get(peer) ?? make();
    known.set(peer, reactions);
    return reactions;
  };
  return { data: (peer, bytes) => of(peer).data?.(peer, bytes), end: (peer) => of(peer).end?.(peer) };
}

/** Says it in pieces, and ends; some clients leave in the middle. */
async function speak(
  rig: SimRig,
  peer: Peer,
  { id, bytes, rng }: { readonly id: number; readonly bytes: number; readonly rng: SeededRng },
): Promise<void> {
  const leavesAt = rng.next() < 0.1 ? Math.floor(rng.next() * bytes) : Infinity;
  for (let at = 0; at < bytes && !peer.closed;) {
    const next = Math.min(bytes, at + 1 + Math.floor(rng.next() * 8_000));
    const start = at;
    peer.send(Uint8Array.from({ length: next - at }, (_, index) => byteOf(id, start + index)));
    at = next;
    if (at > leavesAt) return peer.close();
    await new Promise<void>((resolve) => rig.clock.after(rng.next() * 20, resolve));
  }
  if (!peer.closed) peer.end();
}

describe("lb, tcp", () => {
  const seeds = Array.from({ length: 25 }, (_, index) => 7_000 + index);
  test.each(seeds)("seed %i", async (seed) => {
    const { whole, cut } = await simulate(seed);
    expect(whole + cut).toBe(CLIENTS);
    expect(whole).toBeGreaterThan(0);
  });
});

describe("lb, tcp: an accident at every byte", () => {
  const rows: [where: "client" | "server", plan: SimPlan][] = [];
  for (const where of ["client", "server"] as const) {
    for (let at = 0; at <= 8; at += 1) {
      rows.push([where, { upResetAtByte: at }], [where, { downResetAtByte: at }]);
      rows.push([where, { upStallAtByte: at }], [where, { downStallAtByte: at }]);
    }
  }

  test.each(rows)("of the %s: %j", async (where, plan) => {
    let lb: string | undefined;
    let hit = 0;
    const rig = new SimRig(11, undefined, {
      plan: (target) => {
        const isLb = formatAddress(target) === lb;
        if (isLb !== (where === "client") || hit > 0) return {};
        hit += 1;
        return plan;
      },
    });
    const heard: string[] = [];
    const echo: Reactions = {
      data: (peer, bytes) => void peer.send(bytes),
      end: (peer) => (heard.push(peer.text), peer.end()),
    };
    const servers = [rig.listen(rig.fresh("tcp"), echo).address, rig.listen(rig.fresh("tcp"), echo).address];
    const tcp = new TcpRig(rig, servers, { timeouts: { idleMs: IDLE_MS } });
    lb = formatAddress(tcp.address);
    const client = tcp.client();
    client.send("ping");
    await rig.clock.advanceAsync(50);
    if (!client.closed) client.send("pong");
    if (!client.closed) client.end();
    await rig.clock.advanceAsync(OVER_MS);
    expect("pingpong").toStartWith(client.text);
    for (const text of heard) expect("pingpong").toStartWith(text);
    if (client.ended && client.fault === undefined && where === "server") expect(client.text).toBe("pingpong");
    expect(tcp.service.open).toBe(0);
    expect(await tcp.end()).toEqual([]);
    // What follows is not harmed by it.
    expect(tcp.group.upstream.pick(new (await import("../../proxy/upstream/tries.ts")).Tries())).not.toBe("none");
  });
});
