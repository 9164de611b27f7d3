// Express as most people write it: CommonJS, a port in the code, ws beside it.
const { createHash } = require("node:crypto");
const { Readable } = require("node:stream");
const express = require("express");
const { WebSocketServer } = require("ws");
const { gate } = require("./gates");

const app = express();

function* megabytes() {
  for (let i = 0; i < 100; i += 1) yield Buffer.alloc(1 << 20, "0123456789abcdef");
}

app.get("/", (_request, response) => {
  response.type("text").send("hello");
});

app.get("/whoami", (request, response) => {
  response.json({ client: request.ip, port: server.address().port, nodeEnv: process.env.NODE_ENV });
});

app.post("/echo", (request, response) => {
  const hash = createHash("sha256");
  let bytes = 0;
  request.on("data", (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on("end", () => response.json({ bytes, sha256: hash.digest("hex") }));
});

app.post("/duplex", (request, response) => {
  response.type("text");
  request.on("data", (chunk) => response.write(chunk.toString().toUpperCase()));
  request.on("end", () => response.end());
});

app.get("/stream", async (request, response) => {
  response.type("text").write("one\n");
  await gate(request.query.gate).promise;
  response.end("two\n");
});

app.get("/sse", async (request, response) => {
  response.type("text/event-stream").write("data: one\n\n");
  await gate(request.query.gate).promise;
  response.write("data: two\n\n");
});

app.get("/open", (request, response) => {
  gate(request.query.gate).resolve();
  response.send("opened");
});

app.get("/download", (request, response) => {
  if ("sized" in request.query) response.set("Content-Length", String(100 << 20));
  Readable.from(megabytes()).pipe(response);
});

app.get("/slow", (request, response) => {
  response.type("text").write("begun\n");
  setTimeout(() => response.end("slow\n"), Number(request.query.ms));
});

app.get("/db", async (_request, response) => {
  const { db } = require("scale");
  const [row] = await db`select 1 as one`;
  response.json(row);
});

const server = app.listen(3000);
new WebSocketServer({ server, path: "/ws" }).on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
