/** How wires open, close and break, on every engine of `proxy/net`. */
import { expect } from "bun:test";
import type { FaultCode } from "../../../../proxy/base/fault.ts";
import { ListenError } from "../../../../proxy/net/wire.ts";
import type { Peer } from "../../../kit/net-peer.ts";
import type { Row } from "./contract-rows.ts";

function codes(...peers: readonly Peer[]): readonly (FaultCode | undefined)[] {
  return peers.map(({ fault }) => fault?.code);
}

const openingRows: readonly Row[] = [
  [
    "dial: is not open when it returns; drain tells that it is, and what was ended before is ended then",
    async (rig) => {
      const accepted: Peer[] = [];
      const listener = rig.listen(rig.fresh("tcp"), {}, (peer) => accepted.push(peer));
      const client = rig.dial(listener.address);
      expect(client.write(Uint8Array.of(1))).toBe(0);
      expect(client.told).toEqual([]);
      client.end();
      await rig.until("the end is seen", () => accepted[0]?.ended === true);
      expect([client.told, accepted[0]?.bytes, client.write(Uint8Array.of(1))]).toEqual([["drain"], 0, -1]);
    },
  ],
  [
    "dial: closes as unreachable where nobody listens, on any kind of address",
    async (rig) => {
      const gone = rig.listen(rig.fresh("tcp"));
      gone.stop();
      await rig.settle();
      const targets = [gone.address, { path: "/nowhere/at.all" }, { host: "no.such.host.invalid", port: 9 }];
      const clients = targets.map((target) => rig.dial(target));
      await rig.until("all are closed", () => clients.every(({ closed }) => closed));
      expect(codes(...clients)).toEqual(["SERVER_UNREACHABLE", "SERVER_UNREACHABLE", "SERVER_UNREACHABLE"]);
      expect(clients.map(({ told }) => told)).toEqual([["close"], ["close"], ["close"]]);
    },
  ],
  [
    "dial: that we close before it is open says so once, and never opens",
    async (rig) => {
      const accepted: Peer[] = [];
      const listener = rig.listen(rig.fresh("tcp"), {}, (peer) => accepted.push(peer));
      const client = rig.dial(listener.address);
      client.close();
      await rig.until("it is closed", () => client.closed);
      await rig.settle();
      expect([client.told, client.fault]).toEqual([["close"], undefined]);
      expect(accepted.every(({ closed }) => closed)).toBe(true);
    },
  ],
  [
    "dial: is paused from its birth where it was paused before it was open",
    async (rig) => {
      const listener = rig.listen(rig.fresh("tcp"), {}, (peer) => void peer.send("greetings"));
      const client = rig.dial(listener.address);
      client.pause();
      await rig.until("it is open", () => client.drains > 0);
      await rig.settle();
      expect(client.text).toBe("");
      client.resume();
      await rig.until("it is read", () => client.text === "greetings");
    },
  ],
  [
    "listen: an address is had once; stop frees it, and leaves the wires that are",
    async (rig) => {
      const { client, server, listener } = await rig.pair();
      expect(() => rig.listen(listener.address)).toThrow(ListenError);
      listener.stop();
      listener.stop();
      await rig.settle();
      const late = rig.dial(listener.address);
      await rig.until("it is refused", () => late.closed);
      client.send("still there");
      await rig.until("it has come", () => server.text === "still there");
      rig.listen(listener.address).stop();
    },
  ],
  [
    "addresses: what one side calls local is remote to the other",
    async (rig) => {
      const { client, server, listener } = await rig.pair();
      expect(client.wire.remote).toEqual(listener.address);
      expect(server.wire.local).toEqual(listener.address);
      expect(server.wire.remote).toEqual(client.wire.local);
      expect([client.wire.peerUid, server.wire.peerUid, server.wire.tls]).toEqual([undefined, undefined, undefined]);
      const unix = await rig.pair({ kind: "unix" });
      expect([unix.server.wire.local, unix.client.wire.remote]).toEqual([unix.listener.address, unix.listener.address]);
      expect(unix.server.wire.peerUid).toBeNumber();
      expect(unix.client.wire.peerUid).toBeUndefined();
    },
  ],
];

