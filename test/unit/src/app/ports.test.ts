import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../../../proxy/base/address.ts";
import { Ports } from "../../../../src/app/ports.ts";
import type { Problem } from "../../../../src/problem/problem.ts";
import type { Clock } from "../../../../proxy/base/clock.ts";
import { clock } from "../../../../src/run/clock.ts";
import { FakeClock } from "../../../kit/clock.ts";
import { until } from "../../../kit/until.ts";

interface NodeSocket {
  on(event: "message", listen: (text: unknown) => void): void;
  send(text: string): void;
}

/** The package has no types of its own. */
const { WebSocketServer } = createRequire(import.meta.url)("ws") as {
  WebSocketServer: new (options: { server: http.Server }) => {
    on(event: "connection", listen: (socket: NodeSocket) => void): void;
  };
};
const LOOPBACK: Address = { host: "127.0.0.1", port: 0 };
const LONG_MS = 30_000;
const hello = (): Response => new Response("hello");

let folder = "";
let ports: Ports;
let seen: string[];
let refused: Problem[];
let closed: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-ports-"));
});
afterEach(async () => {
  await ports.stop();
  ports.remove();
  rmSync(folder, { recursive: true, force: true });
});

function install(at: Address = LOOPBACK, time: Clock = clock): void {
  seen = [];
  refused = [];
  closed = 0;
  ports = new Ports({
    at,
    clock: time,
    seen: (method, url) => void seen.push(`${method} ${url}`),
    refused: (problem) => void refused.push(problem),
    closed: () => void (closed += 1),
  });
  ports.install();
}

async function listen(server: http.Server, ...at: unknown[]): Promise<http.Server> {
  const listening = new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  (server.listen as (...args: unknown[]) => unknown)(...at);
  await listening;
  return server;
}

const url = (path = "/"): string => `http://127.0.0.1:${ports.port}${path}`;
const ask = async (path?: string): Promise<string> => (await fetch(url(path), { keepalive: false })).text();

describe("what a program is shown", () => {
  test.each([
    ["a port", { port: 3_000 }, 3_000, "http://localhost:3000/"],
    ["a port in text", { port: "3001" }, 3_001, "http://localhost:3001/"],
    ["a host", { port: 80, hostname: "0.0.0.0" }, 80, "http://0.0.0.0/"],
    ["a host of IPv6", { port: 80, hostname: "::" }, 80, "http://[::]/"],
  ])("is %s that it asked Bun.serve for", async (_what, asked, port, href) => {
    install();
    const server = Bun.serve({ ...asked, fetch: hello } as Parameters<typeof Bun.serve>[0]);
    expect(server.port).toBe(port);
    expect(server.url.href).toBe(href);
    expect(ports.port).not.toBe(port);
    expect(await ask()).toBe("hello");
    expect(seen).toEqual([`GET ${url()}`]);
  });

  test("is the real port when any would do", () => {
    install();
    expect(Bun.serve({ port: 0, fetch: hello }).port).toBe(ports.port);
  });

  test.each([
    ["a port", [3_000], { address: "::", family: "IPv6", port: 3_000 }],
    ["a port and a host", [3_000, "127.0.0.1"], { address: "127.0.0.1", family: "IPv4", port: 3_000 }],
    ["options", [{ port: 3_000, host: "::1" }], { address: "::1", family: "IPv6", port: 3_000 }],
  ])("is %s that it asked node:http for", async (_what, at, shown) => {
    install();
    const server = await listen(
      http.createServer((_, response) => response.end("hello")),
      ...at,
    );
    expect(server.address()).toEqual(shown);
    expect(await ask("/a?b")).toBe("hello");
    expect(seen).toEqual(["GET /a?b"]);
  });

  test("is a unix socket when it asked for one, and is served where it is told all the same", async () => {
    install();
    const server = await listen(
      http.createServer((_, response) => response.end("hello")),
      join(folder, "own.sock"),
    );
    expect(server.address()).toBe(join(folder, "own.sock"));
    expect(existsSync(join(folder, "own.sock"))).toBe(false);
    expect(await ask()).toBe("hello");
  });
});

