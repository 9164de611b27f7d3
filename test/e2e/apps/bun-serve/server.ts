// Bun.serve as Bun's own documentation has it: routes, a fetch for the rest, WebSockets.
import { serve } from "bun";
import { db } from "scale";

const gates = new Map<string, PromiseWithResolvers<void>>();

function gate(request: Request): PromiseWithResolvers<void> {
  const name = new URL(request.url).searchParams.get("gate") ?? "";
  const found = gates.get(name) ?? Promise.withResolvers<void>();
  gates.set(name, found);
  return found;
}

async function digest(request: Request): Promise<Response> {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return Response.json({ bytes, sha256: hash.digest("hex") });
}

function download(sized: boolean): Response {
  const megabyte = new TextEncoder().encode("0123456789abcdef".repeat(1 << 16));
  if (sized) return new Response(new Blob(Array(100).fill(megabyte)));
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(megabyte.slice());
      sent += 1;
      if (sent === 100) controller.close();
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/octet-stream" } });
}

const server = serve({
  port: 4321,
  routes: {
    "/": new Response("hello"),
    "/db": async () => {
      const [row] = await db`select 1 as one`;
      return Response.json(row);
    },
    "/open": (request) => {
      gate(request).resolve();
      return new Response("opened");
    },
    "/echo": { POST: digest },
    "/whoami": (request, self) =>
      Response.json({
        client: self.requestIP(request)?.address,
        port: self.port,
        nodeEnv: process.env.NODE_ENV,
        url: String(server.url),
      }),
  },
  async fetch(request, self) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/ws":
        return self.upgrade(request) ? undefined : new Response("not a WebSocket", { status: 400 });
      case "/stream":
        return new Response(
          async function* () {
            yield "one\n";
            await gate(request).promise;
            yield "two\n";
          },
        );
      case "/sse":
        return new Response(
          async function* () {
            yield "data: one\n\n";
            await gate(request).promise;
            yield "data: two\n\n";
          },
          { headers: { "Content-Type": "text/event-stream" } },
        );
      case "/duplex":
        return new Response(async function* () {
          const decoder = new TextDecoder();
          for await (const chunk of request.body ?? []) yield decoder.decode(chunk).toUpperCase();
        });
      case "/download":
        return download(url.searchParams.has("sized"));
      case "/slow":
        return new Response(async function* () {
          yield "begun\n";
          await Bun.sleep(Number(url.searchParams.get("ms")));
          yield "slow\n";
        });
      default:
        return new Response("not found", { status: 404 });
    }
  },
  websocket: {
    message(socket, data) {
      socket.send(data);
    },
  },
});
