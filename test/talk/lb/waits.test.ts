/** How long anything may take, on a simulated network and its clock: each wait ends what it should, when it should. */
import { expect, test } from "bun:test";
import { DRAIN_IDLE_MS } from "../../../proxy/lb/worker.ts";
import { IDLE_MS } from "../../../proxy/lb/origins.ts";
import { answering, LbRig, type LbWishes, ok, requestAt } from "../../kit/lb-rig.ts";
import { engines, SimRig } from "../../kit/net-rig.ts";
import { clientTls, serverTls } from "./tcp-tls.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const WAITS = { headMs: 1_000, idleMs: 5_000, requestMs: 2_000 } as const;
/** A sweep, and the network. */
const SLACK_MS = 300;

interface Scene {
  readonly lb: LbRig;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>;
}

function waits(what: string, run: (scene: Scene) => Promise<void>): void {
  test(`LbWorker: ${what}`, async () => {
    const lb = new LbRig(engines.simulated);
    const { rig } = lb;
    if (!(rig instanceof SimRig)) throw new Error("Cannot let time pass: the clock is real");
    await run({ lb, pass: (ms) => rig.clock.advanceAsync(ms) });
    expect(await lb.end()).toEqual([]);
  });
}

async function before(lb: LbRig, answer: (request: string) => string, wishes: LbWishes = {}) {
  const server = lb.serve(answering(answer));
  await lb.start({ servers: [server.address], ...WAITS, ...wishes });
  return server;
}

waits("a head that trickles is cut off by its total, however it trickles", async ({ lb, pass }) => {
  const server = await before(lb, () => ok("x"));
  const client = await lb.dial();
  await pass(3_000);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  for (let sent = 0; sent < 4; sent += 1) {
    await pass(200);
    client.send("X: y\r\n");
  }
  expect(client.text).toBe("");
  await pass(200 + SLACK_MS);
  expect(client.text).toStartWith("HTTP/1.1 408 Request Timeout\r\n");
  expect([client.ended, server.all.length]).toEqual([true, 0]);
  await pass(3_000);
  expect(client.closed).toBe(true);
});

waits("a trickling head behind a good request has as long, from when it may be read", async ({ lb, pass }) => {
  await before(lb, () => ok("x"));
  const client = await lb.dial();
  client.send(`${GET}GET / HT`);
  await pass(900);
  expect([client.text.endsWith("x"), client.ended]).toEqual([true, false]);
  await pass(100 + 2 * SLACK_MS);
  expect(client.text).toContain("HTTP/1.1 408 ");
});

waits("a connection without a request is closed in order, and one that is used is not", async ({ lb, pass }) => {
  await before(lb, () => ok("x"));
  const [silent, used] = [await lb.dial(), await lb.dial()];
  for (let count = 0; count < 3; count += 1) {
    used.send(GET);
    await pass(2_500);
  }
  expect([silent.ended, silent.text, used.ended]).toEqual([true, "", false]);
  await pass(5_000 + SLACK_MS);
  expect(used.ended).toBe(true);
});

waits("a server that is silent is 504, and one that stops in the middle is cut", async ({ lb, pass }) => {
  const silent = lb.serve((text, answered) => {
    if (requestAt(text, answered) === undefined) return undefined;
    return text.includes("/half") ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" : "";
  });
  await lb.start({ servers: [silent.address], ...WAITS });
  const [one, two] = [await lb.dial(), await lb.dial()];
  one.send(GET);
  two.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
  await pass(1_900);
  expect([one.text, two.text.endsWith("half")]).toEqual(["", true]);
  await pass(100 + 2 * SLACK_MS);
  expect([one.text.endsWith("504 SERVER_SLOW\n"), two.closed]).toEqual([true, true]);
  expect(silent.all.every(({ peer }) => peer.closed)).toBe(true);
});

waits("a client that does not send what it announced gets 408, and its server is let go", async ({ lb, pass }) => {
  const server = await before(lb, () => ok("x"));
  const client = await lb.dial();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  await pass(2_000 + 2 * SLACK_MS);
  expect(client.text).toStartWith("HTTP/1.1 408 ");
  expect([client.ended, server.all[0]?.peer.closed]).toEqual([true, true]);
});

waits("a client that does not take what it asked for is cut, and its server is let go", async ({ lb, pass }) => {
  const server = await before(lb, () => ok("x".repeat(3_000_000)));
  const client = await lb.dial();
  client.pause();
  client.send(GET);
  await pass(2_000 + 2 * SLACK_MS);
  client.resume();
  await pass(SLACK_MS);
  expect([client.closed, server.all[0]?.peer.closed]).toEqual([true, true]);
  expect(lb.worker.budget.lentBytes).toBe(0);
});