const closingRows: readonly Row[] = [
  [
    "close: resets; the other side closes with a fault, we without",
    async (rig) => {
      for (const first of ["client", "server"] as const) {
        const both = await rig.pair();
        const [closer, other] = first === "client" ? [both.client, both.server] : [both.server, both.client];
        closer.close();
        await rig.until("both are closed", () => closer.closed && other.closed);
        expect(codes(closer, other)).toEqual([undefined, first === "client" ? "CLIENT_GONE" : "SERVER_GONE"]);
      }
    },
  ],
  [
    "end: for good closes behind all that was taken; the close is told, and without a fault",
    async (rig, engine) => {
      const { client, server } = await rig.pair({ client: { end: (peer) => peer.end() } });
      client.send("last words");
      await rig.until("they came", () => server.text === "last words");
      const bytes = new Uint8Array(Math.min(engine.bytesMax, 100_000)).fill(7);
      const taken = server.write(bytes);
      server.call((wire) => wire.end(true));
      expect(server.write(Uint8Array.of(1))).toBe(-1);
      await rig.until("both are closed", () => client.closed && server.closed);
      expect([client.bytes, client.ended, ...codes(client, server)]).toEqual([taken, true, undefined, undefined]);
    },
  ],
  [
    "close: is told once and last; no method does harm any more",
    async (rig) => {
      const { client } = await rig.pair();
      for (let times = 0; times < 3; times += 1) {
        client.close();
        client.pause();
        client.resume();
        client.call((wire) => wire.end());
        expect(client.write(Uint8Array.of(1))).toBe(-1);
        await rig.settle();
      }
      expect(client.told).toEqual(["drain", "close"]);
    },
  ],
  [
    "close: within an event of its own wire ends what would have come",
    async (rig, engine) => {
      const { client, server } = await rig.pair({ server: { data: (peer) => peer.close() } });
      client.send(new Uint8Array(Math.min(engine.bytesMax, 300_000)));
      await rig.until("both are closed", () => client.closed && server.closed);
      expect(server.told).toEqual(["data", "close"]);
    },
  ],
  [
    "close: where both sides do at once each is told once, without a fault",
    async (rig) => {
      const { client, server } = await rig.pair();
      client.close();
      server.close();
      await rig.until("both are closed", () => client.closed && server.closed);
      expect(codes(client, server)).toEqual([undefined, undefined]);
    },
  ],
  [
    "reset: comes even to a paused wire when nothing is unread before it",
    async (rig) => {
      const { client, server } = await rig.pair();
      server.pause();
      client.close();
      await rig.until("it is told", () => server.closed);
      expect(codes(server)).toEqual(["CLIENT_GONE"]);
    },
  ],
  [
    "reset: what came before it is told first, when a paused wire is resumed",
    async (rig) => {
      const { client, server } = await rig.pair();
      server.pause();
      client.send("last words");
      await rig.until("all is sent", () => client.spill.length === 0);
      await rig.settle();
      client.close();
      await rig.settle();
      expect(server.told).toEqual([]);
      server.resume();
      await rig.until("it is closed", () => server.closed);
      expect([server.text, server.told, ...codes(server)]).toEqual(["last words", ["data", "close"], "CLIENT_GONE"]);
    },
  ],
  [
    "reset: what is held for a paused wire goes when we close it",
    async (rig) => {
      const { client, server } = await rig.pair();
      server.pause();
      client.send("unheard");
      await rig.settle();
      client.close();
      await rig.settle();
      server.close();
      await rig.until("it is closed", () => server.closed);
      expect(server.told).toEqual(["close"]);
    },
  ],
  [
    "write: says that the wire is gone when the other side is",
    async (rig) => {
      const { client, server } = await rig.pair();
      client.close();
      await rig.until("it is told", () => server.closed);
      expect(server.write(Uint8Array.of(1))).toBe(-1);
    },
  ],
  [
    "events: one that throws closes its own wire as a bug, and no other",
    async (rig) => {
      const hit: Peer[] = [];
      const data = (peer: Peer, bytes: Uint8Array): void => {
        if (bytes[0] !== 33) return;
        hit.push(peer);
        throw new Error("of the test");
      };
      const bad = await rig.pair({ server: { data } });
      const good = await rig.pair({ server: { data } });
      bad.client.send("!");
      good.client.send("fine");
      await rig.until("one is closed", () => bad.server.closed && bad.client.closed && good.server.text === "fine");
      expect([hit, codes(bad.server), good.server.closed]).toEqual([[bad.server], ["BUG"], false]);
    },
  ],
];

const peekRows: readonly Row[] = [
  [
    "peek: shows what has come and reads nothing; resume reads all of it",
    async (rig) => {
      const seen: string[] = [];
      const arrive = (peer: Peer): void => {
        seen.push(new TextDecoder().decode(peer.call((wire) => wire.peek(100))));
        if ((seen.at(-1) ?? "").length >= 10) peer.resume();
      };
      const { client, server } = await rig.pair({ server: { arrive } });
      expect(server.call((wire) => wire.peek(5))).toHaveLength(0);
      client.send("hello");
      await rig.until("it has arrived", () => seen.at(-1) === "hello");
      expect(new TextDecoder().decode(server.call((wire) => wire.peek(2)))).toBe("he");
      client.send("world");
      await rig.until("it is read", () => server.text === "helloworld");
      expect(() => server.wire.peek(1)).toThrow("Cannot peek");
      client.send("!");
      await rig.until("it is read on", () => server.text === "helloworld!");
      expect(seen.at(-1)).toBe("helloworld");
    },
  ],
  [
    "peek: a peer that leaves first is told as ever",
    async (rig) => {
      const arrive = (peer: Peer): void => void peer.call((wire) => wire.peek(1));
      const ends = await rig.pair({ server: { arrive } });
      ends.client.end();
      await rig.until("the end is told", () => ends.server.ended);
      const resets = await rig.pair({ server: { arrive } });
      resets.client.close();
      await rig.until("the reset is told", () => resets.server.closed);
      expect(codes(resets.server)).toEqual(["CLIENT_GONE"]);
    },
  ],
  [
    "peek: pause and close of an unread wire are as of any other",
    async (rig) => {
      const arrive = (): void => {};
      const { client, server } = await rig.pair({ server: { arrive } });
      server.pause();
      client.send("later");
      await rig.settle();
      expect(server.told).toEqual([]);
      server.resume();
      await rig.until("it is read", () => server.text === "later");
      const other = await rig.pair({ server: { arrive } });
      other.server.close();
      await rig.until("both are closed", () => other.server.closed && other.client.closed);
      expect(other.server.told).toEqual(["close"]);
    },
  ],
];

export const ends: readonly Row[] = [...openingRows, ...closingRows, ...peekRows];
