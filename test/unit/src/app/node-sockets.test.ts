import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import http from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { NodeSockets } from "../../../../src/app/node-sockets.ts";
import { until } from "../../../kit/until.ts";

const GOING_AWAY = Buffer.from([0x88, 2, 0x03, 0xe9]);
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

let server: http.Server;
let sockets: NodeSockets;
beforeEach(() => {
  server = http.createServer((_request, response) => response.end("plain"));
  sockets = new NodeSockets();
});
afterEach(() => server.close());

/** As a package does it: answers, and reads on. */
const takeUpgrades = (): void =>
  void server.on("upgrade", (_request, socket) => {
    socket.on("error", () => undefined);
    socket.on("end", () => socket.end());
    socket.resume();
    socket.write(SWITCH);
  });

async function listen(): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

function ask(protocol: string): { readonly socket: Socket; heard(): Buffer } {
  const parts: Buffer[] = [];
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("data", (chunk: Buffer) => parts.push(chunk));
  socket.on("error", () => undefined);
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
  return { socket, heard: () => Buffer.concat(parts) };
}

describe("NodeSockets", () => {
  test.each([
    ["before it is watched", () => [takeUpgrades(), sockets.watch(server)]],
    ["afterwards", () => [sockets.watch(server), takeUpgrades()]],
  ])("knows the WebSockets of a server that begins to take them %s, and says goodbye to each", async (_what, make) => {
    make();
    await listen();
    const { socket, heard } = ask("WebSocket");
    await until("it is open", () => sockets.size === 1 && heard().includes("101"));
    sockets.sayGoodbye();
    await until("it is told", () => heard().subarray(-GOING_AWAY.length).equals(GOING_AWAY));
    socket.end();
    await until("it is forgotten", () => sockets.size === 0);
  });

  test("leaves other protocols alone", async () => {
    takeUpgrades();
    sockets.watch(server);
    await listen();
    const { socket, heard } = ask("h2c");
    await until("it is answered", () => heard().includes("101"));
    expect(sockets.size).toBe(0);
    socket.destroy();
  });

  test("does not make a server take upgrades that it did not ask for", async () => {
    sockets.watch(server);
    expect(server.listenerCount("upgrade")).toBe(0);
    await listen();
    const { socket, heard } = ask("websocket");
    await until("it is answered as a request", () => heard().includes("plain"));
    socket.destroy();
  });
});
