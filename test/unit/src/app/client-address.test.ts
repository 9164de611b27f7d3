import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { type DenoServer, denoServe } from "../../../../src/app/deno-serve.ts";
import { CLIENT_FIELD, parseClient } from "../../../../src/app/client-address.ts";
import { Ports } from "../../../../src/app/ports.ts";
import { clock } from "../../../../src/run/clock.ts";

const ANN = "192.0.2.7:40001";
const BOB = "2001:db8::9";

let folder = "";
let path = "";
let ports: Ports | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-client-"));
  path = join(folder, "app.sock");
});
afterEach(async () => {
  await ports?.stop();
  ports?.remove();
  ports = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Behind the front, or, without it, on a unix socket that anyone may dial. */
function install(front = true): void {
  ports = new Ports({
    at: { path },
    ...(front ? { front: { host: "127.0.0.1", port: 3_000 } } : {}),
    clock,
    seen: () => undefined,
    refused: (problem) => {
      throw problem;
    },
    closed: () => undefined,
  });
  ports.install();
}

async function ask(from: string | undefined = ANN): Promise<Record<string, unknown>> {
  const headers = { Accept: "text/plain", ...(from === undefined ? {} : { [CLIENT_FIELD]: from }), Zebra: "z" };
  const response = await fetch("http://shop.example/cart?x=1", { unix: path, headers } as RequestInit);
  return (await response.json()) as Record<string, unknown>;
}

const listen = (server: http.Server): Promise<void> => new Promise((resolve) => server.listen(3_000, () => resolve()));

describe("parseClient", () => {
  test.each([
    ["192.0.2.7:40001", { address: "192.0.2.7", family: "IPv4", port: 40_001 }],
    ["192.0.2.7:40001;tls", { address: "192.0.2.7", family: "IPv4", port: 40_001 }],
    ["[2001:db8::9]:1", { address: "2001:db8::9", family: "IPv6", port: 1 }],
    ["2001:db8::9:1", { address: "2001:db8::9", family: "IPv6", port: 1 }],
    ["::ffff:192.0.2.7:65535", { address: "::ffff:192.0.2.7", family: "IPv6", port: 65_535 }],
  ] as const)("reads %s", (text, client) => {
    expect(parseClient(text)).toEqual(client);
  });

  test.each(["", "192.0.2.7", ":80", "shop.example:80", "192.0.2.7:65536", "192.0.2.7:1, 192.0.2.8:2", "1.2.3.4:5;x"])(
    "knows that no balancer of ours wrote %j",
    (text) => {
      expect(parseClient(text)).toBeUndefined();
    },
  );
});

describe("Bun.serve behind the front", () => {
  const fetch = (request: Request, server: Bun.Server<unknown>): Response =>
    Response.json({ ip: server.requestIP(request), names: [...request.headers.keys()], url: request.url });

  test("shows the client as requestIP, and not the field that says it", async () => {
    install();
    Bun.serve({ fetch });
    const seen = await ask();
    expect(seen["ip"]).toEqual({ address: "192.0.2.7", family: "IPv4", port: 40_001 });
    expect(seen["names"]).toEqual(expect.arrayContaining(["accept", "zebra"]));
    expect(seen["names"]).not.toContain("x-scale-client");
    expect(seen["url"]).toBe("http://shop.example/cart?x=1");
    expect((await ask(`[${BOB}]:7`))["ip"]).toEqual({ address: BOB, family: "IPv6", port: 7 });
  });

  test("does so in routes, and after a reload of its handlers", async () => {
    install();
    const routes = { "/cart": { GET: (request: Request, server: Bun.Server<unknown>) => fetch(request, server) } };
    const server = Bun.serve({ routes, fetch } as unknown as Parameters<typeof Bun.serve>[0]);
    expect((await ask())["ip"]).toMatchObject({ address: "192.0.2.7" });
    server.reload({ fetch } as unknown as Parameters<typeof server.reload>[0]);
    expect(await ask()).toMatchObject({ ip: { address: "192.0.2.7" }, url: "http://shop.example/cart?x=1" });
  });

  test("believes its port to be the front's", () => {
    install();
    expect(Bun.serve({ port: 0, fetch }).port).toBe(3_000);
    expect(ports?.port).toBe(3_000);
  });

  test("believes nobody when there is no front", async () => {
    install(false);
    Bun.serve({ fetch });
    expect(await ask()).toMatchObject({ ip: null, names: expect.arrayContaining(["x-scale-client"]) });
  });

  test("takes off a field that it cannot read, and knows no client then", async () => {
    install();
    Bun.serve({ fetch });
    const seen = await ask("somebody");
    expect(seen["ip"]).toBeNull();
    expect(seen["names"]).not.toContain("x-scale-client");
  });

  test("shows the client as remoteAddress of a WebSocket", async () => {
    install();
    const remote = Promise.withResolvers<string>();
    Bun.serve({
      fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no")),
      websocket: { open: (socket) => remote.resolve(socket.remoteAddress), message: () => undefined },
    });
    const socket = upgrade();
    expect(await remote.promise).toBe("192.0.2.7");
    socket.destroy();
  });

  test("is what Deno.serve tells its handler", async () => {
    install();
    const server: DenoServer = denoServe({ onListen: () => undefined }, (_request, { remoteAddr }) =>
      Response.json(remoteAddr),
    );
    expect(await ask()).toEqual({ transport: "tcp", hostname: "192.0.2.7", port: 40_001 });
    await server.shutdown();
  });
});

describe("node:http behind the front", () => {
  const show = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const { socket, rawHeaders, headers, headersDistinct, connection } = request;
    const { remoteAddress: ip, remotePort: port, remoteFamily: family, localAddress, localPort } = socket;
    response.end(
      JSON.stringify({
        from: { ip, port, family },
        to: { localAddress, localPort },
        same: connection.remoteAddress === ip,
        names: [...Object.keys(headers), ...Object.keys(headersDistinct)],
        headers,
        raw: rawHeaders,
      }),
    );
  };

  test("shows the client as the other end of the connection, and not the field that says it", async () => {
    install();
    await listen(http.createServer(show));
    const seen = await ask();
    expect(seen["from"]).toEqual({ ip: "192.0.2.7", port: 40_001, family: "IPv4" });
    expect(seen["to"]).toEqual({ localAddress: "127.0.0.1", localPort: 3_000 });
    expect(seen["same"]).toBe(true);
    expect(seen["names"]).not.toContain("x-scale-client");
    expect(seen["headers"]).toMatchObject({ accept: "text/plain", zebra: "z", host: "shop.example" });
    const raw = seen["raw"] as string[];
    expect(raw).not.toContain(CLIENT_FIELD);
    expect(raw.slice(raw.indexOf("Zebra"))[1]).toBe("z");
    expect(raw.slice(raw.indexOf("Accept"))[1]).toBe("text/plain");
  });

  test("shows raw lines that are asked for first, or only", async () => {
    install();
    await listen(
      http.createServer((request, response) =>
        response.end(JSON.stringify({ raw: request.rawHeaders, all: request.headers })),
      ),
    );
    const { raw, all } = await ask();
    expect(raw).not.toContain(CLIENT_FIELD);
    expect(all).not.toHaveProperty("x-scale-client");
    expect(all).toHaveProperty("zebra", "z");
  });

  test("tells clients apart that come over one connection", async () => {
    install();
    await listen(http.createServer((request, response) => response.end(request.socket.remoteAddress ?? "nobody")));
    const line = (from: string): string => `GET / HTTP/1.1\r\nHost: shop\r\n${CLIENT_FIELD}: ${from}\r\n\r\n`;
    const socket = connect(path);
    const heard = new Heard(socket);
    socket.write(line(ANN));
    await heard.until("192.0.2.7");
    socket.write(line(`[${BOB}]:1`));
    await heard.until(BOB);
    socket.write("GET / HTTP/1.1\r\nHost: shop\r\n\r\n");
    await heard.until("nobody");
    socket.destroy();
  });

  test("knows the client still when the answer is sent", async () => {
    install();
    const late = Promise.withResolvers<unknown>();
    await listen(
      http.createServer((request, response) => {
        response.on("finish", () => late.resolve(request.socket.remoteAddress));
        response.end("{}");
      }),
    );
    await ask();
    expect(await late.promise).toBe("192.0.2.7");
  });

  test("gives Express its req.ip", async () => {
    install();
    const app = express();
    app.get("/cart", (request, response) => void response.json({ ip: request.ip, protocol: request.protocol }));
    await listen(http.createServer(app));
    expect(await ask()).toEqual({ ip: "192.0.2.7", protocol: "http" });
  });

  test("tells who asks for an upgrade", async () => {
    install();
    const remote = Promise.withResolvers<unknown>();
    const server = http.createServer(show);
    server.on("upgrade", (request, socket) => {
      remote.resolve([request.socket.remoteAddress, request.headers["x-scale-client"]]);
      socket.destroy();
    });
    await listen(server);
    const socket = upgrade();
    expect(await remote.promise).toEqual(["192.0.2.7", undefined]);
    socket.destroy();
  });
});

/** Asks for a WebSocket as the balancer passes it on. */
function upgrade(): ReturnType<typeof connect> {
  const socket = connect(path);
  socket.on("error", () => undefined);
  socket.write(
    `GET / HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${CLIENT_FIELD}: ${ANN}\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  return socket;
}

class Heard {
  #text = "";
  #listening: () => void = () => undefined;

  constructor(socket: ReturnType<typeof connect>) {
    socket.on("data", (chunk) => {
      this.#text += chunk.toString("latin1");
      this.#listening();
    });
  }

  until(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#listening = () => {
        if (this.#text.includes(text)) resolve();
      };
      this.#listening();
    });
  }
}