describe("Ports", () => {
  test("tells when the program has listened", async () => {
    install();
    expect(ports.isOpen).toBe(false);
    Bun.serve({ port: 1, fetch: hello });
    await ports.listening;
    expect(ports.isOpen).toBe(true);
  });

  test("refuses a second server, and says where both are", () => {
    install();
    Bun.serve({ port: 3_000, fetch: hello });
    expect(() => Bun.serve({ port: 9_090, fetch: hello })).toThrow("already listens on port 3000");
    expect(refused.map((problem) => problem.code)).toEqual(["APP_LISTENS_TWICE"]);
    expect(refused[0]?.parts.where?.file).toBe(import.meta.path);
    expect(refused[0]?.parts.why).toContain(`${import.meta.path}:`);
  });

  test("refuses a second server of node:http by its error event", async () => {
    install();
    await listen(http.createServer(), 3_000);
    await expect(listen(http.createServer(), 3_001)).rejects.toThrow("already listens on port 3000");
  });

  test("lets a framework listen on both addresses of localhost", async () => {
    install();
    await listen(
      http.createServer((_, response) => response.end("first")),
      8_088,
      "127.0.0.1",
    );
    const twin = await listen(
      http.createServer((_, response) => response.end("second")),
      8_088,
      "::1",
    );
    expect(twin.address()).toMatchObject({ port: 8_088 });
    expect(await ask()).toBe("first");
    expect(refused).toEqual([]);
    await new Promise((resolve) => twin.close(resolve));
    expect(closed).toBe(0);
  });

  test("lets a program that closed its server open another", async () => {
    install();
    const first = Bun.serve({ port: 1, fetch: hello });
    await first.stop(true);
    expect([closed, ports.isOpen]).toEqual([1, false]);
    Bun.serve({ port: 2, fetch: () => new Response("again") });
    expect(await ask()).toBe("again");
  });

  test("gives way to the program's own server when ours was provisional", async () => {
    install();
    ports.provisionally(() => Bun.serve({ fetch: hello }));
    expect(await ask()).toBe("hello");
    await listen(
      http.createServer((_, response) => response.end("own")),
      3_000,
    );
    expect(await ask()).toBe("own");
    expect([closed, refused]).toEqual([0, []]);
  });

  test("leaves errors in the program's options to the program", () => {
    install();
    expect(() => Bun.serve({ port: 1 } as never)).toThrow(TypeError);
    expect(refused).toEqual([]);
  });

  test("says that the address is taken", async () => {
    const other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    install({ host: "127.0.0.1", port: other.port });
    expect(() => Bun.serve({ port: 3_000, fetch: hello })).toThrow("another process does");
    expect(refused.map((problem) => problem.code)).toEqual(["APP_PORT_IN_USE"]);
    other.stop(true);
  });

  test("goes on seeing requests after the program reloads its handlers", async () => {
    install();
    const server = Bun.serve({ port: 1, fetch: hello });
    server.reload({ fetch: () => new Response("reloaded") });
    expect(await ask()).toBe("reloaded");
    expect(seen).toHaveLength(1);
  });

  test("takes back its hands when removed", async () => {
    const { serve } = Bun;
    const { listen: nodeListen } = http.Server.prototype;
    install();
    expect(Bun.serve).not.toBe(serve);
    ports.remove();
    expect(Bun.serve).toBe(serve);
    expect(http.Server.prototype.listen).toBe(nodeListen);
  });
});

describe("on a unix socket", () => {
  test("serves under its name, and two servers can change places", async () => {
    const path = join(folder, "app.sock");
    install({ path });
    const first = Bun.serve({ port: 3_000, fetch: hello });
    expect(first.port).toBe(3_000);
    expect(await (await fetch("http://app/", { unix: path })).text()).toBe("hello");
    const before = ports;
    before.remove();
    install({ path });
    Bun.serve({ port: 3_000, fetch: () => new Response("next") });
    await before.stop();
    expect(await (await fetch("http://app/", { unix: path })).text()).toBe("next");
    await ports.stop();
    expect(existsSync(path)).toBe(false);
  });
});

