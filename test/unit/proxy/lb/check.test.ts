/** One check against servers of every kind, on the simulated network. */
import { describe, expect, test } from "bun:test";
import { Check, type CheckOrder, type CheckResult } from "../../../../proxy/lb/check.ts";
import type { Clock } from "../../../../proxy/base/clock.ts";
import { engines, SimRig } from "../../../kit/net-rig.ts";
import type { Peer, Reactions } from "../../../kit/net-peer.ts";
import { clientTls, serverTls } from "../../../talk/lb/tcp-tls.ts";

const TIMEOUT_MS = 500;
const READY = { path: "/readyz" };
const CONNECT = {};

interface Seen {
  readonly result: CheckResult | undefined;
  readonly results: number;
  readonly tookMs: number;
  readonly heard: string;
}

/** Runs one check until its connection is closed. */
async function run(
  reactions: Reactions | undefined,
  order: Partial<CheckOrder> = READY,
  rig = new SimRig(5),
): Promise<Seen> {
  const accepted: Peer[] = [];
  const listener = rig.listen(rig.fresh("tcp"), reactions ?? {}, (peer) => accepted.push(peer));
  if (reactions === undefined) listener.stop();
  const results: CheckResult[] = [];
  const fromMs = rig.clock.now();
  let tookMs = 0;
  const parts = { net: rig.net, clock: rig.clock };
  const whole = { address: listener.address, host: "app1:3000", timeoutMs: TIMEOUT_MS, ...order };
  const check = new Check(parts, whole, (result) => {
    results.push(result);
    tookMs = rig.clock.now() - fromMs;
  });
  await rig.until("it is told", () => results.length > 0);
  await rig.clock.advanceAsync(TIMEOUT_MS + 100);
  check.stop();
  // The network has a timer of its own for each dial.
  await rig.clock.advanceAsync(2 * TIMEOUT_MS);
  expect(rig.sim.openWires).toBe(0);
  expect(rig.clock.waiting).toBe(0);
  expect(await rig.end()).toEqual([]);
  return { result: results[0], results: results.length, tookMs, heard: accepted[0]?.text ?? "" };
}

function answering(...pieces: readonly string[]): Reactions {
  return {
    data: (peer) => {
      if (!peer.text.endsWith("\r\n\r\n")) return;
      for (const piece of pieces) peer.send(piece);
    },
    end: (peer) => peer.end(),
  };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("Check: an answer", () => {
  const rows: readonly [name: string, reactions: Reactions, why: string | undefined][] = [
    ["200", answering(OK), undefined],
    ["204", answering("HTTP/1.1 204 No Content\r\n\r\n"), undefined],
    ["302", answering("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"), undefined],
    ["399", answering("HTTP/1.1 399 Odd\r\n\r\n"), undefined],
    ["of HTTP/1.0, until the end", answering("HTTP/1.0 200 OK\r\n\r\nready"), undefined],
    ["behind an interim one", answering("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", OK), undefined],
    ["in single bytes", answering(...OK), undefined],
    ["with a body without end", answering(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(1_000_000)}`), undefined],
    ["400", answering("HTTP/1.1 400 Bad Request\r\n\r\n"), "it answered 400"],
    ["404", answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "it answered 404"],
    ["503", answering("HTTP/1.1 503 Starting\r\nContent-Length: 0\r\n\r\n"), "it answered 503"],
    ["101", answering("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), "101"],
    ["that is garbage", answering("SSH-2.0-OpenSSH_9.2\r\n"), "not HTTP: VERSION"],
    ["that is a TLS alert", answering("\x15\x03\x01\x00\x02\x02\x46"), "not HTTP"],
    ["with a status of letters", answering("HTTP/1.1 OK fine\r\n\r\n"), "not HTTP: STATUS"],
    ["with bare LF", answering("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), "not HTTP: LINE_END"],
    ["with two lengths", answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), "not HTTP"],
    ["with a head without end", answering(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}`), "not HTTP"],
  ];

  test.each(rows)("%s", async (_, reactions, why) => {
    const { result, results, tookMs, heard } = await run(reactions);
    expect(results).toBe(1);
    expect(result?.says).toBe(why === undefined ? "good" : "bad");
    expect(result?.why ?? "").toContain(why ?? "");
    expect(tookMs).toBeLessThan(TIMEOUT_MS);
    expect(heard).toStartWith("GET /readyz HTTP/1.1\r\nHost: app1:3000\r\nUser-Agent: scale-check\r\n");
    expect(heard).toEndWith("\r\nConnection: close\r\n\r\n");
  });
});

