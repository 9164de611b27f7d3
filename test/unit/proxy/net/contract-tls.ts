/** TLS on a wire, on every engine of `proxy/net`: who is let in, and that the rules of plain wires hold under it. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TlsContext } from "../../../../proxy/net/wire.ts";
import { digestOf, type Peer, type Reactions } from "../../../kit/net-peer.ts";
import type { PairOptions, Rig } from "../../../kit/net-rig.ts";
import { content, echo, fill } from "./contract-flow.ts";
import type { Row } from "./contract-rows.ts";

const folder = join(import.meta.dir, "../../../data/tls");
const pem = (name: string): string => readFileSync(join(folder, name), "utf8");
const ca = pem("ca.pem");

export const serverContext: TlsContext = { cert: pem("server.pem"), key: pem("server.key"), verify: "none" };
export const clientContext: TlsContext = { ca, verify: "name", serverName: "server.test" };
const stranger: TlsContext = { cert: pem("stranger.pem"), key: pem("stranger.key"), verify: "none" };
const asking: TlsContext = { ...serverContext, verify: "chain", ca };

/** Both start at once, the server without having read a byte; resolves when both stand, or one has closed. */
async function secure(
  rig: Rig,
  contexts: { readonly client?: TlsContext; readonly server?: TlsContext },
  options: PairOptions = {},
): Promise<{ client: Peer; server: Peer }> {
  const { client, server } = await rig.pair(options);
  const drains = server.drains;
  server.startTls(contexts.server ?? serverContext, "server");
  client.startTls(contexts.client ?? clientContext, "client");
  expect([client.write(Uint8Array.of(1)), server.write(Uint8Array.of(1))]).toEqual([0, 0]);
  const stands = (): boolean => client.drains > 1 && server.drains > drains;
  const failed = (): boolean => client.closed && server.closed;
  await rig.until("the handshake is over", () => stands() || failed());
  return { client, server };
}

