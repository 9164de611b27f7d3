/** What a connection through a TCP listener waits for, and what ends the wait. On the simulated network. */
import { describe, expect, test } from "bun:test";
import type { Address } from "../../../../proxy/base/address.ts";
import { TCP_LIMITS } from "../../../../proxy/lb/tcp-client.ts";
import type { Peer } from "../../../kit/net-peer.ts";
import { SimRig } from "../../../kit/net-rig.ts";
import { TcpRig, type TcpRigOptions } from "../../../kit/tcp-rig.ts";
import { serverTls } from "../../../talk/lb/tcp-tls.ts";

const CONNECT_MS = 1_000;
const IDLE_MS = 5_000;
/** The service looks twice a second. */
const SWEEP_MS = 500;

interface Place extends AsyncDisposable {
  readonly rig: SimRig;
  readonly tcp: TcpRig;
  readonly accepted: Peer[];
  /** What the last client that failed was told to the log. */
  why(): unknown;
}

function place({ silent = false, ...options }: TcpRigOptions & { readonly silent?: boolean } = {}): Place {
  let swallowed: Address | undefined;
  const rig = new SimRig(9, undefined, { plan: (target) => ({ silent: silent && target.port === swallowed?.port }) });
  const accepted: Peer[] = [];
  const server = rig.listen(rig.fresh("tcp"), {}, (peer) => accepted.push(peer));
  swallowed = server.address;
  const tcp = new TcpRig(rig, [server.address], { timeouts: { idleMs: IDLE_MS }, ...options });
  return {
    rig,
    tcp,
    accepted,
    why: () => tcp.log.entries.findLast(({ event }) => event === "tcp_ended")?.fields["code"],
    async [Symbol.asyncDispose]() {
      expect(await tcp.end()).toEqual([]);
    },
  };
}

/** How long it takes until the client is closed. */
async function closes({ rig }: Place, client: Peer): Promise<number> {
  const fromMs = rig.clock.now();
  await rig.until("it is closed", () => client.closed);
  return rig.clock.now() - fromMs;
}

describe("TcpClient: limits of time", () => {
  test("nobody says anything: both are reset", async () => {
    await using here = place();
    const client = here.tcp.client();
    expect(await closes(here, client)).toBeWithin(IDLE_MS - SWEEP_MS, IDLE_MS + 2 * SWEEP_MS);
    expect([here.why(), here.accepted[0]?.closed]).toEqual(["CLIENT_SLOW", true]);
  });

  test("a byte now and then, from either side, is enough", async () => {
    await using here = place();
    const client = here.tcp.client();
    await here.rig.until("it stands", () => here.accepted.length > 0);
    for (let time = 0; time < 10; time += 1) {
      await here.rig.clock.advanceAsync(IDLE_MS - 2 * SWEEP_MS);
      if (time % 2 === 0) client.send("x");
      else here.accepted[0]?.send("y");
    }
    expect(client.closed).toBe(false);
  });

  test("a half-closed one is not left for ever", async () => {
    await using here = place();
    const client = here.tcp.client();
    client.end();
    expect(await closes(here, client)).toBeLessThan(IDLE_MS + 2 * SWEEP_MS);
  });

  test("a client that does not shake hands", async () => {
    await using here = place({ tls: serverTls });
    const client = here.tcp.client();
    expect(await closes(here, client)).toBeLessThan(1_000 + 2 * SWEEP_MS);
    expect([here.why(), here.accepted.length]).toEqual(["CLIENT_SLOW", 0]);
  });

  test("a client that sends no TLS is closed, and no server hears of it", async () => {
    await using here = place({ tls: serverTls });
    const client = here.tcp.client();
    client.send("GET / HTTP/1.1\r\n\r\n");
    await closes(here, client);
    expect([here.why(), here.accepted.length]).toEqual(["CLIENT_PROTOCOL", 0]);
  });

  test("a server that does not shake hands rests, and is spoken of", async () => {
    await using here = place({ setup: { tls: { verify: "none" } } });
    const client = here.tcp.client();
    expect(await closes(here, client)).toBeLessThan(CONNECT_MS + 2 * SWEEP_MS);
    expect([here.why(), here.tcp.unreachable.length]).toEqual(["SERVER_DIAL_SLOW", 1]);
    expect(here.tcp.group.upstream.targets[0]?.state.now).toBe("ejected");
  });

  test("a dial that nobody answers ends after the connect timeout", async () => {
    await using here = place({ silent: true });
    const client = here.tcp.client();
    expect(await closes(here, client)).toBeWithin(CONNECT_MS, CONNECT_MS + 50);
    expect([here.why(), here.tcp.unreachable.length]).toEqual(["SERVER_DIAL_SLOW", 1]);
  });
});