describe("Check: no answer", () => {
  const stalls: readonly [name: string, reactions: Reactions][] = [
    ["accepts and says nothing", {}],
    ["says half a head and stops", answering("HTTP/1.1 200 OK\r\nContent-")],
    ["sends interim answers only", answering("HTTP/1.1 102 Processing\r\n\r\n")],
    ["sends the head too late", { data: () => undefined, end: (peer) => peer.end() }],
  ];
  test.each(stalls)("a server that %s is bad after the timeout", async (_, reactions) => {
    const { result, tookMs } = await run(reactions);
    expect(result).toEqual({ says: "bad", why: `it did not answer within ${TIMEOUT_MS} ms` });
    expect(tookMs).toBeWithin(TIMEOUT_MS, TIMEOUT_MS + 2);
  });

  const ends: readonly [name: string, reactions: Reactions | undefined, why: string][] = [
    ["refuses", undefined, "ECONNREFUSED"],
    ["ends at once", { drain: () => undefined, data: (peer) => peer.end() }, "ended without an answer"],
    ["resets", { data: (peer) => peer.close() }, "ECONNRESET"],
    ["ends in the middle of a head", { data: (peer) => (peer.send("HTTP/1.1 2"), peer.end()) }, "ended without"],
  ];
  test.each(ends)("a server that %s is bad at once", async (_, reactions, why) => {
    const { result, tookMs, results } = await run(reactions);
    expect([result?.says, results]).toEqual(["bad", 1]);
    expect(result?.why).toContain(why);
    expect(tookMs).toBeLessThan(TIMEOUT_MS);
  });

  test("an address that swallows the dial is bad after the timeout", async () => {
    const rig = new SimRig(5, undefined, { plan: () => ({ silent: true }) });
    const { result, tookMs } = await run({}, READY, rig);
    expect([result?.says, Math.round(tookMs)]).toEqual(["bad", TIMEOUT_MS]);
  });
});

describe("Check: a connect", () => {
  test("is enough without a path, and nothing is sent", async () => {
    const { result, heard } = await run({ end: (peer) => peer.end() }, CONNECT);
    expect([result?.says, heard]).toEqual(["good", ""]);
  });

  test("that is refused is bad", async () => {
    expect((await run(undefined, CONNECT)).result?.says).toBe("bad");
  });

  test("in TLS wants the handshake, and a certificate where one is asked for", async () => {
    const secure = { drain: () => undefined, end: (peer: Peer) => peer.end() };
    for (const [tls, says] of [
      [{ verify: "none" }, "good"],
      [clientTls, "good"],
      [{ ...clientTls, serverName: "other.test" }, "bad"],
    ] as const) {
      const rig = new SimRig(5);
      const listener = rig.listen(rig.fresh("tcp"), secure, (peer) => peer.startTls(serverTls, "server"));
      const results: CheckResult[] = [];
      const order = { address: listener.address, host: "x", tls, timeoutMs: TIMEOUT_MS };
      const check = new Check({ net: rig.net, clock: rig.clock }, order, (result) => results.push(result));
      await rig.until("it is told", () => results.length > 0);
      expect(results[0]?.says).toBe(says);
      check.stop();
      expect(await rig.end()).toEqual([]);
    }
  });
});

describe("Check", () => {
  test("a path cannot smuggle a field in, and keeps what is encoded already", async () => {
    const { heard } = await run(answering(OK), { path: "/a b\r\nX-Evil: 1?q=%20é" });
    expect(heard).toStartWith("GET /a%20b%0D%0AX-Evil:%201?q=%20%C3%A9 HTTP/1.1\r\nHost: ");
  });

  test("when we stood still, nothing is said about the server", async () => {
    const rig = new SimRig(5);
    const still: Clock = {
      now: () => rig.clock.now() * 10,
      wall: () => 0,
      after: (ms, task) => rig.clock.after(ms, task),
      every: (ms, task) => rig.clock.every(ms, task),
    };
    const listener = rig.listen(rig.fresh("tcp"));
    const results: CheckResult[] = [];
    const order = { address: listener.address, host: "x", path: "/", timeoutMs: TIMEOUT_MS };
    new Check({ net: rig.net, clock: still }, order, (result) => results.push(result));
    await rig.until("it is told", () => results.length > 0);
    expect(results[0]?.says).toBe("void");
    expect(await rig.end()).toEqual([]);
  });

  test("what comes behind an answer is not read for ever", async () => {
    const rig = new SimRig(5);
    const accepted: Peer[] = [];
    const { end: _, ...endless } = answering(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(3_000_000)}`);
    const listener = rig.listen(rig.fresh("tcp"), endless, (peer) => accepted.push(peer));
    const order = { address: listener.address, host: "x", path: "/", timeoutMs: 60_000 };
    new Check({ net: rig.net, clock: rig.clock }, order, () => undefined);
    await rig.until("it is closed", () => accepted[0]?.closed === true);
    expect(accepted[0]?.spill.length).toBe(0);
    expect(await rig.end()).toEqual([]);
  });

  test("stop: the connection is closed, and nothing is told", async () => {
    const rig = new SimRig(5);
    const listener = rig.listen(rig.fresh("tcp"));
    const order = { address: listener.address, host: "x", path: "/", timeoutMs: TIMEOUT_MS };
    const check = new Check({ net: rig.net, clock: rig.clock }, order, () => expect.unreachable());
    await rig.settle();
    check.stop();
    check.stop();
    await rig.settle();
    expect(rig.sim.openWires).toBe(0);
    expect(await rig.end()).toEqual([]);
  });

  test.each(["bun", "stingy", "stingySimulated"] as const)("passes on the engine %s", async (name) => {
    const rig = engines[name].make();
    const listener = rig.listen(rig.fresh("tcp"), answering(OK));
    const results: CheckResult[] = [];
    const clock = rig instanceof SimRig ? rig.clock : (await import("../../../../src/run/clock.ts")).clock;
    const order = { address: listener.address, host: "x", path: "/", timeoutMs: 2_000 };
    const check = new Check({ net: rig.net, clock }, order, (result) => results.push(result));
    await rig.until("it is told", () => results.length > 0);
    expect(results[0]?.says).toBe("good");
    check.stop();
    expect(await rig.end()).toEqual([]);
  });
});
