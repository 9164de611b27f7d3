/**
 * The lb as the built executable, before real servers (Bun.serve, node:http, nginx) and with real clients (fetch, node:http,
 * curl), with one worker and with two: what it forwards, what it survives, what it refuses.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { isWhole, type LbBox, lbFile, load, RawClient, runLb } from "../kit/lb-box.ts";
import { needs } from "../kit/needs.ts";
import { until } from "../kit/until.ts";

const TLS = join(import.meta.dir, "../data/tls");
const MEBIBYTE = 1_048_576;
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function keep<T extends { remove(): unknown }>(one: T): T {
  cleanups.push(() => one.remove());
  return one;
}

/** Echoes what it is sent, and says what it was asked for; `/big` is 64 MiB, `/hang` never answers. */
function bunServer(name = "bun"): string {
  const chunk = new Uint8Array(MEBIBYTE).fill(0x61);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    websocket: { message: (socket, message) => void socket.send(message) },
    async fetch(request, self) {
      const url = new URL(request.url);
      if (url.pathname === "/socket") return self.upgrade(request) ? undefined : new Response("no", { status: 400 });
      if (url.pathname === "/hang") return new Promise<Response>(() => undefined);
      if (url.pathname === "/late") await Bun.sleep(700);
      if (url.pathname === "/big") return new Response(bytesOf(chunk, 64));
      if (request.method === "POST") return new Response(await request.arrayBuffer());
      const from = request.headers.get("x-forwarded-for") ?? "nobody";
      return new Response(`${name} ${request.method} ${url.pathname} ${from}`);
    },
  });
  cleanups.push(() => server.stop(true));
  return `127.0.0.1:${server.port}`;
}

async function* bytesOf(chunk: Uint8Array, count: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < count; sent += 1) yield chunk;
}

async function nodeServer(): Promise<string> {
  const server = createServer((request, response) => {
    if (request.method !== "POST") {
      return response.end(`node ${request.method} ${request.url} ${String(request.headers["x-forwarded-for"])}`);
    }
    return request.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function nginxServer(nginx: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "lb-nginx-"));
  const port = freePort();
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((one) => `${one}_temp_path ${folder}/${one};`);
  const conf = `daemon off; pid ${folder}/pid; error_log ${folder}/error; worker_processes 1; events { }
http { access_log off; ${temp.join(" ")}
server { listen 127.0.0.1:${port}; location / { return 200 "nginx $request_method $uri $http_x_forwarded_for"; } } }`;
  writeFileSync(join(folder, "conf"), conf);
  const child = Bun.spawn([nginx, "-c", join(folder, "conf")], { stdout: "ignore", stderr: "ignore" });
  cleanups.push(async () => {
    child.kill("SIGQUIT");
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  });
  const open = (): Promise<boolean> =>
    RawClient.dial(port).then(
      (client) => (client.close(), true),
      () => false,
    );
  await until("nginx listens", open);
  return `127.0.0.1:${port}`;
}

/** By node:http over one kept connection. */
function nodeGet(agent: Agent, url: string): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const asked = httpRequest(url, { agent }, (response) => {
    let body = "";
    response.on("data", (bytes: Buffer) => (body += bytes.toString()));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
  });
  asked.on("error", reject);
  asked.end();
  return promise;
}

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
}

async function lb(
  workers: number,
  servers: readonly string[],
  more: Partial<Parameters<typeof runLb>[0]> = {},
): Promise<LbBox> {
  return keep(await runLb({ workers, servers, ...more }));
}

const { test: withTools, path } = needs("nginx", "curl");