describe("TcpClient: waiting for a server", () => {
  test("it gets the first that is up, and what it said meanwhile arrives", async () => {
    await using here = place();
    here.tcp.group.upstream.judge({ s0: "down" });
    const client = here.tcp.client();
    client.send("early");
    await here.rig.clock.advanceAsync(CONNECT_MS / 2);
    expect(here.tcp.group.upstream.waiting.length).toBe(1);
    here.tcp.group.upstream.judge({ s0: "up" });
    await here.rig.until("it is heard", () => here.accepted[0]?.text === "early");
    client.close();
  });

  test("not for longer than a connect may take", async () => {
    await using here = place();
    here.tcp.group.upstream.judge({ s0: "down" });
    const client = here.tcp.client();
    expect(await closes(here, client)).toBeLessThan(CONNECT_MS + 2 * SWEEP_MS);
    expect(here.why()).toBe("NO_TARGET");
  });

  test("one more than may wait is reset at once", async () => {
    await using here = place({ setup: { queueMax: 2 } });
    here.tcp.group.upstream.judge({ s0: "down" });
    const clients = [here.tcp.client(), here.tcp.client(), here.tcp.client()];
    await here.rig.clock.advanceAsync(50);
    expect(clients.filter(({ closed }) => closed)).toHaveLength(1);
    expect(here.why()).toBe("OVERLOADED");
  });

  test("one that leaves while it waits leaves the queue", async () => {
    await using here = place();
    here.tcp.group.upstream.judge({ s0: "down" });
    const client = here.tcp.client();
    await here.rig.clock.advanceAsync(50);
    client.close();
    await here.rig.clock.advanceAsync(50);
    expect([here.tcp.group.upstream.waiting.length, here.tcp.service.open]).toEqual([0, 0]);
  });

  test("one that ends while it waits is passed on whole", async () => {
    await using here = place();
    here.tcp.group.upstream.judge({ s0: "down" });
    const client = here.tcp.client();
    client.send("last words");
    client.end();
    await here.rig.clock.advanceAsync(100);
    here.tcp.group.upstream.judge({});
    await here.rig.until("it is heard", () => here.accepted[0]?.ended === true);
    expect(here.accepted[0]?.text).toBe("last words");
  });

  test("what it may say meanwhile is bounded: then it is not read, and all of it comes in the end", async () => {
    await using here = place();
    here.tcp.group.upstream.judge({ s0: "down" });
    const client = here.tcp.client();
    client.send(new Uint8Array(1_000_000).fill(1));
    await here.rig.clock.advanceAsync(CONNECT_MS / 2);
    expect(here.tcp.budget.lentBytes).toBeWithin(TCP_LIMITS.tapeBytesMax, 4 * TCP_LIMITS.tapeBytesMax);
    here.tcp.group.upstream.judge({});
    await here.rig.until("all has come", () => here.accepted[0]?.bytes === 1_000_000);
    client.close();
  });
});

describe("TcpClient: another server", () => {
  const server = { host: "127.0.0.1", port: 19_000 };

  test("one that was unreachable is used again when it has rested and answers", async () => {
    const rig = new SimRig(9);
    const tcp = new TcpRig(rig, [server]);
    const early = tcp.client();
    await rig.until("it is reset", () => early.closed);
    expect(tcp.group.upstream.targets[0]?.state.now).toBe("ejected");
    rig.listen(server, { data: (peer, bytes) => void peer.send(bytes) });
    await rig.clock.advanceAsync(CONNECT_MS);
    const client = tcp.client();
    client.send("back");
    await rig.until("it is served", () => client.text === "back");
    expect(tcp.group.upstream.targets[0]?.state.now).toBe("up");
    client.close();
    expect(await tcp.end()).toEqual([]);
  });

  test("is not tried when retries cannot be paid any more", async () => {
    const rig = new SimRig(9);
    const good = rig.listen(rig.fresh("tcp"), { end: (peer) => peer.end() });
    const tcp = new TcpRig(rig, [server, good.address]);
    while (tcp.group.retries.spend());
    const clients = [tcp.client(), tcp.client()];
    for (const client of clients) client.end();
    await rig.until("both are over", () => clients.every(({ closed }) => closed));
    expect([tcp.door.counts.failures, tcp.door.counts.retries]).toEqual([1, 0]);
    expect(await tcp.end()).toEqual([]);
  });
});

describe("TcpService", () => {
  test("stop: resets all, in every state", async () => {
    await using here = place({ setup: { queueMax: 9 } });
    const stands = here.tcp.client();
    await here.rig.until("it stands", () => here.accepted.length > 0);
    here.tcp.group.upstream.judge({ s0: "down" });
    const waits = here.tcp.client();
    await here.rig.clock.advanceAsync(50);
    here.tcp.service.stop();
    await here.rig.until("all are gone", () => stands.closed && waits.closed);
    expect(here.tcp.service.open).toBe(0);
  });

  test("a target that leaves keeps its connections, and is idle when the last has ended", async () => {
    await using here = place();
    const client = here.tcp.client();
    await here.rig.until("it stands", () => here.accepted.length > 0);
    const target = here.tcp.group.upstream.targets[0];
    here.tcp.group.upstream.retarget([]);
    expect(target?.state.now).toBe("leaving");
    client.send("still here");
    await here.rig.until("it is heard", () => here.accepted[0]?.text === "still here");
    client.close();
    await here.rig.until("it is gone", () => target?.state.now === "gone");
  });

  test("no memory left: the connection that needs it is reset, the others go on", async () => {
    await using here = place();
    const hungry = here.tcp.client();
    await here.rig.until("it stands", () => here.accepted.length > 0);
    const calm = here.tcp.client();
    await here.rig.until("both stand", () => here.accepted.length > 1);
    const rest = here.tcp.budget.lend(here.tcp.budget.bytesMax / 2) ?? new Uint8Array(0);
    const more = here.tcp.budget.lend(here.tcp.budget.bytesMax / 2) ?? new Uint8Array(0);
    here.accepted[0]?.pause();
    hungry.send(new Uint8Array(500_000));
    await closes(here, hungry);
    expect(here.why()).toBe("OVERLOADED");
    calm.send("fine");
    await here.rig.until("it is heard", () => here.accepted[1]?.text === "fine");
    for (const block of [rest, more]) here.tcp.budget.giveBack(block);
    calm.close();
  });
});
