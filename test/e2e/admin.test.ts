import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { StatusJson } from "../../src/admin/view.ts";
import { isAlive } from "../../src/run/proc.ts";
import { needs } from "../kit/needs.ts";
import { runApp, writeApp, type AppBox } from "../kit/scale-app.ts";
import { until } from "../kit/until.ts";

const judged = needs("prometheus-client", "python3");

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const PROGRAM = `
  let served = 0;
  export default {
    async fetch(request) {
      if (new URL(request.url).pathname === "/slow") await new Promise((resolve) => setTimeout(resolve, 1_500));
      return Response.json({ pid: process.pid, served: ++served });
    },
  };
`;

async function start(words: readonly string[] = []): Promise<AppBox & { readonly url: string }> {
  const app = writeApp({ "server.ts": PROGRAM });
  undo.push(app.remove);
  const box = runApp({ words: [join(app.folder, "server.ts"), "--listen", "127.0.0.1:0", ...words] });
  undo.push(() => box.stop());
  const { address } = await box.event("app_listening");
  return { ...box, url: `http://${String(address)}` };
}

async function statusOf(admin: string): Promise<StatusJson> {
  return (await (await adminFetch(admin, "/status")).json()) as StatusJson;
}

const pidOf = (status: StatusJson, kind: string) => status.processes.find((each) => each.process === kind)?.pid ?? -1;

/** Whether it answers just now; while a steward is brought back it does not. */
async function readyCode(admin: string): Promise<number> {
  try {
    return (await adminFetch(admin, "/readyz", { timeoutMs: 2_000 })).status;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "RUN_ADMIN_SILENT") return 0;
    throw error;
  }
}

const readyAgain = (admin: string) => until("the box is ready", async () => (await readyCode(admin)) === 200);

test("admin: shows a box that is ready, its processes and its addresses", async () => {
  const box = await start();
  await readyAgain(box.admin);
  const status = await statusOf(box.admin);
  expect(status).toMatchObject({
    role: "app",
    state: "ready",
    ready: true,
    admin: box.admin,
    config: { generation: 1 },
  });
  expect(status.processes.map((each) => each.process)).toEqual(["keeper", "steward", "worker"]);
  expect(status.processes.every((each) => each.pid > 1 && each.rssBytes > 1e6 && each.state === "ready")).toBe(true);
  expect(pidOf(status, "keeper")).toBe(box.pid);
  expect(await (await fetch(box.url)).json()).toMatchObject({ pid: pidOf(status, "worker") });
});

test("admin: a steward killed with -9 disturbs no request, and its successor takes over the socket it left", async () => {
  const box = await start();
  await readyAgain(box.admin);
  const before = await statusOf(box.admin);
  const told = performance.now();
  const answers: Promise<number>[] = [];
  for (let round = 0; round < 3; round++) answers.push(fetch(`${box.url}/slow`).then((response) => response.status));
  process.kill(pidOf(before, "steward"), "SIGKILL");
  for (let round = 0; round < 20; round++) answers.push(fetch(box.url).then((response) => response.status));
  expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
  await until("the old one is gone", () => !isAlive(pidOf(before, "steward")));
  await readyAgain(box.admin);
  const asked = performance.now();
  const after = await statusOf(box.admin);
  expect(pidOf(after, "steward")).not.toBe(pidOf(before, "steward"));
  expect(pidOf(after, "worker")).toBe(pidOf(before, "worker"));
  expect(after.processes.find((each) => each.process === "steward")?.restarts).toBe(1);
  // Its clock began anew; that of the box did not. Whole milliseconds are rounded.
  expect(after.uptimeMs - before.uptimeMs).toBeGreaterThanOrEqual(asked - told - 3);
});

