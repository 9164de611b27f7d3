import { afterEach, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { StatusJson } from "../../src/admin/view.ts";
import { needs } from "../kit/needs.ts";
import { NotifySocket } from "../kit/notify-socket.ts";
import { runApp, writeApp, type AppBox } from "../kit/scale-app.ts";

const { test, path } = needs("python3");

/** Answers with what it sees of systemd. */
const PROGRAM = `
  export default {
    fetch: () => Response.json(Object.keys(process.env).filter((name) => /NOTIFY|WATCHDOG|LISTEN_/.test(name))),
  };
`;

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Started {
  readonly socket: NotifySocket;
  readonly box: AppBox;
  readonly config: string;
}

async function start(env: Readonly<Record<string, string>>, name?: string): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), "scale-notify-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const socketName = name ?? join(folder, "notify");
  const socket = await NotifySocket.open(path("python3"), socketName);
  undo.push(() => socket.close());
  const app = writeApp({ "server.ts": PROGRAM });
  undo.push(() => app.remove());
  const config = join(folder, "scale.toml");
  writeFileSync(config, `[app]\nentry = "${app.folder}/server.ts"\nlisten = "127.0.0.1:0"\n`);
  const box = runApp({ words: ["--config", config], env: { NOTIFY_SOCKET: socketName, ...env } });
  undo.push(() => box.stop());
  return { socket, box, config };
}

test("notify: READY when it serves, RELOADING and READY at a reload, STOPPING at the end", async () => {
  const { socket, box } = await start({});
  const ready = await socket.next("READY");
  const url = `http://${String((await box.event("app_listening"))["address"])}`;
  expect((await fetch(url)).status).toBe(200);
  expect(ready.message).toMatchObject({ READY: "1", STATUS: expect.stringMatching(/^ready, 1 of 1 workers/) });

  box.signal("SIGHUP");
  const reloading = await socket.next("RELOADING", ready.at + 1);
  expect(reloading.message["RELOADING"]).toBe("1");
  expect(Number(reloading.message["MONOTONIC_USEC"])).toBeWithin(1, Number.MAX_SAFE_INTEGER);
  const again = await socket.next("READY", reloading.at + 1);

  expect(await box.stop()).toBe(0);
  const stopping = await socket.next("STOPPING", again.at + 1);
  expect(Number(stopping.message["EXTEND_TIMEOUT_USEC"])).toBeGreaterThan(30_000_000);
  expect(socket.messages.slice(stopping.at + 1).some((message) => "READY" in message)).toBe(false);
});

test("notify: a reload that is refused is READY again, and serves as before", async () => {
  const { socket, box, config } = await start({});
  const ready = await socket.next("READY");
  writeFileSync(config, "[app]\nentry = 3\n");
  box.signal("SIGHUP");
  const reloading = await socket.next("RELOADING", ready.at + 1);
  await socket.next("READY", reloading.at + 1);
  expect(await box.event("reload_failed")).toBeDefined();
  const url = `http://${String((await box.event("app_listening"))["address"])}`;
  expect((await fetch(url)).status).toBe(200);
});

test("notify: the watchdog is beaten again and again, by the keeper alone", async () => {
  const { socket } = await start({ WATCHDOG_USEC: "200000" });
  let at = -1;
  for (let beat = 0; beat < 5; beat++) at = (await socket.next("WATCHDOG", at + 1)).at;
  expect(socket.messages[at]).toEqual({ WATCHDOG: "1" });
});

test("notify: the watchdog of another process is not beaten", async () => {
  const { socket, box } = await start({ WATCHDOG_USEC: "20000", WATCHDOG_PID: "1" });
  await socket.next("READY");
  expect(await box.stop()).toBe(0);
  await socket.next("STOPPING");
  expect(socket.messages.some((message) => "WATCHDOG" in message)).toBe(false);
});

test("notify: takes an abstract socket", async () => {
  const { socket } = await start({}, `@scale-notify-test-${process.pid}`);
  expect((await socket.next("READY")).message["READY"]).toBe("1");
});

test("notify: no child and no program can speak to systemd in the keeper's name", async () => {
  const { socket, box } = await start({
    WATCHDOG_USEC: "5000000",
    LISTEN_PID: "1",
    LISTEN_FDS: "1",
    LISTEN_FDNAMES: "x",
  });
  await socket.next("READY");
  const url = `http://${String((await box.event("app_listening"))["address"])}`;
  expect(await (await fetch(url)).json()).toEqual([]);
  const status = (await (await adminFetch(box.admin, "/status")).json()) as StatusJson;
  const children = status.processes.filter((each) => each.process !== "keeper");
  expect(children.map((each) => each.process).sort()).toEqual(["steward", "worker"]);
  for (const { pid } of children) {
    const names = readFileSync(`/proc/${pid}/environ`, "latin1")
      .split("\0")
      .map((pair) => pair.split("=")[0]);
    expect(names.length).toBeGreaterThan(1);
    expect(names.filter((name) => /NOTIFY|WATCHDOG|LISTEN_/.test(name ?? ""))).toEqual([]);
  }
});

test("notify: a receiver that is gone disturbs nothing, and is said once", async () => {
  const { socket, box } = await start({ WATCHDOG_USEC: "100000" });
  await socket.next("READY");
  await socket.close();
  expect(await box.event("notify_failed")).toMatchObject({ level: "warn" });
  const url = `http://${String((await box.event("app_listening"))["address"])}`;
  expect((await fetch(url)).status).toBe(200);
  expect(await box.stop()).toBe(0);
  expect(box.said().split('"notify_failed"')).toHaveLength(2);
});
