import { Router } from "express";

const gates = new Map<string, PromiseWithResolvers<void>>();

function gate(name: unknown): PromiseWithResolvers<void> {
  const found = gates.get(String(name)) ?? Promise.withResolvers<void>();
  gates.set(String(name), found);
  return found;
}

export const waiting = Router();

waiting.get("/stream", async (request, response) => {
  response.type("text").write("one\n");
  await gate(request.query["gate"]).promise;
  response.end("two\n");
});

waiting.get("/sse", async (request, response) => {
  response.type("text/event-stream").write("data: one\n\n");
  await gate(request.query["gate"]).promise;
  response.write("data: two\n\n");
});

waiting.get("/open", (request, response) => {
  gate(request.query["gate"]).resolve();
  response.send("opened");
});

waiting.get("/slow", (request, response) => {
  response.type("text").write("begun\n");
  setTimeout(() => response.end("slow\n"), Number(request.query["ms"]));
});