test("admin: a box whose admin address is taken serves all the same, and has it when it is free", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scale-shared-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const shared = `unix:${folder}/box.sock`;
  const first = await start(["--admin", shared]);
  await readyAgain(shared);
  const second = await start(["--admin", shared]);
  expect(await second.event("admin_not_listening")).toMatchObject({ level: "warn", code: "RUN_ADMIN_IN_USE" });
  expect((await fetch(second.url)).status).toBe(200);
  expect(pidOf(await statusOf(shared), "keeper")).toBe(first.pid);
  expect(await first.stop()).toBe(0);
  await second.event("admin_listening");
  expect(pidOf(await statusOf(shared), "keeper")).toBe(second.pid);
});

test("admin: over TCP with a token asks for it, also on loopback", async () => {
  const admin = `127.0.0.1:${freePort()}`;
  const token = "correct-horse-battery-staple";
  await start(["--admin", admin, "--set", `admin.token=${token}`]);
  await until("the admin listener answers", async () => (await readyCode(admin)) !== 0);
  expect((await adminFetch(admin, "/status")).status).toBe(401);
  expect((await adminFetch(admin, "/status", { token: "wrong" })).status).toBe(401);
  const answer = await adminFetch(admin, "/status", { token });
  expect(answer.status).toBe(200);
  expect(await answer.text()).not.toContain(token);
});

test("admin: not ready is 503 with the reason, from the moment it is told to stop", async () => {
  const box = await start();
  await readyAgain(box.admin);
  const slow = fetch(`${box.url}/slow`);
  await until("the request is in flight", async () =>
    /scale_app_requests_in_flight 1\n/.test(await (await adminFetch(box.admin, "/metrics")).text()),
  );
  box.signal("SIGTERM");
  await until("it is not ready", async () => (await readyCode(box.admin)) === 503);
  expect((await slow).status).toBe(200);
  expect(await box.exited).toBe(0);
});

judged.test("admin: Prometheus' own client reads the metrics of a running box, each family once", async () => {
  const box = await start();
  await readyAgain(box.admin);
  for (let round = 0; round < 7; round++) await (await fetch(box.url)).text();
  const answer = await adminFetch(box.admin, "/metrics");
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const reader = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.buffer.read().decode()))
print(json.dumps([[f.name, f.type, [[s.name, s.labels, s.value] for s in f.samples]] for f in families]))
`;
  const env = { PYTHONPATH: dirname(dirname(judged.path("prometheus-client"))), PYTHONDONTWRITEBYTECODE: "1" };
  const run = Bun.spawnSync([judged.path("python3"), "-c", reader], { stdin: await answer.bytes(), env });
  expect(run.stderr.toString()).toBe("");
  const families = JSON.parse(run.stdout.toString()) as [string, string, [string, Record<string, string>, number][]][];
  const names = families.map(([name]) => name);
  expect(names).toEqual([...new Set(names)]);
  expect(families.every(([, type]) => ["counter", "gauge", "histogram"].includes(type))).toBe(true);
  const valueOf = (name: string) =>
    families.flatMap(([, , samples]) => samples).find(([sample]) => sample === name)?.[2];
  expect(valueOf("scale_app_requests_total")).toBe(7);
  const keeper = families.find(([name]) => name === "process_resident_memory_bytes")?.[2];
  expect(keeper?.map(([, labels]) => labels["process"]).sort()).toEqual(["keeper", "steward", "worker"]);
});

test("admin: what a worker had counted stays in the sum when it is replaced", async () => {
  const box = await start();
  await readyAgain(box.admin);
  const count = async () =>
    Number(/^scale_app_requests_total (\d+)$/m.exec(await (await adminFetch(box.admin, "/metrics")).text())?.[1]);
  for (let round = 0; round < 5; round++) await (await fetch(box.url)).text();
  expect(await count()).toBe(5);
  const worker = pidOf(await statusOf(box.admin), "worker");
  process.kill(worker, "SIGKILL");
  await until("the worker is gone", () => !isAlive(worker));
  await until("another serves", async () => (await readyCode(box.admin)) === 200);
  expect(await count()).toBeGreaterThanOrEqual(5);
});

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  listener.stop(true);
  return listener.port;
}