waits("a slow but steady transfer is left alone", async ({ lb, pass }) => {
  let more: ((text: string) => void) | undefined;
  const server = lb.serve((text, answered, { peer }) => {
    if (answered > 0 || requestAt(text, 0) === undefined) return undefined;
    more = (part) => void peer.send(part);
    return "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n";
  });
  await lb.start({ servers: [server.address], ...WAITS });
  const client = await lb.dial();
  client.send(GET);
  for (let sent = 0; sent < 20; sent += 1) {
    await pass(1_500);
    more?.("x");
  }
  await pass(100);
  expect(client.bytes).toBe("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n".length + 20);
});

waits("a tunnel may be silent for long", async ({ lb, pass }) => {
  const server = lb.serve((text, answered) => {
    if (answered > 0) return text.endsWith("ping") && answered === 1 ? "pong" : undefined;
    return text.includes("\r\n\r\n")
      ? "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
      : undefined;
  });
  await lb.start({ servers: [server.address], ...WAITS });
  const client = await lb.dial();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  await pass(600_000);
  client.send("ping");
  await pass(SLACK_MS);
  expect(client.text).toEndWith("pong");
});

waits("a kept server connection is closed before its server would, sooner if that says so", async ({ lb, pass }) => {
  const server = await before(lb, (request) => ok("x", request.includes("/2") ? "Keep-Alive: timeout=2\r\n" : ""));
  const client = await lb.dial();
  client.send(GET);
  await pass(IDLE_MS - 100);
  expect(server.all[0]?.peer.closed).toBe(false);
  await pass(100 + 2 * SLACK_MS);
  expect(server.all[0]?.peer.closed).toBe(true);
  client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  await pass(900);
  expect(server.all[1]?.peer.closed).toBe(false);
  await pass(100 + 2 * SLACK_MS);
  expect(server.all[1]?.peer.closed).toBe(true);
});

waits("a request waits for a server that comes back, and gets 503 when none does", async ({ lb, pass }) => {
  const server = await before(lb, () => ok("x"));
  const key = `${server.address.host}:${server.address.port}`;
  const say = (version: number, verdict: string): void =>
    lb.box.push("health", { version, upstreams: { app: { [key]: verdict } } });
  say(1, "down");
  const [one, two] = [await lb.dial(), await lb.dial()];
  one.send(GET);
  await pass(500);
  expect(one.text).toBe("");
  say(2, "up");
  await pass(SLACK_MS);
  expect(one.text).toEndWith("x");
  say(3, "down");
  await pass(10);
  two.send(GET);
  await pass(2_000 + 2 * SLACK_MS);
  expect(two.text).toContain("503 NO_TARGET");
});

waits("a drain that is not over at its deadline ends all the same, tunnels too", async ({ lb, pass }) => {
  const server = lb.serve((text, answered) => {
    if (answered > 0 || !text.includes("\r\n\r\n")) return undefined;
    return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
  });
  await lb.start({ servers: [server.address], ...WAITS });
  const client = await lb.dial();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  await pass(100);
  let drained = false;
  void lb.worker.drain(4_000).then(() => (drained = true));
  await pass(3_900);
  expect([drained, client.closed]).toEqual([false, false]);
  await pass(200);
  expect([drained, client.closed, server.all[0]?.peer.closed]).toEqual([true, true, true]);
});

waits("while draining, whoever is idle may still ask once; who does not is closed soon", async ({ lb, pass }) => {
  await before(lb, () => ok("x"));
  const [idle, used] = [await lb.dial(), await lb.dial()];
  await pass(1_500);
  used.send(GET);
  await pass(100);
  void lb.worker.drain(10_000);
  await pass(100);
  expect([idle.ended, used.ended]).toEqual([false, false]);
  used.send(GET);
  await pass(100);
  expect([used.text.split("200 OK").length, used.text.includes("Connection: close"), used.ended]).toEqual([
    3,
    true,
    true,
  ]);
  expect(idle.ended).toBe(false);
  await pass(DRAIN_IDLE_MS + SLACK_MS);
  expect(idle.ended).toBe(true);
});

waits("TLS that does not get ready is given up, on both sides", async ({ lb, pass }) => {
  const { cert = "", key = "" } = serverTls;
  const server = lb.serve(() => undefined);
  await lb.start({
    servers: [server.address],
    ...WAITS,
    upstream: { tls: { verify: "none" }, connectTimeoutMs: 1_000 },
    listener: { tls: { cert, key } },
  });
  const [silent, client] = [await lb.dial(), await lb.dial()];
  client.startTls(clientTls, "client");
  await pass(100);
  client.send(GET);
  await pass(1_000 + 2 * SLACK_MS);
  expect(client.text).toContain("504 SERVER_DIAL_SLOW");
  expect([silent.closed, server.all[0]?.peer.closed]).toEqual([true, true]);
});
