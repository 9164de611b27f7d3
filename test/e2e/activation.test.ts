/** A box among the tools of systemd: sockets that were opened for it (LISTEN_FDS), and what an upgrade says (MAINPID). */
import { afterEach, describe, expect, test as plain } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../proxy/base/address.ts";
import { BunNet } from "../../proxy/net/bun-net.ts";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { StatusJson } from "../../src/admin/view.ts";
import { clock } from "../../src/run/clock.ts";
import { closeFd, dup, peekSeam, setBacklog } from "../../src/run/os.ts";
import type { Plan } from "../../src/run/plan.ts";
import { Sockets } from "../../src/run/sockets.ts";
import { needs } from "../kit/needs.ts";
import { NotifySocket } from "../kit/notify-socket.ts";
import { SCALE_BIN, writeApp } from "../kit/scale-app.ts";
import { SteadyLoad } from "../kit/steady-load.ts";
import { until } from "../kit/until.ts";

const PROGRAM = 'export default { fetch: () => new Response(`${process.env["PORT"]}`) };';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** As systemd holds it: it listens, and nobody accepts. */
async function openSocket(asked: Address): Promise<{ readonly fd: number; readonly port: number }> {
  const net = new BunNet({ clock, seam: peekSeam });
  const sockets = new Sockets({ net, clock, dup, close: closeFd, setBacklog, random: () => Math.random() });
  undo.push(() => sockets.closeAll({ keepPaths: false }));
  await sockets.change({ crews: [{ name: "lb", sockets: [asked] }] } as unknown as Plan);
  const [held] = sockets.held;
  return { fd: held?.fd ?? -1, port: held?.address.port ?? 0 };
}

interface Order {
  readonly listen: string;
  readonly fd?: number;
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly workers?: number;
}

interface Activated {
  readonly pid: number;
  readonly admin: string;
  readonly exited: Promise<number>;
  readonly said: Promise<string>;
}

/** `exec` keeps the pid, which LISTEN_PID has to name. */
function start({ listen, fd, name, env = {}, workers = 2 }: Order): Activated {
  const app = writeApp({ "server.ts": PROGRAM });
  undo.push(() => app.remove());
  const admin = `unix:${join(app.folder, "admin")}`;
  const words = ["--role", "app", "--listen", listen, "--workers", String(workers), "--admin", admin, "server.ts"];
  const passing =
    fd === undefined ? "" : `LISTEN_FDS=1 LISTEN_PID=$$ ${name === undefined ? "" : `LISTEN_FDNAMES=${name} `}`;
  const child = Bun.spawn(["/bin/sh", "-c", `${passing}exec "$0" "$@"`, SCALE_BIN, ...words], {
    cwd: app.folder,
    env: { ...process.env, NODE_ENV: undefined, ...env },
    stdio: ["ignore", "ignore", "pipe", ...(fd === undefined ? [] : [fd])],
  });
  undo.push(async () => {
    for (const pid of await keepersAt(admin)) process.kill(pid, "SIGKILL");
    child.kill("SIGKILL");
    await child.exited;
  });
  const said = new Response(child.stderr as ReadableStream<Uint8Array>).text();
  return { pid: child.pid, admin, exited: child.exited, said };
}

async function statusOf(admin: string): Promise<StatusJson | undefined> {
  const answer = await adminFetch(admin, "/status").catch(() => undefined);
  return answer === undefined ? undefined : ((await answer.json()) as StatusJson);
}

async function keepersAt(admin: string): Promise<number[]> {
  const status = await statusOf(admin);
  return (status?.processes ?? []).filter(({ process }) => process === "keeper").map(({ pid }) => pid);
}

function ready({ admin }: Activated): Promise<unknown> {
  return until("the box is ready", async () => (await statusOf(admin))?.ready === true);
}

