// Nothing but web standards: the same file runs under `deno serve`, plain `bun` and scale.
import { createHash } from "node:crypto";

const gates = new Map<string, PromiseWithResolvers<void>>();

function gate(url: URL): PromiseWithResolvers<void> {
  const name = url.searchParams.get("gate") ?? "";
  const found = gates.get(name) ?? Promise.withResolvers<void>();
  gates.set(name, found);
  return found;
}

// Deno hands over the client's address, Bun the server that knows it.
interface From {
  readonly remoteAddr?: { readonly hostname: string };
  requestIP?(request: Request): { readonly address: string } | null;
}

function stream(type: string, make: (write: (text: string) => void) => Promise<void>): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async start(controller) {
      await make((text) => controller.enqueue(encoder.encode(text)));
      controller.close();
    },
  });
  return new Response(body, { headers: { "Content-Type": type } });
}

async function digest(request: Request): Promise<Response> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return Response.json({ bytes, sha256: hash.digest("hex") });
}

function louder(request: Request): Response {
  const decoder = new TextDecoder();
  return stream("text/plain", async (write) => {
    for await (const chunk of request.body ?? []) write(decoder.decode(chunk).toUpperCase());
  });
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

async function answer(request: Request, from: From): Promise<Response> {
  const url = new URL(request.url);
  switch (`${request.method} ${url.pathname}`) {
    case "GET /":
      return new Response("hello");
    case "GET /whoami": {
      const client = from.remoteAddr?.hostname ?? from.requestIP?.(request)?.address;
      return Response.json({ client, port: Number(process.env["PORT"]), nodeEnv: process.env["NODE_ENV"] });
    }
    case "POST /echo":
      return digest(request);
    case "POST /duplex":
      return louder(request);
    case "GET /stream":
      return stream("text/plain", async (write) => {
        write("one\n");
        await gate(url).promise;
        write("two\n");
      });
    case "GET /sse":
      return stream("text/event-stream", async (write) => {
        write("data: one\n\n");
        await gate(url).promise;
        write("data: two\n\n");
      });
    case "GET /open":
      gate(url).resolve();
      return new Response("opened");
    case "GET /download":
      return download(url.searchParams.has("sized"));
    case "GET /slow":
      return stream("text/plain", async (write) => {
        write("begun\n");
        await new Promise((done) => setTimeout(done, Number(url.searchParams.get("ms"))));
        write("slow\n");
      });
    default:
      return new Response("not found", { status: 404 });
  }
}

export default { fetch: answer };
