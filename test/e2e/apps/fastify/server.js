// Fastify, which opens one server for each address of localhost.
import { createHash } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import Fastify from "fastify";
import { db } from "scale";
import { WebSocketServer } from "ws";

const gates = new Map();

function gate(name) {
  if (!gates.has(name)) gates.set(name, Promise.withResolvers());
  return gates.get(name);
}

const fastify = Fastify({ bodyLimit: Number.MAX_SAFE_INTEGER });

fastify.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
fastify.removeContentTypeParser("text/plain");

fastify.get("/", () => "hello");

fastify.get("/whoami", (request) => ({
  client: request.ip,
  port: fastify.server.address().port,
  nodeEnv: process.env.NODE_ENV,
}));

fastify.post("/echo", async (request) => {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of request.body) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
});

fastify.post("/duplex", (request, reply) => {
  const loud = new PassThrough();
  request.body.on("data", (chunk) => loud.write(chunk.toString().toUpperCase()));
  request.body.on("end", () => loud.end());
  return reply.type("text/plain").send(loud);
});

for (const [path, type, lines] of [
  ["/stream", "text/plain", ["one\n", "two\n"]],
  ["/sse", "text/event-stream", ["data: one\n\n", "data: two\n\n"]],
]) {
  fastify.get(path, (request, reply) => {
    const body = new PassThrough();
    body.write(lines[0]);
    gate(request.query.gate).promise.then(() => body.end(lines[1]));
    return reply.type(type).send(body);
  });
}

fastify.get("/open", (request) => {
  gate(request.query.gate).resolve();
  return "opened";
});

function* megabytes() {
  for (let i = 0; i < 100; i += 1) yield Buffer.alloc(1 << 20, "0123456789abcdef");
}

fastify.get("/download", (request, reply) => {
  if ("sized" in request.query) reply.header("Content-Length", 100 << 20);
  return reply.type("application/octet-stream").send(Readable.from(megabytes(), { objectMode: false }));
});

fastify.get("/slow", (request, reply) => {
  const body = new PassThrough();
  body.write("begun\n");
  setTimeout(() => body.end("slow\n"), Number(request.query.ms));
  return reply.type("text/plain").send(body);
});

fastify.get("/db", async () => {
  const [row] = await db`select 1 as one`;
  return row;
});

new WebSocketServer({ server: fastify.server, path: "/ws" }).on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

await fastify.listen({ port: 8088 });
