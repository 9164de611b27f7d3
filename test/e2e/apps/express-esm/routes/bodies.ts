import { createHash } from "node:crypto";
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

bodies.post("/duplex", async (request, response) => {
  response.type("text");
  for await (const chunk of request) response.write(chunk.toString().toUpperCase());
  response.end();
});
