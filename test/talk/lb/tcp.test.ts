/** A TCP listener of the lb, its clients and servers, on every engine. */
import { describe, expect, test } from "bun:test";
import type { Address } from "../../../proxy/base/address.ts";
import { TCP_LIMITS } from "../../../proxy/lb/tcp-client.ts";
import type { Peer, Reactions } from "../../kit/net-peer.ts";
import { digestOf } from "../../kit/net-peer.ts";
import { type Engine, engines, type Rig } from "../../kit/net-rig.ts";
import { TcpRig, type TcpRigOptions } from "../../kit/tcp-rig.ts";
import { clientTls, serverTls } from "./tcp-tls.ts";

interface Place {
  readonly tcp: TcpRig;
  readonly rig: Rig;
  /** What the servers accepted, in order. */
  readonly accepted: Peer[];
}

const echo: Reactions = {
  data: (peer, bytes) => void peer.send(bytes),
  end: (peer) => peer.end(),
};

async function withLb(
  engine: Engine,
  { servers = [echo], gone = 0, ...options }: TcpRigOptions & { servers?: readonly Reactions[]; gone?: number },
  talk: (place: Place) => Promise<void>,
): Promise<void> {
  const rig = engine.make();
  const accepted: Peer[] = [];
  const up = servers.map((reactions) => rig.listen(rig.fresh("tcp"), reactions, (peer) => accepted.push(peer)).address);
  const nobody = Array.from({ length: gone }, () => closedPort(rig));
  const tcp = new TcpRig(rig, [...nobody, ...up], options);
  await talk({ tcp, rig, accepted });
  expect(await tcp.end()).toEqual([]);
}

function closedPort(rig: Rig): Address {
  const listener = rig.net.listen(rig.fresh("tcp"), () => ({ data() {}, drain() {}, end() {}, close() {} }));
  listener.stop();
  return listener.address;
}

