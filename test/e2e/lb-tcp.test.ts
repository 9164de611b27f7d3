/** The built executable as a balancer of whole connections: integrity, half-close, fail-over and drain, with 1 and 2 workers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createServer, connect, type Server, type Socket } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { type AppBox, runApp } from "../kit/scale-app.ts";
import { until } from "../kit/until.ts";

const MIB = 1_048_576;
const BULK_BYTES = 50 * MIB;

/** Answers PING as Redis does, and everything else with itself. */
class EchoServer {
  readonly port: number;
  accepted = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async start(port = 0): Promise<EchoServer> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("Cannot find the port");
    return new EchoServer(server, address.port);
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let first = true;
    socket.on("data", (chunk: Buffer) => {
      // A check connects and says nothing.
      if (first) this.accepted += 1;
      first = false;
      const answer = chunk.equals(PING) ? "+PONG\r\n" : chunk;
      if (!socket.write(answer)) {
        socket.pause();
        socket.once("drain", () => socket.resume());
      }
    });
    socket.on("end", () => socket.end());
  }
}

const PING = Buffer.from("*1\r\n$4\r\nPING\r\n");

interface Said {
  readonly text: string;
  readonly bytes: number;
  readonly digest: string;
  readonly error: string | undefined;
}

/** Says all of it, ends, and hears until the end. */
function talk(port: number, bytes: Buffer): Promise<Said> {
  const { promise, resolve } = Promise.withResolvers<Said>();
  const hash = createHash("sha256");
  let [count, text] = [0, ""];
  let error: string | undefined;
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => socket.end(bytes));
  socket.on("data", (chunk: Buffer) => {
    count += chunk.length;
    if (text.length < 100) text += chunk.toString("latin1");
    hash.update(chunk);
  });
  socket.on("end", () => socket.end());
  socket.on("error", ({ message }) => (error = message));
  socket.on("close", () => resolve({ text, bytes: count, digest: hash.digest("hex"), error }));
  return promise;
}

function configure(
  file: string,
  {
    port,
    servers,
    workers,
    balance = "round-robin",
  }: {
    readonly port: number;
    readonly servers: readonly EchoServer[];
    readonly workers: number;
    readonly balance?: string;
  },
): void {
  const addresses = servers.map((server) => `"127.0.0.1:${server.port}"`).join(", ");
  const lines = [
    "[lb]",
    `listen = [{ address = "127.0.0.1:${port}", mode = "tcp", upstream = "redis" }]`,
    `workers = ${workers}`,
    "[lb.upstreams.redis]",
    `servers = [${addresses}]`,
    `balance = "${balance}"`,
    'health = { interval = "200ms", timeout = "200ms" }',
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
}

describe.each([1, 2])("with %i workers", (workers) => {
  let folder: string;
  let file: string;
  let box: AppBox;
  let port: number;
  let servers: EchoServer[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scale-lb-tcp-"));
    servers = [await EchoServer.start(), await EchoServer.start()];
    port = freePort();
    file = join(folder, "scale.toml");
    configure(file, { port, servers, workers });
    box = runApp({ role: "lb", words: ["--config", file] });
    await box.ready();
    if (workers === 2) await box.event("child_ready", { child: "worker 2" });
  });

  afterAll(async () => {
    expect(await box.stop()).toBe(0);
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a small protocol, over many connections, spread over both servers", async () => {
    const before = servers.map(({ accepted }) => accepted);
    const said = await Promise.all(Array.from({ length: 100 }, () => talk(port, PING)));
    expect(said.every(({ text, error }) => text === "+PONG\r\n" && error === undefined)).toBe(true);
    const taken = servers.map(({ accepted }, index) => accepted - (before[index] ?? 0));
    expect(Math.min(...taken)).toBeGreaterThan(20);
  });

  test("50 MiB both ways arrive whole, four times at once", async () => {
    const bytes = Buffer.alloc(BULK_BYTES);
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const said = await Promise.all([1, 2, 3, 4].map(() => talk(port, bytes)));
    for (const one of said) expect(one).toMatchObject({ bytes: BULK_BYTES, digest, error: undefined });
  }, 60_000);

  test("a server that is killed costs its own connections; new ones go to the other, until it is back", async () => {
    const [first, second] = servers as [EchoServer, EchoServer];
    await first.stop();
    const said = await Promise.all(Array.from({ length: 50 }, () => talk(port, PING)));
    expect(said.filter(({ text }) => text !== "+PONG\r\n")).toEqual([]);
    const before = second.accepted;
    servers[0] = await EchoServer.start(first.port);
    await until("it serves again", () => {
      void talk(port, PING);
      return (servers[0]?.accepted ?? 0) > 0;
    });
    expect(second.accepted).toBeGreaterThanOrEqual(before);
  }, 30_000);

  test("a reload of another setting drops no connection", async () => {
    const socket = connect(port, "127.0.0.1");
    let heard = "";
    socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    socket.write("before ");
    await until("it is heard", () => heard === "before ");
    configure(file, { port, servers, workers, balance: "least" });
    box.signal("SIGHUP");
    await box.event("reload_done");
    socket.write("after");
    await until("it is heard", () => heard === "before after");
    socket.destroy();
  });
});

test("drain: a connection that is there may finish, and then nobody answers", async () => {
  const server = await EchoServer.start();
  const port = freePort();
  const folder = mkdtempSync(join(tmpdir(), "scale-lb-tcp-"));
  const file = join(folder, "scale.toml");
  configure(file, { port, servers: [server], workers: 1 });
  const box = runApp({ role: "lb", words: ["--config", file] });
  await box.ready();
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let [heard, ended] = ["", false];
  socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
  socket.on("end", () => (ended = true));
  socket.write("one ");
  await until("it is heard", () => heard === "one ");
  const stopped = box.stop();
  await box.event("box_stopping");
  socket.end("two");
  await until("it has ended", () => ended);
  expect(heard).toBe("one two");
  expect(await stopped).toBe(0);
  expect((await talk(port, PING)).error).toContain("ECONNREFUSED");
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