describe("drain", () => {
  test("waits for what is in flight and tells it that the connection ends", async () => {
    install();
    const { promise, resolve } = Promise.withResolvers<void>();
    Bun.serve({ port: 1, fetch: () => promise.then(hello) });
    const answer = ask();
    await until("the request is in flight", () => ports.inFlight === 1);
    let isDrained = false;
    const drained = ports.drain(LONG_MS).then(() => (isDrained = true));
    await until("nothing new is taken", () =>
      fetch(url(), { keepalive: false }).then(
        () => false,
        () => true,
      ),
    );
    expect(isDrained).toBe(false);
    resolve();
    expect(await answer).toBe("hello");
    await drained;
  });

  test("does not wait beyond its deadline", async () => {
    install();
    Bun.serve({ port: 1, fetch: () => new Promise<Response>(() => undefined) });
    fetch(url()).catch(() => undefined);
    await until("the request is in flight", () => ports.inFlight === 1);
    await ports.drain(0);
    expect(ports.inFlight).toBe(1);
  });

  test("answers a waiting connection of node:http once more, and closes it", async () => {
    install();
    await listen(
      http.createServer((_, response) => response.end("hello")),
      3_000,
    );
    const waiting = await talk();
    await waiting.ask();
    expect(waiting.said()).toContain("Connection: keep-alive");
    const { promise, resolve } = Promise.withResolvers<void>();
    void promise.then(() => ports.drain(LONG_MS)).then(resolve);
    await ports.drain(LONG_MS);
    await waiting.ask();
    expect(waiting.said()).toContain("Connection: close");
    await waiting.closed;
    resolve();
  });

  test("sends all of a long answer to a slow client", async () => {
    install();
    const body = Buffer.alloc(32 << 20, "x");
    await listen(
      http.createServer((_, response) => response.end(body)),
      3_000,
    );
    const slow = await talk();
    slow.pause();
    slow.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("the answer is under way", () => ports.inFlight === 1 && seen.length === 1);
    const drained = ports.drain(LONG_MS);
    slow.resume();
    await drained;
    await until("all of it has come", () => slow.bytes() > body.length);
  });

  test("closes a node:http server that says goodbye by closing", async () => {
    install();
    const server = await listen(http.createServer(), 3_000);
    await ports.drain(LONG_MS);
    const closedOnce = await new Promise((resolve) => server.close(resolve));
    expect(closedOnce).toBeUndefined();
    const closedTwice = await new Promise((resolve) => server.close(resolve));
    expect(closedTwice).toMatchObject({ code: "ERR_SERVER_NOT_RUNNING" });
  });

  describe("of WebSockets", () => {
    const echo = (): void => {
      Bun.serve({
        port: 1,
        fetch: (request, self) => (self.upgrade(request) ? undefined : hello()),
        websocket: { message: (socket, text) => void socket.send(text) },
      });
    };
    const ofNode = async (): Promise<void> => {
      const server = http.createServer((_request, response) => response.end("hello"));
      new WebSocketServer({ server }).on("connection", (socket) => {
        socket.on("message", (text) => socket.send(String(text)));
      });
      await listen(server, 3_000);
    };

    test("says that it goes away at once when nobody should wait, and has forgotten those that closed before", async () => {
      install();
      echo();
      const [early, late] = [new WebSocket(url()), new WebSocket(url())];
      await until("both are open", () => ports.webSockets === 2);
      early?.close();
      await until("one is closed", () => ports.webSockets === 1);
      const closing = new Promise<CloseEvent>((resolve) => late?.addEventListener("close", resolve));
      await ports.drain(LONG_MS, "at once");
      expect((await closing).code).toBe(1_001);
    });

    test("does not end before the client can have heard it", async () => {
      const time = new FakeClock();
      install(LOOPBACK, time);
      echo();
      const socket = new WebSocket(url());
      await until("it is open", () => ports.webSockets === 1);
      let ended = false;
      const drained = ports.drain(LONG_MS, "at once").then(() => (ended = true));
      await time.advanceAsync(490);
      expect(ports.webSockets).toBe(0);
      expect(ended).toBe(false);
      await time.advanceAsync(30);
      await drained;
      socket.close();
    });

    test.each([
      ["Bun.serve", echo],
      ["a package on node:http", ofNode],
    ])("of %s lets them talk until just before the deadline, and then says so", async (_what, serve) => {
      const time = new FakeClock();
      install(LOOPBACK, time);
      await serve();
      const socket = new WebSocket(url());
      const closing = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
      await until("it is open", () => ports.webSockets === 1 && socket.readyState === WebSocket.OPEN);
      const drained = ports.drain(LONG_MS);
      time.advance(LONG_MS - 1_010);
      const answer = new Promise<MessageEvent>((resolve) => socket.addEventListener("message", resolve));
      socket.send("still here");
      expect((await answer).data).toBe("still here");
      expect(socket.readyState).toBe(WebSocket.OPEN);
      time.advance(20);
      expect((await closing).code).toBe(1_001);
      await until("it is forgotten", () => ports.webSockets === 0 && ports.inFlight === 0);
      time.advance(990);
      await drained;
    });
  });
});

async function talk() {
  const socket = connect(ports.port, "127.0.0.1");
  let said = "";
  let bytes = 0;
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    if (said.length < 10_000) said += chunk.toString("latin1");
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return {
    closed,
    said: () => said,
    bytes: () => bytes,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    write: (text: string) => socket.write(text),
    ask: async () => {
      said = "";
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await until("it is answered", () => said.endsWith("hello"));
    },
  };
}
