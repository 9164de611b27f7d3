/**
 * A box whose program runs in several workers behind its own lb, as the built executable, under load: reloads, changes of the
 * worker count, binary upgrades, kills, and sockets that another process has opened.
 */
import { afterEach, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { StatusJson } from "../../src/admin/view.ts";
import { isAlive } from "../../src/run/proc.ts";
import { freePort } from "../kit/free-port.ts";
import { type AppBox, runApp, SCALE_BIN, writeApp } from "../kit/scale-app.ts";
import { type LoadResult, SteadyLoad } from "../kit/steady-load.ts";
import { until } from "../kit/until.ts";

interface Box extends AppBox {
  readonly folder: string;
  readonly port: number;
  readonly config: string;
}

const CLIENTS = { keepAlive: 16, perRequest: 16 } as const;
const GREETER = `require("http").createServer((q, r) => {
  const body = JSON.stringify({ pid: process.pid, remote: q.socket.remoteAddress, port: this.address, greeting: process.env.GREETING });
  setTimeout(() => r.writeHead(200, { "Content-Length": Buffer.byteLength(body) }).end(body), q.url === "/slow" ? 300 : 0);
}).listen(3000);`;

const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface BoxOrder {
  readonly workers?: number;
  readonly source?: string;
  readonly more?: string;
  /** Of its admin listener, instead of a unix socket. */
  readonly adminPort?: number;
}

async function box({ workers = 2, source = GREETER, more = "", adminPort }: BoxOrder = {}): Promise<Box> {
  const port = freePort();
  const text = `[app]\nentry = "./app.js"\nlisten = ${port}\nworkers = ${workers}\n${more}\n`;
  const { folder, remove } = writeApp({ "app.js": source, "scale.toml": text });
  cleanups.push(remove);
  const config = join(folder, "scale.toml");
  const elsewhere = adminPort === undefined ? undefined : `127.0.0.1:${adminPort}`;
  const started = runApp({ words: ["--config", config, ...(elsewhere === undefined ? [] : ["--admin", elsewhere])] });
  const app = { ...started, admin: elsewhere ?? started.admin };
  const made: Box = { ...app, folder, port, config };
  cleanups.push(async () => {
    for (const pid of await keepersOf(made)) process.kill(pid, "SIGKILL");
    if (isAlive(app.pid)) app.signal("SIGKILL");
    await app.exited;
  });
  await until("the box is ready", () => isReady(made));
  return made;
}

async function isReady({ admin }: AppBox): Promise<boolean> {
  const answer = await adminFetch(admin, "/readyz").catch(() => undefined);
  return answer?.status === 200;
}

async function statusOf({ admin }: AppBox): Promise<StatusJson> {
  return (await (await adminFetch(admin, "/status")).json()) as StatusJson;
}

async function pidsOf(it: AppBox, kind: string): Promise<number[]> {
  return (await statusOf(it)).processes.filter(({ process }) => process === kind).map(({ pid }) => pid);
}

async function keepersOf(it: AppBox): Promise<number[]> {
  return pidsOf(it, "keeper").catch(() => []);
}

/** `scale WORDS --admin …`: the exit code, and what it printed as JSON. */
async function command(
  it: AppBox,
  ...words: readonly string[]
): Promise<{ code: number; said: Record<string, unknown> }> {
  const child = Bun.spawn([SCALE_BIN, ...words, "--admin", it.admin, "--json"], { stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  return { code: await child.exited, said: JSON.parse(text) as Record<string, unknown> };
}

async function greeting(port: number, path = "/"): Promise<Record<string, unknown>> {
  return (await (await fetch(`http://127.0.0.1:${port}${path}`, { keepalive: false })).json()) as Record<
    string,
    unknown
  >;
}

/** What the clients met while that was done. */
async function underLoad(it: Box, run: () => Promise<void>): Promise<LoadResult> {
  const load = new SteadyLoad({ port: it.port, ...CLIENTS });
  await until("the load runs", () => load.answered > 100);
  await run();
  return load.stop();
}

test("the program sees its own port's clients, and every process has its name", async () => {
  const it = await box();
  expect(await greeting(it.port)).toMatchObject({ remote: "127.0.0.1" });
  const { processes, listens } = await statusOf(it);
  expect(processes.map(({ process, index }) => `${process} ${index}`).sort()).toEqual([
    "keeper 0",
    "lb 1",
    "steward 0",
    "worker 1",
    "worker 2",
  ]);
  expect(listens).toEqual([`127.0.0.1:${it.port}`]);
  const metrics = await (await adminFetch(it.admin, "/metrics")).text();
  expect(metrics).toContain('scale_crew_workers{crew="lb",state="ready"} 1');
  expect(metrics).toContain('process_resident_memory_bytes{process="lb",index="1"}');
});

test("5 reloads under load: nothing fails", async () => {
  const it = await box();
  const { failed } = await underLoad(it, async () => {
    for (let round = 1; round <= 5; round += 1) {
      writeFileSync(
        it.config,
        `[app]\nentry = "./app.js"\nlisten = ${it.port}\nworkers = 2\n[app.env]\nGREETING = "${round}"\n`,
      );
      expect((await command(it, "reload")).said).toMatchObject({ ok: true, generation: round + 1 });
      expect(await greeting(it.port)).toMatchObject({ greeting: String(round) });
    }
  });
  expect(failed).toEqual([]);
});

test("5 changes of the worker count under load: nothing fails, and a reload keeps the last", async () => {
  const it = await box();
  const { failed } = await underLoad(it, async () => {
    for (const workers of [4, 1, 3, 2, 3]) {
      expect((await command(it, "app", "--count", String(workers))).said).toMatchObject({ ok: true, workers });
      await until("so many serve", async () => (await pidsOf(it, "worker")).length === workers);
    }
    expect((await command(it, "reload")).said).toMatchObject({ ok: true });
    await until("as many as before", async () => (await pidsOf(it, "worker")).length === 3);
  });
  expect(failed).toEqual([]);
});

test("the worker count of a box whose admin address everybody reaches is changed by its own user only", async () => {
  const it = await box({ adminPort: freePort() });
  expect((await adminFetch(it.admin, "/count?workers=3", { method: "POST" })).status).toBe(405);
  expect((await command(it, "app", "--count", "3")).said).toMatchObject({ ok: true, workers: 3 });
  expect(await pidsOf(it, "worker")).toHaveLength(3);
});

test("3 binary upgrades under load: nothing fails, no process of an old generation stays", async () => {
  const it = await box();
  const old: number[] = [];
  const { failed } = await underLoad(it, async () => {
    await command(it, "app", "--count", "3");
    for (let generation = 2; generation <= 4; generation += 1) {
      old.push(...(await statusOf(it)).processes.map(({ pid }) => pid));
      expect((await command(it, "upgrade")).said).toMatchObject({ ok: true, generation });
      expect(await pidsOf(it, "worker")).toHaveLength(3);
    }
  });
  expect(failed).toEqual([]);
  await until("the old ones are gone", () => old.every((pid) => !isAlive(pid)));
  expect(await greeting(it.port)).toMatchObject({ remote: "127.0.0.1" });
});

test("an upgrade to a file that cannot take over: the old generation goes on and says why", async () => {
  const it = await box();
  const copy = join(it.folder, "scale");
  copyFileSync(SCALE_BIN, copy);
  const other = Bun.spawn([copy, "--role", "app", "--listen", String(freePort()), "--workers", "2", "app.js"], {
    cwd: it.folder,
    env: { ...process.env, SCALE_ADMIN__LISTEN: `unix:${it.folder}/other` },
    stdout: "ignore",
    stderr: "ignore",
  });
  const second = { ...it, admin: `unix:${it.folder}/other` };
  cleanups.push(async () => {
    other.kill("SIGKILL");
    await other.exited;
  });
  await until("the other box is ready", () => isReady(second));
  const bad = join(it.folder, "bad");
  writeFileSync(bad, "#!/bin/sh\nexit 3\n");
  chmodSync(bad, 0o755);
  renameSync(bad, copy);
  const { code, said } = await command(second, "upgrade");
  expect(code).toBe(1);
  expect(said).toMatchObject({ ok: false, problems: [{ code: "RUN_UPGRADE_FAILED" }] });
  expect(JSON.stringify(said)).toContain("exit code 3");
  expect(await isReady(second)).toBe(true);
  expect((await statusOf(second)).generation).toBe(1);
});

/** Starts so slowly that a test is there before it is ready. */
const SLOW = `setTimeout(() => require("http").createServer((q, r) => r.end("{}")).listen(3000), 1500);`;

test.each(["SIGTERM", "SIGKILL"] as const)(
  "%s while the next generation starts: nothing of either is left",
  async (signal) => {
    const it = await box({ source: SLOW });
    const pids = (await statusOf(it)).processes.map(({ pid }) => pid);
    process.kill(it.pid, "SIGUSR2");
    await it.event("upgrade_started");
    await until("its heir is born", () => keepersFor(it.config).length > 1);
    const heirs = keepersFor(it.config);
    it.signal(signal);
    const code = await it.exited;
    if (signal === "SIGTERM") expect(code).toBe(0);
    await until("all of it is gone", () => [...pids, ...heirs].every((pid) => !isAlive(pid)));
  },
);

/** The keepers that were started with that file. */
function keepersFor(config: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const path = `/proc/${name}/cmdline`;
    return existsSync(path) && readFileSync(path, "utf8").split("\0").includes(config) ? [Number(name)] : [];
  });
}

test("kill -9 of each process under load: what was in flight, and no more", async () => {
  const it = await box({ workers: 3 });
  const { failed, answered } = await underLoad(it, async () => {
    for (const kind of ["worker", "steward", "lb", "worker"]) {
      const before = await pidsOf(it, kind);
      process.kill(before[0] ?? 0, "SIGKILL");
      await until(`another ${kind} is ready`, async () => {
        const { ready, processes } = await statusOf(it).catch(() => ({ ready: false, processes: [] }));
        const now = processes.filter((one) => one.process === kind && one.state === "ready").map(({ pid }) => pid);
        return ready && now.length === before.length && !now.includes(before[0] ?? 0);
      });
    }
  });
  // Two workers and an lb of two: at most what they had in flight, and the lb's connections.
  expect(failed.length).toBeLessThanOrEqual(3 * (CLIENTS.keepAlive + CLIENTS.perRequest));
  expect(answered).toBeGreaterThan(failed.length * 10);
});

test("kill -9 of the keeper leaves no process, and the next box no folder", async () => {
  const it = await box();
  const pids = (await statusOf(it)).processes.map(({ pid }) => pid);
  process.kill(it.pid, "SIGKILL");
  await until("all of it is gone", () => pids.every((pid) => !isAlive(pid)));
  const next = await box();
  const folders = readdirSync(process.getuid?.() === 0 ? "/run/scale" : `/tmp/scale-${process.getuid?.()}`);
  expect(folders.filter((name) => name.startsWith(`box-${it.pid}.`))).toEqual([]);
  expect(await isReady(next)).toBe(true);
});

test("a connection that is made while no lb worker lives is served by the next one", async () => {
  const it = await box();
  const [lb = 0] = await pidsOf(it, "lb");
  process.kill(lb, "SIGKILL");
  expect(await greeting(it.port)).toMatchObject({ remote: "127.0.0.1" });
});

test("SIGTERM under way: what is in flight is answered, and the exit code is 0", async () => {
  const it = await box();
  const slow = Promise.all(Array.from({ length: 8 }, () => greeting(it.port, "/slow")));
  await Bun.sleep(100);
  const code = it.stop();
  expect(await slow).toHaveLength(8);
  expect(await code).toBe(0);
});

test("a port that is taken is refused with its code at the start and at a reload", async () => {
  const it = await box();
  const second = runApp({ words: ["--listen", String(it.port), "--workers", "2", join(it.folder, "app.js")] });
  expect(await second.exited).toBe(1);
  expect(second.said()).toContain("RUN_ADDRESS_IN_USE");
  const other = await box();
  writeFileSync(it.config, `[app]\nentry = "./app.js"\nlisten = ${other.port}\nworkers = 2\n`);
  const { code, said } = await command(it, "reload");
  expect([code, said]).toMatchObject([1, { ok: false, problems: [{ code: "RUN_ADDRESS_IN_USE" }] }]);
  expect(await greeting(it.port)).toMatchObject({ remote: "127.0.0.1" });
});

test("another address at a reload: the new one serves, the old one is given up", async () => {
  const it = await box();
  const port = freePort();
  const path = join(it.folder, "s");
  const old = fetch(`http://127.0.0.1:${it.port}/slow`, { keepalive: false });
  await Bun.sleep(50);
  writeFileSync(it.config, `[app]\nentry = "./app.js"\nlisten = ${port}\nworkers = 2\n`);
  expect((await command(it, "reload")).said).toMatchObject({ ok: true });
  expect(await greeting(port)).toMatchObject({ remote: "127.0.0.1" });
  expect((await old).status).toBe(200);
  await until("nobody listens on the old one", () =>
    greeting(it.port).then(
      () => false,
      () => true,
    ),
  );
  expect((await statusOf(it)).listens).toEqual([`127.0.0.1:${port}`]);
  writeFileSync(it.config, `[app]\nentry = "./app.js"\nlisten = "unix:${path}"\nworkers = 2\n`);
  expect((await command(it, "reload")).said).toMatchObject({ ok: true });
  expect((await fetch("http://x/", { unix: path })).status).toBe(200);
  expect(await it.stop()).toBe(0);
  expect(existsSync(path)).toBe(false);
});

test("a box that began with one worker cannot get a front", async () => {
  const it = await box({ workers: 1 });
  const { code, said } = await command(it, "app", "--count", "2");
  expect([code, said]).toMatchObject([1, { ok: false, problems: [{ code: "RUN_NEEDS_FRONT" }] }]);
});
