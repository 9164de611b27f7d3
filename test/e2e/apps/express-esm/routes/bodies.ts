import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { Router } from "express";

export const bodies = Router();

bodies.post("/echo", async (request, response) => {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  response.json({ bytes, sha256: hash.digest("hex") });
});

function* megabytes(): Generator<Buffer> {
  for (let i = 0; i < 100; i += 1) yield Buffer.alloc(1 << 20, "0123456789abcdef");
}

bodies.get("/download", (request, response) => {
  if ("sized" in request.query) response.set("Content-Length", String(100 << 20));
  Readable.from(megabytes()).pipe(response);
});

bodies.post("/duplex", async (request, response) => {
  response.type("text");
  for await (const chunk of request) response.write(chunk.toString().toUpperCase());
  response.end();
});