const handshakeRows: readonly Row[] = [
  [
    "startTls: both sides stand, and know what they agreed on",
    async (rig) => {
      const alpn = { server: ["http/1.1", "h2"], client: ["h2", "other"] };
      const { client, server } = await secure(rig, {
        client: { ...clientContext, alpn: alpn.client },
        server: { ...serverContext, alpn: alpn.server },
      });
      client.send("hello");
      server.send("welcome");
      await rig.until("both have heard", () => server.text === "hello" && client.text === "welcome");
      expect(client.wire.tls).toMatchObject({ version: "TLSv1.3", alpn: "h2", verified: true });
      expect(server.wire.tls).toMatchObject({ alpn: "h2", serverName: "server.test", verified: false });
      expect(client.wire.tls?.peerCertificate?.length).toBeGreaterThan(200);
      expect(server.wire.tls?.peerCertificate).toBeUndefined();
    },
  ],
  [
    "startTls: behind a peek at the ClientHello, which stays unread",
    async (rig) => {
      const arrive = (peer: Peer): void => {
        const seen = peer.call((wire) => wire.peek(5));
        if (seen.length < 5) return;
        expect([...seen.subarray(0, 2)]).toEqual([0x16, 3]);
        peer.startTls(serverContext, "server");
      };
      const { client, server } = await rig.pair({ server: { ...echo, arrive } });
      client.startTls(clientContext, "client");
      await rig.until("both stand", () => client.drains > 1 && server.drains > 0);
      client.send("ping");
      await rig.until("it is echoed", () => client.text === "ping");
    },
  ],
  [
    "startTls: within a chunk's event, as Postgres and SMTP ask for it",
    async (rig) => {
      const secureOnce = (peer: Peer): void => {
        if (peer.text === "SSL?" && peer.spill.length === 0) peer.startTls(serverContext, "server");
      };
      const server: Reactions = {
        data(peer) {
          if (peer.text === "SSL?" && peer.send("S") === "sent") secureOnce(peer);
        },
        drain(peer) {
          if (peer.wire.tls === undefined) secureOnce(peer);
        },
      };
      const client: Reactions = {
        data: (peer) => (peer.text === "S" ? peer.startTls(clientContext, "client") : undefined),
      };
      const both = await rig.pair({ server, client });
      both.client.send("SSL?");
      await rig.until("both stand", () => [both.client, both.server].every(({ wire }) => wire.tls));
      both.client.send("secret");
      await rig.until("it has come", () => both.server.text === "SSL?secret");
    },
  ],
  [
    "startTls: bytes in clear text behind its beginning are never told, and end the wire",
    async (rig) => {
      const { client, server } = await rig.pair();
      server.startTls(serverContext, "server");
      client.send("GET / HTTP/1.1 slipped in before the handshake");
      await rig.until("it is closed", () => server.closed);
      expect([server.bytes, server.fault?.code]).toEqual([0, "CLIENT_PROTOCOL"]);
    },
  ],
  [
    "startTls: bytes that came in unread behind a pause are refused, not taken for TLS",
    async (rig) => {
      const { client, server } = await rig.pair();
      server.pause();
      client.send("early");
      await rig.settle();
      server.startTls(serverContext, "server");
      server.resume();
      await rig.until("it is closed", () => server.closed);
      expect([server.bytes, server.fault?.code]).toEqual([0, "CLIENT_PROTOCOL"]);
    },
  ],
  [
    "startTls: is a bug before the wire is open, and twice; of a closed one it does nothing",
    async (rig) => {
      const { client, server, listener } = await rig.pair();
      const early = rig.dial(listener.address);
      expect(() => early.startTls(clientContext, "client")).toThrow("Cannot start TLS");
      client.startTls(clientContext, "client");
      expect(() => client.startTls(clientContext, "client")).toThrow("Cannot start TLS");
      server.close();
      server.startTls(serverContext, "server");
      await rig.until("both are closed", () => client.closed && server.closed);
      server.startTls(serverContext, "server");
      expect(server.fault).toBeUndefined();
    },
  ],
  [
    "startTls: with a peer that has ended fails at once",
    async (rig) => {
      const { client, server } = await rig.pair();
      client.end();
      await rig.until("the end is told", () => server.ended);
      server.startTls(serverContext, "server");
      await rig.until("it is closed", () => server.closed);
      expect(server.fault?.code).toBe("CLIENT_GONE");
    },
  ],
  [
    "startTls: a peer that resets in the middle is told as gone",
    async (rig) => {
      const { client, server } = await rig.pair();
      server.startTls(serverContext, "server");
      client.close();
      await rig.until("it is told", () => server.closed);
      const other = await rig.pair();
      other.client.startTls(clientContext, "client");
      other.server.close();
      await rig.until("it is told", () => other.client.closed);
      expect([server.fault?.code, other.client.fault?.code]).toEqual(["CLIENT_GONE", "SERVER_UNREACHABLE"]);
    },
  ],
];

/** Who comes through, by both contexts. */
const JUDGED: readonly (readonly [what: string, client: TlsContext, server: TlsContext, good: boolean])[] = [
  ["a good certificate of the right name, by name", clientContext, serverContext, true],
  ["a good certificate of another name, by name", { ...clientContext, serverName: "else.test" }, serverContext, false],
  [
    "a good certificate of another name, by chain",
    { ca, verify: "chain", serverName: "else.test" },
    serverContext,
    true,
  ],
  ["a stranger's certificate of the right name, by name", clientContext, stranger, false],
  ["a stranger's certificate, by chain", { ca, verify: "chain", serverName: "server.test" }, stranger, false],
  ["a stranger's certificate, unasked", { verify: "none", serverName: "server.test" }, stranger, true],
  ["a stranger's certificate of another name, unasked", { verify: "none", serverName: "else.test" }, stranger, true],
  ["no common protocol", { ...clientContext, alpn: ["h2"] }, { ...serverContext, alpn: ["http/1.1"] }, false],
  ["a client without the certificate it is asked for", clientContext, asking, false],
  [
    "a client with a good certificate",
    { ...clientContext, cert: pem("client.pem"), key: pem("client.key") },
    asking,
    true,
  ],
  [
    "a client with a stranger's certificate",
    { ...clientContext, cert: pem("stranger.pem"), key: pem("stranger.key") },
    asking,
    false,
  ],
];