describe.each([1, 2])("%i workers", (workers) => {
  withTools("every server answers every client, over kept connections and new ones", async () => {
    for (const [name, server] of [
      ["bun", bunServer()],
      ["node", await nodeServer()],
      ["nginx", await nginxServer(path("nginx"))],
    ] as const) {
      const box = await lb(workers, [server]);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let count = 0; count < 5; count += 1) {
        expect(await nodeGet(agent, `${box.url}/n`)).toEqual({ status: 200, body: `${name} GET /n 127.0.0.1` });
        expect(await (await fetch(`${box.url}/f`)).text()).toBe(`${name} GET /f 127.0.0.1`);
      }
      agent.destroy();
      const curl = Bun.spawn([path("curl"), "-s", `${box.url}/c`, `${box.url}/d`], { stdout: "pipe" });
      expect(await new Response(curl.stdout).text()).toBe(`${name} GET /c 127.0.0.1${name} GET /d 127.0.0.1`);
      expect((await fetch(`${box.url}/h`, { method: "HEAD" })).status).toBe(200);
      await box.remove();
    }
  });

  withTools("bodies pass whole both ways, with a length and in chunks, also for who waits for 100", async () => {
    const box = await lb(workers, [bunServer()]);
    const body = crypto.getRandomValues(new Uint8Array(65_536)).toHex().repeat(16);
    expect(await (await fetch(box.url, { method: "POST", body })).text()).toBe(body);
    const chunks = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < 8; at += 1) controller.enqueue(new TextEncoder().encode(body.slice(0, 100_000)));
        controller.close();
      },
    });
    const echoed = await (await fetch(box.url, { method: "POST", body: chunks })).text();
    expect(echoed.length).toBe(800_000);
    const words = ["-s", "-H", "Expect: 100-continue", "--data-binary", "@-", box.url];
    const curl = Bun.spawn([path("curl"), ...words], { stdin: new TextEncoder().encode(body), stdout: "pipe" });
    expect((await new Response(curl.stdout).text()) === body).toBe(true);
  });

  withTools("TLS with clients and with servers, each certified for its name", async () => {
    const secured = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: { cert: readFileSync(join(TLS, "server.pem")), key: readFileSync(join(TLS, "server.key")) },
      fetch: (request) => new Response(`secret ${request.headers.get("x-forwarded-proto")}`),
    });
    cleanups.push(() => secured.stop(true));
    const listen = `{ address = "ADDRESS", tls = { cert = "${TLS}/server.pem", key = "${TLS}/server.key" } }`;
    const box = await lb(workers, [`127.0.0.1:${secured.port}`], { listen, upstream: 'tls = true\nverify = "none"' });
    const words = ["-s", "--cacert", join(TLS, "ca.pem"), "--resolve", `server.test:${box.port}:127.0.0.1`];
    const curl = Bun.spawn([path("curl"), ...words, `https://server.test:${box.port}/`], { stdout: "pipe" });
    expect(await new Response(curl.stdout).text()).toBe("secret https");
    const strict = await lb(workers, [`127.0.0.1:${secured.port}`], { upstream: `tls = true\nca = "${TLS}/ca.pem"` });
    expect((await fetch(strict.url)).status).toBeOneOf([502, 503]);
  });

  test("a large download to a slow reader takes little memory", async () => {
    const box = await lb(workers, [bunServer()]);
    const client = await RawClient.dial(box.port);
    client.pause();
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    await Bun.sleep(500);
    for (const pid of await box.workerPids()) expect(rssOf(pid)).toBeLessThan(120 * MEBIBYTE);
    client.close();
    const whole = await (await fetch(`${box.url}/big`)).arrayBuffer();
    expect(whole.byteLength).toBe(64 * MEBIBYTE);
    for (const pid of await box.workerPids()) expect(rssOf(pid)).toBeLessThan(160 * MEBIBYTE);
  });

  test("a WebSocket passes, and a reload and another client's end leave it alone", async () => {
    const server = bunServer();
    const box = await lb(workers, [server]);
    const socket = new WebSocket(`ws://127.0.0.1:${box.port}/socket`);
    const heard: string[] = [];
    socket.onmessage = ({ data }) => void heard.push(String(data));
    await new Promise((resolve) => (socket.onopen = resolve));
    socket.send("one");
    await until("it echoes", () => heard.length === 1);
    await box.reload(lbFile(box.port, { workers, servers: [server], lb: 'idle_timeout = "5s"' }));
    socket.send("two".repeat(100_000));
    await until("it still does", () => heard.length === 2);
    expect(heard[1]?.length).toBe(300_000);
    socket.close();
  });

  test("kill -9 of a worker costs at most its own connections", async () => {
    const box = await lb(workers, [bunServer()]);
    let stop = false;
    const loads = load({ port: box.port, clients: 16, stop: () => stop });
    await Bun.sleep(300);
    const [pid = 0] = await box.workerPids();
    process.kill(pid, "SIGKILL");
    await until("another one is there", async () => {
      const pids = await box.workerPids();
      return pids.length === workers && !pids.includes(pid);
    });
    await Bun.sleep(300);
    stop = true;
    const { good, failed } = await loads;
    expect(failed.length).toBeLessThanOrEqual(16);
    expect(failed.filter((why) => !why.startsWith("it was closed"))).toEqual([]);
    expect(good).toBeGreaterThan(100);
  });

  test("reloads under load fail no request, of kept and of new connections", async () => {
    const [one, two] = [bunServer("one"), bunServer("two")];
    const box = await lb(workers, [one]);
    let stop = false;
    const options = { port: box.port, stop: () => stop };
    const loads = Promise.all([load({ ...options, clients: 16 }), load({ ...options, clients: 4, close: true })]);
    for (let count = 0; count < 8; count += 1) {
      await box.reload(lbFile(box.port, { workers, servers: count % 2 === 0 ? [two] : [one, two] }));
      await Bun.sleep(50);
    }
    stop = true;
    const [kept, fresh] = await loads;
    expect([...kept.failed, ...fresh.failed]).toEqual([]);
    expect(Math.min(kept.good, fresh.good)).toBeGreaterThan(50);
    expect((await (await fetch(box.url)).text()).slice(0, 3)).toBeOneOf(["one", "two"]);
  });

  test("SIGTERM answers what is under way and then ends", async () => {
    const box = await lb(workers, [bunServer()]);
    const late = fetch(`${box.url}/late`);
    await Bun.sleep(200);
    const ended = box.stop();
    expect((await late).status).toBe(200);
    expect(await ended).toBe(0);
  });

  test("half-closes, silence, and a dead server are told as they should", async () => {
    const box = await lb(workers, [bunServer()], { lb: 'request_timeout = "1s"\nhead_timeout = "500ms"' });
    const halved = await RawClient.dial(box.port);
    halved.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    halved.end();
    await until("it is answered", () => isWhole(halved.text) && halved.over);
    expect(halved.text).toContain("bun GET /late");
    const hanging = await fetch(`${box.url}/hang`);
    expect([hanging.status, await hanging.text()]).toEqual([504, "504 SERVER_SLOW\n"]);
    expect(hanging.headers.get("x-request-id")).toMatch(/^[0-9a-f]{16}-/);
    const slow = await RawClient.dial(box.port);
    slow.send("GET / HTTP/1.1\r\nHost:");
    await until("it is told", () => slow.over);
    expect(slow.text).toStartWith("HTTP/1.1 408 Request Timeout\r\n");
    for (const client of [halved, slow]) client.close();
    const nobody = await lb(workers, [`127.0.0.1:${freePort()}`]);
    const answer = await fetch(nobody.url);
    expect([answer.status, answer.headers.get("retry-after") ?? "none"]).toBeOneOf([
      [502, "none"],
      [503, "1"],
    ]);
  });

  test("10 000 half-open connections keep nobody out, and go", async () => {
    const box = await lb(workers, [bunServer()], { lb: 'head_timeout = "4s"\nclients_max = 40000' });
    const open: RawClient[] = [];
    for (let count = 0; count < 10_000; count += 100) {
      const some = await Promise.all(Array.from({ length: 100 }, () => RawClient.dial(box.port)));
      for (const client of some) client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
      open.push(...some);
    }
    const started = performance.now();
    expect((await fetch(box.url)).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(2_000);
    await until("they are told", () => open.every(({ over }) => over));
    expect(open.filter(({ text }) => text.startsWith("HTTP/1.1 408 ")).length).toBe(10_000);
    for (const client of open) client.close();
    expect((await fetch(box.url)).status).toBe(200);
  });
});
