// node:http alone, the port from the environment, and a database client of its own choice.
const { createHash } = require("node:crypto");
const http = require("node:http");
const { Readable } = require("node:stream");
const postgres = require("postgres");
const { WebSocketServer } = require("ws");

const gates = new Map();

function gate(name) {
  if (!gates.has(name)) gates.set(name, Promise.withResolvers());
  return gates.get(name);
}

function json(response, value) {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(value));
}

async function twoParts(response, type, query, parts) {
  response.writeHead(200, { "Content-Type": type });
  response.write(parts[0]);
  await gate(query.get("gate")).promise;
  response.end(parts[1]);
}

function* megabytes() {
  for (let i = 0; i < 100; i += 1) yield Buffer.alloc(1 << 20, "0123456789abcdef");
}

const routes = {
  "GET /": (_request, response) => response.end("hello"),
  "GET /whoami": (request, response) =>
    json(response, { client: request.socket.remoteAddress, port: server.address().port, nodeEnv: process.env.NODE_ENV }),
  "POST /echo": (request, response) => {
    const hash = createHash("sha256");
    let bytes = 0;
    request.on("data", (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    request.on("end", () => json(response, { bytes, sha256: hash.digest("hex") }));
  },
  "POST /duplex": (request, response) => {
    request.on("data", (chunk) => response.write(chunk.toString().toUpperCase()));
    request.on("end", () => response.end());
  },
  "GET /stream": (_request, response, query) => twoParts(response, "text/plain", query, ["one\n", "two\n"]),
  "GET /sse": (_request, response, query) =>
    twoParts(response, "text/event-stream", query, ["data: one\n\n", "data: two\n\n"]),
  "GET /open": (_request, response, query) => {
    gate(query.get("gate")).resolve();
    response.end("opened");
  },
  "GET /download": (_request, response, query) => {
    if (query.has("sized")) response.setHeader("Content-Length", 100 << 20);
    Readable.from(megabytes()).pipe(response);
  },
  "GET /slow": (_request, response, query) => {
    response.write("begun\n");
    setTimeout(() => response.end("slow\n"), Number(query.get("ms")));
  },
  "GET /db": async (_request, response) => {
    const sql = postgres(process.env.DATABASE_URL, { max: 1 });
    const [row] = await sql`select 1 as one`;
    await sql.end();
    json(response, row);
  },
};

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  const route = routes[`${request.method} ${url.pathname}`];
  if (route === undefined) {
    response.statusCode = 404;
    response.end("not found");
  } else route(request, response, url.searchParams);
});

new WebSocketServer({ server, path: "/ws" }).on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

server.listen(process.env.PORT, "0.0.0.0");