const judgedRows: readonly Row[] = JUDGED.map(([what, client, server, good]) => [
  `startTls: ${good ? "lets in" : "refuses"} ${what}`,
  async (rig) => {
    const both = await secure(rig, { client, server });
    if (good) {
      both.client.send("in");
      await rig.until("it has come", () => both.server.text === "in");
      return;
    }
    await rig.until("both are closed", () => both.client.closed && both.server.closed);
    expect([both.client.bytes, both.server.bytes, both.server.drains]).toEqual([0, 0, 0]);
    expect(both.client.fault?.side).toBe("server");
    expect(both.server.fault?.side).toBe("client");
  },
]);

const underRows: readonly Row[] = [
  [
    "tls: an echo comes back whole, in both directions at once, with backpressure",
    async (rig, engine) => {
      const all = content(Math.min(engine.bytesMax, 4 * 1_048_576));
      const { client, server } = await secure(rig, {}, { server: echo });
      client.send(all);
      client.end();
      await rig.until("both are closed", () => client.closed && server.closed);
      expect([client.bytes, client.digest]).toEqual([all.length, digestOf(all)]);
      expect([client.fault, server.fault]).toEqual([undefined, undefined]);
    },
  ],
  [
    "tls: a direction that is ended leaves the other one open",
    async (rig) => {
      const { client, server } = await secure(rig, {});
      client.send("question");
      client.end();
      await rig.until("the end is seen", () => server.ended);
      expect([server.text, server.closed]).toEqual(["question", false]);
      server.send("answer");
      server.end();
      await rig.until("both are closed", () => client.closed && server.closed);
      expect([client.text, client.fault, server.fault]).toEqual(["answer", undefined, undefined]);
    },
  ],
  [
    "tls: an end behind a write that filled the kernel arrives, with all that was taken before it",
    async (rig, engine) => {
      const { client, server } = await secure(rig, {});
      server.pause();
      await rig.settle();
      const sent = await fill(rig, client, content(Math.min(engine.bytesMax, 8 * 1_048_576)));
      client.call((wire) => wire.end());
      server.resume();
      await rig.until("the end is seen", () => server.ended);
      expect([server.bytes, server.closed]).toEqual([sent, false]);
    },
  ],
  [
    "tls: pause stops it, before and behind the handshake",
    async (rig) => {
      const { client, server } = await rig.pair();
      server.pause();
      server.startTls(serverContext, "server");
      client.startTls(clientContext, "client");
      await rig.until("both stand", () => client.drains > 1 && server.drains > 0);
      client.send("one");
      await rig.settle();
      expect(server.text).toBe("");
      server.resume();
      await rig.until("it is read", () => server.text === "one");
      server.pause();
      client.send("two");
      client.end();
      await rig.settle();
      expect(server.text).toBe("one");
      server.resume();
      await rig.until("it is read", () => server.ended);
      expect(server.text).toBe("onetwo");
    },
  ],
  [
    "tls: a reset keeps what came before it for a paused wire, and is told behind it",
    async (rig) => {
      const { client, server } = await secure(rig, {});
      server.pause();
      client.send("last words");
      await rig.until("all is sent", () => client.spill.length === 0);
      await rig.settle();
      client.close();
      await rig.settle();
      server.resume();
      await rig.until("it is closed", () => server.closed);
      expect([server.text, server.fault?.code]).toEqual(["last words", "CLIENT_GONE"]);
    },
  ],
];

export const secured: readonly Row[] = [...handshakeRows, ...judgedRows, ...underRows];
