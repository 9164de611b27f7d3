// Written for Deno: its global, its server, its WebSockets, its way to read a file.
const gates = new Map<string, PromiseWithResolvers<void>>();

function gate(url: URL): PromiseWithResolvers<void> {
  const name = url.searchParams.get("gate") ?? "";
  const found = gates.get(name) ?? Promise.withResolvers<void>();
  gates.set(name, found);
  return found;
}

function stream(type: string, make: (write: (text: string) => void) => Promise<void>): Response {
  const { readable, writable } = new TransformStream<string, string>();
  const writer = writable.getWriter();
  void make((text) => void writer.write(text)).then(() => writer.close());
  return new Response(readable.pipeThrough(new TextEncoderStream()), { headers: { "Content-Type": type } });
}

async function digest(request: Request): Promise<Response> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return Response.json({ bytes, sha256: hash.digest("hex") });
}

function echo(request: Request): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => socket.send(event.data);
  return response;
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

const server = Deno.serve({ port: Number(Deno.env.get("PORT")), onListen: () => {} }, async (request, info) => {
  const url = new URL(request.url);
  switch (`${request.method} ${url.pathname}`) {
    case "GET /":
      return new Response((await Deno.readTextFile(new URL("./hello.txt", import.meta.url))).trim());
    case "GET /whoami":
      return Response.json({
        client: info.remoteAddr.hostname,
        port: server.addr.port,
        nodeEnv: Deno.env.get("NODE_ENV"),
        main: import.meta.main,
      });
    case "POST /echo":
      return digest(request);
    case "POST /duplex":
      return stream("text/plain", async (write) => {
        const decoder = new TextDecoder();
        for await (const chunk of request.body ?? []) write(decoder.decode(chunk).toUpperCase());
      });
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
    case "GET /ws":
      return echo(request);
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
});
