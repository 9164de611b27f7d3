/** How bytes flow, on every engine of `proxy/net`. Besides what a row asks for, the peers watch the rules of `wire.ts`. */
import { expect } from "bun:test";
import { FULL } from "../../../../proxy/net/wire.ts";
import { digestOf, type Peer, type Reactions } from "../../../kit/net-peer.ts";
import type { Engine, PairOptions, Rig } from "../../../kit/net-rig.ts";
import { SeededRng } from "../../../kit/rng.ts";
import type { Row } from "./contract-rows.ts";

/** Sends back all that comes, and ends behind it. */
export const echo: Reactions = {
  data(peer, bytes) {
    if (peer.send(bytes) === "waiting") peer.pause();
  },
  drain(peer) {
    if (peer.spill.length === 0) peer.resume();
  },
  end(peer) {
    peer.end();
  },
};

export function content(bytes: number, seed = 7): Uint8Array {
  const all = new Uint8Array(bytes);
  const some = new Uint8Array(Math.min(bytes, 65_537));
  new SeededRng(seed).fill(some);
  for (let at = 0; at < bytes; at += some.length) all.set(some.subarray(0, Math.min(some.length, bytes - at)), at);
  return all;
}

const SIZES = [0, 1, 2, 7, 3_000, 30_000, 65_536, 1_048_577, 8 * 1_048_576];

export async function echoes(
  rig: Rig,
  options: PairOptions,
  bytes: Uint8Array,
  over?: () => Promise<void>,
): Promise<void> {
  const { client, server } = await rig.pair({ ...options, server: { ...echo, ...options.server } });
  await over?.();
  client.send(bytes);
  client.end();
  await rig.until("both are closed", () => client.closed && server.closed);
  expect([client.bytes, client.digest]).toEqual([bytes.length, digestOf(bytes)]);
  expect([client.fault, server.fault, client.ended, server.ended]).toEqual([undefined, undefined, true, true]);
}

function echoRows({ bytesMax }: Engine): readonly Row[] {
  return SIZES.filter((size) => size <= bytesMax).map((size) => [
    `an echo of ${size} bytes comes back whole`,
    async (rig) => {
      await echoes(rig, { kind: "tcp" }, content(size));
      await echoes(rig, { kind: "unix" }, content(size));
    },
  ]);
}

/** Writes until the kernel is full; answers how much was taken. */
export async function fill(rig: Rig, peer: Peer, bytes: Uint8Array): Promise<number> {
  let sent = 0;
  for (let idle = 0; idle < 5 && sent < bytes.length;) {
    const taken = peer.call((wire) => wire.write(bytes, sent, bytes.length));
    if (taken < 0) throw new Error("Cannot fill: the wire is gone");
    sent += taken;
    idle = taken === FULL ? idle + 1 : 0;
    if (taken === FULL) await rig.settle();
  }
  return sent;
}

const flowRows: readonly Row[] = [
  [
    "write: takes nothing when the reader is paused and all buffers are full, and drain tells when there is room",
    async (rig, engine) => {
      // More than any kernel takes; a stingy engine takes so little that only its small writes are seen.
      const all = content(Math.min(engine.bytesMax, 8 * 1_048_576));
      const { client, server } = await rig.pair();
      server.pause();
      await rig.settle();
      const sent = await fill(rig, client, all);
      if (engine.bytesMax > 1_048_576) expect(sent).toBeLessThan(all.length);
      expect([server.bytes, client.closed]).toEqual([0, false]);
      const drains = client.drains;
      server.resume();
      await rig.until("all has come", () => server.bytes === sent);
      expect(server.digest).toBe(digestOf(all.subarray(0, sent)));
      if (sent < all.length) await rig.until("there is room", () => client.drains > drains);
    },
  ],
  [
    "drain: is not told to who wrote nothing",
    async (rig) => {
      const { client, server } = await rig.pair();
      client.pause();
      client.resume();
      server.pause();
      server.resume();
      await rig.settle();
      expect([client.drains, server.drains]).toEqual([1, 0]);
    },
  ],
  [
    "pause: stops within a chunk's event, and resume goes on with the next byte, to the end",
    async (rig, engine) => {
      const all = content(Math.min(engine.bytesMax, 1_048_576));
      let stops = 4;
      const data = (peer: Peer): void => {
        stops -= 1;
        if (stops >= 0) peer.pause();
      };
      const { client, server } = await rig.pair({ server: { data } });
      client.send(all);
      client.end();
      while (stops > 0) {
        const left = stops;
        await rig.until("more has come", () => stops < left);
        const { bytes } = server;
        await rig.settle();
        expect([server.bytes, stops]).toEqual([bytes, left - 1]);
        server.resume();
      }
      await rig.until("all has come", () => server.ended);
      expect(server.digest).toBe(digestOf(all));
    },
  ],
  [
    "pause: before the first byte; nothing comes until resume, not even the end",
    async (rig) => {
      const { client, server } = await rig.pair();
      server.pause();
      client.send("all there is");
      client.end();
      await rig.settle();
      expect(server.told).toEqual([]);
      server.resume();
      await rig.until("it is told", () => server.ended);
      expect([server.text, server.told]).toEqual(["all there is", ["data", "end"]]);
    },
  ],
  [
    "end: half-closes; what the other side still sends arrives, from either side",
    async (rig, engine) => {
      const late = content(Math.min(engine.bytesMax, 300_000));
      for (const first of ["client", "server"] as const) {
        const both = await rig.pair();
        const [ender, sender] = first === "client" ? [both.client, both.server] : [both.server, both.client];
        ender.send("question");
        ender.end();
        await rig.until("the end is seen", () => sender.ended);
        expect([sender.text, sender.closed, ender.write(late)]).toEqual(["question", false, -1]);
        sender.send(late);
        sender.end();
        await rig.until("both are closed", () => ender.closed && sender.closed);
        expect([ender.digest, ender.fault, sender.fault]).toEqual([digestOf(late), undefined, undefined]);
      }
    },
  ],
  [
    "end: at once from both sides",
    async (rig) => {
      const { client, server } = await rig.pair();
      client.end();
      server.end();
      await rig.until("both are closed", () => client.closed && server.closed);
      expect([client.told, server.told]).toEqual([
        ["drain", "end", "close"],
        ["end", "close"],
      ]);
      expect([client.fault, server.fault]).toEqual([undefined, undefined]);
    },
  ],
  [
    "afterTurn: runs once, in order, when the reads of the turn are done",
    async (rig) => {
      const order: string[] = [];
      const data = (): void => {
        order.push("read");
        rig.net.afterTurn(() => order.push("after"));
      };
      const pairs = [];
      for (let count = 0; count < 4; count += 1) pairs.push(await rig.pair({ server: { data } }));
      for (const { client } of pairs) client.send("x");
      await rig.until("all was read", () => order.filter((one) => one === "after").length === 4);
      // However the turns fell, no write was gathered before the reads of its turn were done.
      expect(order.join(" ").replaceAll(/(read )+(after ?)+/g, "")).toBe("");
      expect(order.filter((one) => one === "read")).toHaveLength(4);
    },
  ],
];

export function flow(engine: Engine): readonly Row[] {
  return [...echoRows(engine), ...flowRows];
}
