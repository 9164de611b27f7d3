// Hono on Bun: streaming, server-sent events and WebSockets by its own helpers.
import { Hono } from "hono";
import { getConnInfo, upgradeWebSocket, websocket } from "hono/bun";
import { stream, streamSSE } from "hono/streaming";
import { db } from "scale";

const gates = new Map<string, PromiseWithResolvers<void>>();

function gate(name: string | undefined): PromiseWithResolvers<void> {
  const found = gates.get(name ?? "") ?? Promise.withResolvers<void>();
  gates.set(name ?? "", found);
  return found;
}

const app = new Hono();

app.get("/", (context) => context.text("hello"));

app.get("/whoami", (context) =>
  context.json({
    client: getConnInfo(context).remote.address,
    port: Number(process.env["PORT"]),
    nodeEnv: process.env["NODE_ENV"],
  }),
);

app.post("/echo", async (context) => {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return context.json({ bytes, sha256: hash.digest("hex") });
});

app.post("/duplex", (context) =>
  stream(context, async (out) => {
    const decoder = new TextDecoder();
    for await (const chunk of context.req.raw.body ?? []) await out.write(decoder.decode(chunk).toUpperCase());
  }),
);

app.get("/stream", (context) =>
  stream(context, async (out) => {
    await out.write("one\n");
    await gate(context.req.query("gate")).promise;
    await out.write("two\n");
  }),
);

app.get("/sse", (context) =>
  streamSSE(context, async (out) => {
    await out.writeSSE({ data: "one" });
    await gate(context.req.query("gate")).promise;
    await out.writeSSE({ data: "two" });
  }),
);

app.get("/open", (context) => {
  gate(context.req.query("gate")).resolve();
  return context.text("opened");
});

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

app.get("/download", (context) => download(context.req.query("sized") !== undefined));

app.get("/slow", (context) =>
  stream(context, async (out) => {
    await out.write("begun\n");
    await out.sleep(Number(context.req.query("ms")));
    await out.write("slow\n");
  }),
);

app.get("/db", async (context) => {
  const [row] = await db`select 1 as one`;
  return context.json(row);
});

app.get(
  "/ws",
  upgradeWebSocket(() => ({
    onMessage: (event, socket) => socket.send(event.data as string | ArrayBuffer),
  })),
);

export default { fetch: app.fetch, websocket };