function pattern(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

describe.each(Object.values(engines))("$name", (engine) => {
  test("bytes go both ways, and an end is passed on behind the last one", async () => {
    await withLb(engine, {}, async ({ tcp, rig }) => {
      const bytes = pattern(engine.bytesMax);
      const client = tcp.client();
      client.send(bytes);
      client.end();
      await rig.until("all is back", () => client.ended && client.closed);
      expect([client.bytes, client.digest]).toEqual([bytes.length, digestOf(bytes, 0)]);
      expect(client.fault).toBeUndefined();
      expect([tcp.door.counts.bytesIn, tcp.door.counts.bytesOut]).toEqual([bytes.length, bytes.length]);
      expect(tcp.door.counts.failures).toBe(0);
    });
  });

  test("a server that speaks first is heard, and one that ends first still hears the client", async () => {
    const heard: string[] = [];
    const server: Reactions = { end: (peer) => void heard.push(peer.text) };
    await withLb(engine, { servers: [server] }, async ({ tcp, rig, accepted }) => {
      const client = tcp.client();
      await rig.until("the server has it", () => accepted.length > 0);
      accepted[0]?.send("220 hello");
      accepted[0]?.end();
      await rig.until("the client has heard", () => client.ended);
      expect(client.text).toBe("220 hello");
      client.send("bye");
      client.end();
      await rig.until("the server has heard", () => heard.length > 0 && client.closed);
      expect(heard).toEqual(["bye"]);
    });
  });

  test("a client that only ends is passed on", async () => {
    await withLb(
      engine,
      { servers: [{ end: (peer) => (peer.send("so be it"), peer.end()) }] },
      async ({ tcp, rig }) => {
        const client = tcp.client();
        client.end();
        await rig.until("it is answered", () => client.closed);
        expect(client.text).toBe("so be it");
      },
    );
  });

  test("a server that does not read stops the client, in constant memory; then all of it comes", async () => {
    // More than the buffers of the kernel take.
    const bytes = pattern(engine.name === "bun" ? 3 * engine.bytesMax : engine.bytesMax);
    await withLb(engine, { servers: [{}] }, async ({ tcp, rig, accepted }) => {
      const client = tcp.client();
      await rig.until("the server has it", () => accepted.length > 0);
      accepted[0]?.pause();
      client.send(bytes);
      await rig.settle();
      expect(tcp.budget.lentBytes).toBeLessThanOrEqual(TCP_LIMITS.spillBytesMax);
      if (engine.name === "bun") expect(client.spill.length).toBeGreaterThan(0);
      accepted[0]?.resume();
      await rig.until("all has come", () => accepted[0]?.bytes === bytes.length);
      expect(accepted[0]?.digest).toBe(digestOf(bytes, 0));
    });
  });

  test("a client that does not read stops the server, in constant memory; then all of it comes", async () => {
    const bytes = pattern(engine.bytesMax);
    await withLb(engine, { servers: [{}] }, async ({ tcp, rig, accepted }) => {
      const client = tcp.client();
      await rig.until("the server has it", () => accepted.length > 0);
      client.pause();
      accepted[0]?.send(bytes);
      await rig.settle();
      expect(tcp.budget.lentBytes).toBeLessThanOrEqual(TCP_LIMITS.spillBytesMax);
      client.resume();
      await rig.until("all has come", () => client.bytes === bytes.length);
      expect(client.digest).toBe(digestOf(bytes, 0));
    });
  });

  test("a server that refuses: what came meanwhile goes to the next one", async () => {
    await withLb(engine, { gone: 1 }, async ({ tcp, rig }) => {
      for (let time = 0; time < 3; time += 1) {
        const client = tcp.client();
        client.send("ping");
        client.end();
        await rig.until("it is back", () => client.closed);
        expect(client.text).toBe("ping");
      }
      expect(tcp.unreachable).toHaveLength(1);
      expect(tcp.door.counts.failures).toBe(0);
    });
  });

  test("nobody can be reached: the client is reset, and its bytes are let go", async () => {
    await withLb(engine, { servers: [], gone: 2 }, async ({ tcp, rig }) => {
      const client = tcp.client();
      client.send("ping");
      await rig.until("it is reset", () => client.closed);
      expect(client.bytes).toBe(0);
      expect(tcp.door.counts).toMatchObject({ failures: 1, retries: 1 });
      expect(tcp.log.entries.at(-1)).toMatchObject({ event: "tcp_ended", fields: { code: "SERVER_UNREACHABLE" } });
    });
  });

  test("a reset of the server is one of the client, and the other way round", async () => {
    await withLb(engine, { servers: [{}, {}] }, async ({ tcp, rig, accepted }) => {
      const [one, two] = [tcp.client(), tcp.client()];
      await rig.until("both stand", () => accepted.length === 2);
      for (const client of [one, two]) client.send("x");
      await rig.until("both are heard", () => accepted.every(({ bytes }) => bytes === 1));
      accepted[0]?.close();
      await rig.until("one client is gone", () => one.closed || two.closed);
      // What the first server heard is said to no other.
      expect(accepted).toHaveLength(2);
      const other = one.closed ? two : one;
      expect(other.closed).toBe(false);
      other.close();
      await rig.until("its server is gone", () => accepted[1]?.closed === true);
    });
  });

  test("a server that has heard what was held, has said something or has ended is not replaced", async () => {
    const rows: readonly { readonly says: string; readonly does: (server: Peer) => void }[] = [
      { says: "early", does: () => undefined },
      { says: "", does: (server) => void server.send("220 hello") },
      { says: "", does: (server) => server.end() },
    ];
    for (const { says, does } of rows) {
      await withLb(engine, { servers: [{}, {}] }, async ({ tcp, rig, accepted }) => {
        const client = tcp.client();
        client.send(says);
        await rig.until("it is heard", () => accepted[0]?.text === says);
        does(accepted[0] as Peer);
        await rig.settle();
        accepted[0]?.close();
        await rig.until("it is reset", () => client.closed);
        expect(accepted).toHaveLength(1);
      });
    }
  });

  test("what a client said last arrives, though it has closed long before", async () => {
    const bytes = pattern(Math.min(engine.bytesMax, 200_000));
    await withLb(engine, { servers: [{ end: (peer) => peer.close() }] }, async ({ tcp, rig, accepted }) => {
      const client = tcp.client();
      await rig.until("the server has it", () => accepted.length > 0);
      accepted[0]?.pause();
      accepted[0]?.end();
      client.send(bytes);
      client.end();
      await rig.until("the client has closed", () => client.closed || engine.name !== "bun");
      accepted[0]?.resume();
      await rig.until("all has come", () => accepted[0]?.bytes === bytes.length && tcp.service.open === 0);
      expect([accepted[0]?.digest, client.fault]).toEqual([digestOf(bytes, 0), undefined]);
    });
  });

  test("a server that resets at once is given up for another one, until a byte was said", async () => {
    const rude: Reactions = {};
    await withLb(engine, { servers: [rude, echo] }, async ({ tcp, rig, accepted }) => {
      for (let time = 0; time < 2; time += 1) {
        const client = tcp.client();
        const before = accepted.length;
        await rig.until("a server has it", () => accepted.length > before);
        const first = accepted.at(-1) as Peer;
        // Which server it is shows in whether an echo comes; both reset once.
        first.close();
        await rig.until("the next one has it", () => accepted.length > before + 1 || client.closed);
        expect(client.closed).toBe(false);
        client.close();
      }
      expect(tcp.door.counts.retries).toBe(2);
    });
  });

  test("TLS with the client and with the server", async () => {
    const rig = engine.make();
    const server = rig.listen(rig.fresh("tcp"), echo, (peer) => peer.startTls(serverTls, "server"));
    const setup = { tls: { verify: "none" } } as const;
    const tcp = new TcpRig(rig, [server.address], { tls: serverTls, setup });
    const client = tcp.client();
    await rig.until("it is open", () => client.drains > 0);
    client.startTls(clientTls, "client");
    await rig.until("TLS stands", () => client.wire.tls !== undefined);
    const bytes = pattern(Math.min(engine.bytesMax, 300_000));
    client.send(bytes);
    client.end();
    await rig.until("all is back", () => client.bytes === bytes.length && client.closed);
    expect(client.digest).toBe(digestOf(bytes, 0));
    expect(await tcp.end()).toEqual([]);
  });
});
