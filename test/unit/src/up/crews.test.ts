import { expect, test } from "bun:test";
import { askProcesses, crewsText } from "../../../../src/up/crews.ts";

const processes = [
  { process: "keeper", index: 0, pid: 1, state: "ready", restarts: 0, rssBytes: 1, uptimeMs: 1 },
  { process: "worker", index: 1, pid: 2, state: "ready", restarts: 0, rssBytes: 1, uptimeMs: 1 },
  { process: "worker", index: 2, pid: 3, state: "draining", restarts: 0, rssBytes: 1, uptimeMs: 1, why: "it drains" },
  { process: "pool", index: 1, pid: 4, state: "ready", restarts: 0, rssBytes: 1, uptimeMs: 1 },
  { process: "lb", index: 1, pid: 5, state: "ready", restarts: 0, rssBytes: 1, uptimeMs: 1 },
];

async function asked(answer: Response, token?: string) {
  const seen: (string | null)[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      seen.push(new URL(request.url).pathname, request.headers.get("authorization"));
      return answer;
    },
  });
  const said = await askProcesses(`127.0.0.1:${server.port}`, token);
  await server.stop(true);
  return { said, seen };
}

test("askProcesses: takes what a person may see of the status, and shows its token", async () => {
  const { said, seen } = await asked(Response.json({ processes }), "secret");
  expect(seen).toEqual(["/status", "Bearer secret"]);
  expect(said).toHaveLength(5);
  expect(said[2]).toEqual({ process: "worker", index: 2, pid: 3, state: "draining", why: "it drains" });
});

test("askProcesses: knows of none when the box does not say", async () => {
  expect((await asked(new Response("no", { status: 401 }))).said).toEqual([]);
  expect((await asked(new Response("{", { status: 200 }))).said).toEqual([]);
  expect(await askProcesses("unix:/nowhere/at/all", undefined)).toEqual([]);
});

test("crewsText: names them in the order in which a request meets them", () => {
  expect(crewsText(processes)).toBe("balancer  ▸  2 workers  ▸  one database pool");
  expect(crewsText(processes.slice(0, 2))).toBe("1 worker");
});