describe("LISTEN_FDS", () => {
  plain("a socket is taken over by its address; a client that came before is served", async () => {
    const { fd, port } = await openSocket({ host: "127.0.0.1", port: 0 });
    const early = fetch(`http://127.0.0.1:${port}`, { keepalive: false });
    const it = start({ listen: `127.0.0.1:${port}`, fd });
    expect(await (await early).text()).toBe(String(port));
    await ready(it);
    process.kill(it.pid, "SIGTERM");
    expect(await it.exited).toBe(0);
    // systemd still holds it: whoever comes now waits for the next start.
    const next = fetch(`http://127.0.0.1:${port}`, { keepalive: false });
    start({ listen: `127.0.0.1:${port}`, fd });
    expect(await (await next).text()).toBe(String(port));
  });

  plain("a restart under load fails nobody: who comes between waits in the kernel", async () => {
    const { fd, port } = await openSocket({ host: "127.0.0.1", port: 0 });
    const first = start({ listen: `127.0.0.1:${port}`, fd });
    await ready(first);
    const load = new SteadyLoad({ port, keepAlive: 16, perRequest: 16 });
    await until("the load runs", () => load.answered > 200);
    process.kill(first.pid, "SIGTERM");
    expect(await first.exited).toBe(0);
    await ready(start({ listen: `127.0.0.1:${port}`, fd }));
    const before = load.answered;
    await until("it goes on", () => load.answered > before + 200);
    const { failed, retried } = await load.stop();
    expect({ failed, retried }).toEqual({ failed: [], retried: 0 });
  });

  plain("a socket is taken over by the name of the role", async () => {
    const { fd, port } = await openSocket({ host: "127.0.0.1", port: 0 });
    const it = start({ listen: "127.0.0.1:65000", fd, name: "app" });
    await ready(it);
    expect((await fetch(`http://127.0.0.1:${port}`, { keepalive: false })).status).toBe(200);
  });

  plain("a unix socket of systemd is left where it is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scale-activation-"));
    undo.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "s");
    const { fd } = await openSocket({ path });
    // Ours was bound under another name than it has; systemd's has one.
    const it = start({ listen: `unix:${path}`, fd, name: "app" });
    await ready(it);
    expect((await fetch("http://x/", { unix: path })).status).toBe(200);
    process.kill(it.pid, "SIGTERM");
    expect(await it.exited).toBe(0);
    expect(await Bun.file(path).stat()).toBeDefined();
  });

  plain.each([
    ["one that the box does not listen on", { listen: "127.0.0.1:65000" }],
    ["one worker, which owns its port itself", { listen: "127.0.0.1:65000", name: "app", workers: 1 }],
  ])("refuses %s", async (_what, order) => {
    const { fd } = await openSocket({ host: "127.0.0.1", port: 0 });
    const it = start({ ...order, fd });
    expect(await it.exited).toBe(2);
    expect(await it.said).toContain("RUN_LISTEN_FDS");
  });
});

const { test, path: pathOf } = needs("python3");

test("upgrade: systemd hears the new main process, and then only from it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scale-activation-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const socket = await NotifySocket.open(pathOf("python3"), join(folder, "notify"));
  undo.push(() => socket.close());
  const { fd, port } = await openSocket({ host: "127.0.0.1", port: 0 });
  const it = start({ listen: `127.0.0.1:${port}`, fd, env: { NOTIFY_SOCKET: join(folder, "notify") } });
  await socket.next("READY");
  process.kill(it.pid, "SIGUSR2");
  const { at, message } = await socket.next("MAINPID");
  expect(await it.exited).toBe(0);
  await until("the next generation answers", async () => (await statusOf(it.admin))?.generation === 2);
  expect(await keepersAt(it.admin)).toEqual([Number(message["MAINPID"])]);
  await socket.next("READY", at + 1);
  expect(socket.messages.some((one) => "STOPPING" in one)).toBe(false);
  expect((await fetch(`http://127.0.0.1:${port}`, { keepalive: false })).status).toBe(200);
});
