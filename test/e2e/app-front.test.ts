/** What a program sees of the front that stands before its workers, and what it does not. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { type AppBox, type Installed, installApp, runApp, writeApp } from "../kit/scale-app.ts";
import { until } from "../kit/until.ts";

const LIFE_MS = 60_000;

interface Started {
  readonly app: Installed;
  readonly box: AppBox;
  readonly url: string;
  readonly port: number;
}

interface Order {
  readonly app: Installed;
  readonly entry: string;
  /** More of [app]. */
  readonly lines?: string;
}

async function start({ app, entry, lines = "" }: Order): Promise<Started> {
  const port = freePort();
  const file = join(app.folder, "front.toml");
  writeFileSync(file, `[app]\nentry = "./${entry}"\nlisten = ${port}\nworkers = 2\n${lines}\n`);
  const box = runApp({ words: ["--config", file] });
  await box.ready();
  await box.event("child_ready", { child: "worker 2" });
  return { app, box, url: `http://127.0.0.1:${port}`, port };
}

const startText = (text: string, lines?: string): Promise<Started> =>
  start({ app: writeApp({ "server.ts": text }), entry: "server.ts", ...(lines === undefined ? {} : { lines }) });

async function end({ app, box }: Started): Promise<void> {
  expect(await box.stop()).toBe(0);
  app.remove();
}

async function statesOf({ admin }: AppBox): Promise<readonly string[]> {
  const answer = await fetch("http://admin/status", { unix: admin.slice("unix:".length) } as RequestInit);
  const { processes } = (await answer.json()) as { readonly processes: readonly { readonly state: string }[] };
  return processes.map(({ state }) => state);
}

/** Asked over connections of their own until every worker has answered. */
async function both(url: string): Promise<readonly string[]> {
  const seen = new Set<string>();
  await until("both workers have answered", async () => {
    seen.add(await (await fetch(url, { keepalive: false })).text());
    return seen.size === 2;
  });
  return [...seen].sort();
}

const SHOW = `import http from "node:http";
http.createServer((request, response) => {
  const { remoteAddress, remotePort, localPort } = request.socket;
  response.end(JSON.stringify({ remoteAddress, remotePort, localPort, raw: request.rawHeaders, headers: request.headers }));
}).listen(3000);`;

describe("the client's address", () => {
  test(
    "is the client's own, down to its port, and no client can say another",
    async () => {
      const started = await startText(SHOW);
      const socket = connect(started.port, "127.0.0.1");
      await new Promise((resolve) => socket.once("connect", resolve));
      const answer = new Promise<string>((resolve) => {
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk.toString();
          if (text.endsWith("}}")) resolve(text.slice(text.indexOf("{")));
        });
      });
      socket.write(
        "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Scale-Client: 192.0.2.66:1\r\nx-scale-client: 192.0.2.67:1\r\n" +
          "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc\r\n\r\n",
      );
      const seen = JSON.parse(await answer) as Record<string, unknown>;
      expect(seen).toMatchObject({ remoteAddress: "127.0.0.1", remotePort: socket.localPort, localPort: started.port });
      expect(seen["headers"]).toMatchObject({
        host: "shop.example",
        "x-forwarded-for": "198.51.100.7",
        "x-forwarded-proto": "https",
        "x-request-id": "abc",
      });
      expect(JSON.stringify(seen).toLowerCase()).not.toContain("x-scale-client");
      expect(JSON.stringify(seen)).not.toContain("192.0.2");
      socket.destroy();
      await end(started);
    },
    LIFE_MS,
  );

  test(
    "is not believed at tier 1, where nobody says it",
    async () => {
      const app = writeApp({ "server.ts": SHOW });
      const port = freePort();
      const box = runApp({ words: ["--listen", String(port), join(app.folder, "server.ts")] });
      await box.ready();
      const headers = { "X-Scale-Client": "192.0.2.66:1" };
      const seen = (await (await fetch(`http://127.0.0.1:${port}`, { headers })).json()) as Record<string, unknown>;
      expect(seen).toMatchObject({ remoteAddress: "127.0.0.1", headers: { "x-scale-client": "192.0.2.66:1" } });
      await end({ app, box, url: "", port });
    },
    LIFE_MS,
  );
});

test(
  "a program knows which worker it is, and each has memory of its own",
  async () => {
    const started = await startText(
      `import { worker } from "scale";
       export default { fetch: () => new Response(worker + " " + process.env.SCALE_WORKER) };`,
    );
    expect(await both(started.url)).toEqual(["1 1", "2 2"]);
    await end(started);
  },
  LIFE_MS,
);

test(
  "a program that serves TLS by itself is told why it cannot have several workers",
  async () => {
    const app = writeApp({
      "server.ts": 'Bun.serve({ tls: { cert: "a", key: "b" }, fetch: () => new Response("x") });',
    });
    const box = runApp({ words: ["--listen", String(freePort()), "--workers", "2", join(app.folder, "server.ts")] });
    expect(await box.exited).toBe(2);
    expect(box.said()).toContain("APP_TLS_BEHIND_FRONT");
    expect(box.said()).toContain("server.ts:1:");
    app.remove();
  },
  LIFE_MS,
);

const ECHO = `Bun.serve({
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("hello")),
  websocket: { message: (socket, text) => void socket.send(socket.remoteAddress + " " + text) },
});`;
const DRAIN_MS = 4_000;

describe("WebSockets of a worker that is replaced", () => {
  const cases = [
    ["Bun.serve", () => startText(ECHO, `drain_timeout = "${DRAIN_MS}ms"`), "/", "127.0.0.1 still here"],
    [
      "the ws package on node:http",
      () =>
        start({
          app: installApp("node-http", ["postgres", "ws"]),
          entry: "server.js",
          lines: `drain_timeout = "${DRAIN_MS}ms"`,
        }),
      "/ws",
      "still here",
    ],
  ] as const;

  for (const [what, run, path, answer] of cases) {
    test(
      `of ${what} go on until just before the drain deadline, and are then told to go away`,
      async () => {
        const started = await run();
        const socket = new WebSocket(`${started.url.replace("http", "ws")}${path}`);
        await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
        const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve, { once: true }));
        const reloadedAt = performance.now();
        started.box.signal("SIGHUP");
        await until("a worker drains", async () => (await statesOf(started.box)).includes("draining"));
        const heard = new Promise<MessageEvent>((resolve) =>
          socket.addEventListener("message", resolve, { once: true }),
        );
        socket.send("still here");
        expect((await heard).data).toBe(answer);
        expect((await closed).code).toBe(1_001);
        expect(performance.now() - reloadedAt).toBeGreaterThan(DRAIN_MS / 2);
        await started.box.event("reload_done");
        expect(await (await fetch(started.url)).text()).toBe("hello");
        await end(started);
      },
      LIFE_MS,
    );
  }
});
