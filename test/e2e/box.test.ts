/**
 * The processes of one box, as the built executable: what is left when any of them is killed, how it stops, and what
 * becomes of programs that stall, leak, or cannot live.
 */
import { afterEach, expect, test } from "bun:test";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { StatusJson } from "../../src/admin/view.ts";
import { isAlive } from "../../src/run/proc.ts";
import { freePort } from "../kit/free-port.ts";
import { type AppBox, runApp, writeApp } from "../kit/scale-app.ts";
import { until } from "../kit/until.ts";

interface Box extends AppBox {
  readonly folder: string;
  readonly url: string;
}

const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A box around one file of source, ready unless said otherwise. */
async function box(source: string, config = "", ready = true): Promise<Box> {
  const port = freePort();
  const { folder, remove } = writeApp({
    "app.js": source,
    "scale.toml": `[app]\nentry = "./app.js"\nlisten = ${port}\n${config}\n`,
  });
  cleanups.push(remove);
  const app = runApp({ words: ["--config", `${folder}/scale.toml`] });
  cleanups.push(async () => {
    app.signal("SIGKILL");
    await app.exited;
  });
  const made: Box = { ...app, folder, url: `http://127.0.0.1:${port}` };
  if (ready) await until("the box is ready", async () => (await readyz(made)) === 200);
  return made;
}

/** The status of /readyz; 0 when nobody answers there. */
function readyz({ admin }: Box): Promise<number> {
  return adminFetch(admin, "/readyz").then(
    (answer) => answer.status,
    () => 0,
  );
}

async function pidsOf({ admin }: Box, kind: "keeper" | "steward" | "worker"): Promise<number[]> {
  const status = (await (await adminFetch(admin, "/status")).json()) as StatusJson;
  return status.processes.filter(({ process }) => process === kind).map(({ pid }) => pid);
}

async function text(url: string): Promise<string> {
  return (await fetch(url, { keepalive: false })).text();
}

const GREETER = 'require("http").createServer((q, r) => r.end("hello " + process.pid)).listen(3000);';

test("kill -9 of the keeper leaves nothing behind", async () => {
  const it = await box(GREETER);
  const pids = [...(await pidsOf(it, "keeper")), ...(await pidsOf(it, "steward")), ...(await pidsOf(it, "worker"))];
  expect(pids).toHaveLength(3);
  process.kill(it.pid, "SIGKILL");
  await until("all of it is gone", () => pids.every((pid) => !isAlive(pid)));
});

test("kill -9 of the steward disturbs no request, and it comes back", async () => {
  const it = await box(GREETER);
  const [steward = 0] = await pidsOf(it, "steward");
  let stop = false;
  let asked = 0;
  const asking = (async () => {
    for (; !stop; asked += 1) expect(await text(it.url)).toStartWith("hello");
  })();
  process.kill(steward, "SIGKILL");
  await until("another steward answers", async () => (await readyz(it)) === 200);
  stop = true;
  await asking;
  expect(asked).toBeGreaterThan(0);
  expect(await pidsOf(it, "steward")).not.toEqual([steward]);
});

test("kill -9 of the worker: another one serves, and the keeper is the same", async () => {
  const it = await box(GREETER);
  const [worker = 0] = await pidsOf(it, "worker");
  process.kill(worker, "SIGKILL");
  await until("another worker answers", async () =>
    text(it.url).then(
      (said) => said.startsWith("hello"),
      () => false,
    ),
  );
  const [next] = await pidsOf(it, "worker");
  expect(next).not.toBe(worker);
  expect(await pidsOf(it, "keeper")).toEqual([it.pid]);
  expect(await (await adminFetch(it.admin, "/metrics")).text()).toContain(
    'scale_child_restarts_total{process="worker",index="1"} 1',
  );
});

/** Answers /slow when it is told to by /go, so that a request is in flight for exactly as long as a test wants. */
const HELD = `
let go;
require("http").createServer((q, r) => {
  if (q.url === "/slow") { r.write("begun "); go = () => r.end("and done"); }
  else if (q.url === "/go") { r.end(); }
  else r.end("hello");
}).listen(3000);
process.on("SIGUSR2", () => go());
`;

test("SIGTERM: readiness fails, the listener closes, what is in flight finishes, exit code 0", async () => {
  const it = await box(HELD);
  const [worker = 0] = await pidsOf(it, "worker");
  const slow = await fetch(`${it.url}/slow`);
  process.kill(it.pid, "SIGTERM");
  await until("it is not ready any more", async () => (await readyz(it)) === 503);
  await until("nobody listens", async () =>
    fetch(it.url, { keepalive: false }).then(
      () => false,
      () => true,
    ),
  );
  expect(isAlive(it.pid)).toBe(true);
  process.kill(worker, "SIGUSR2");
  expect(await slow.text()).toBe("begun and done");
  expect(await it.exited).toBe(0);
});

test("SIGTERM: what does not finish within drain_timeout is cut off", async () => {
  const it = await box(HELD, 'drain_timeout = "1s"');
  const slow = await fetch(`${it.url}/slow`);
  process.kill(it.pid, "SIGTERM");
  expect(await it.exited).toBe(0);
  await expect(slow.text()).rejects.toThrow();
});

test("a second signal ends it at once", async () => {
  const it = await box(HELD);
  const slow = await fetch(`${it.url}/slow`);
  process.kill(it.pid, "SIGINT");
  await it.event("box_stopping");
  process.kill(it.pid, "SIGINT");
  expect(await it.exited).toBe(130);
  await expect(slow.text()).rejects.toThrow();
});

test("a program that throws while it loads: exit code 1, its file and line, no second try", async () => {
  const it = await box("const answer = 42;\nnotThere(answer);\n", "", false);
  expect(await it.exited).toBe(1);
  expect(it.said()).toContain("notThere");
  expect(it.said()).toContain("app.js:2");
  expect(it.said().split('"child_ready"').length - 1).toBeLessThanOrEqual(1);
});

test("a program that blocks its event loop is killed and replaced, and the request is named", async () => {
  const it = await box(
    'require("http").createServer((q, r) => { if (q.url.startsWith("/block")) for (;;); r.end("hello"); }).listen(3000);',
    'stall_timeout = "2s"',
  );
  const [worker = 0] = await pidsOf(it, "worker");
  const blocked = fetch(`${it.url}/block?me=1`).catch((error: Error) => error);
  await it.event("child_crashed");
  expect(it.said()).toContain("RUN_WORKER_STALLED");
  expect(it.said()).toContain("GET /block");
  expect(await blocked).toBeInstanceOf(Error);
  await until("another worker answers", async () =>
    text(it.url).then(
      (said) => said === "hello",
      () => false,
    ),
  );
  expect(await pidsOf(it, "worker")).not.toEqual([worker]);
});

test("a program that blocks its event loop while it loads is given up after start_timeout", async () => {
  const it = await box("for (;;);", 'start_timeout = "1s"', false);
  expect(await it.exited).toBe(1);
  expect(it.said()).toContain("RUN_START_TIMEOUT");
});

test("a program that leaks is replaced before it takes the machine, and requests go on", async () => {
  const it = await box(
    `const kept = [];
     require("http").createServer((q, r) => {
       if (q.url === "/leak") kept.push(Buffer.alloc(150 << 20, 1));
       r.end(String(process.pid));
     }).listen(3000);`,
    'memory_max = "120MB"',
  );
  const first = await text(it.url);
  await text(`${it.url}/leak`);
  await it.event("worker_replaced");
  expect(it.said()).toContain("RUN_WORKER_TOO_LARGE");
  await until("another worker answers", async () =>
    text(it.url).then(
      (said) => said !== first,
      () => false,
    ),
  );
  await until("the old one is gone", () => !isAlive(Number(first)));
});

test("a program that exits again and again stops the box with its reason and exit code 1", async () => {
  const it = await box(
    `require("http").createServer((q, r) => { r.end("bye"); setImmediate(() => { throw new Error("out of luck"); }); }).listen(3000);`,
  );
  const asking = (async () => {
    while (isAlive(it.pid))
      await fetch(it.url, { keepalive: false }).then(
        (answer) => answer.text(),
        () => "",
      );
  })();
  expect(await it.exited).toBe(1);
  await asking;
  expect(it.said()).toContain("RUN_CRASH_LOOP");
  expect(it.said()).toContain("out of luck");
});

test("a SIGHUP with a bad file changes nothing; with a good one the program is replaced", async () => {
  const it = await box(GREETER);
  const first = await text(it.url);
  const file = `${it.folder}/scale.toml`;
  const good = await Bun.file(file).text();
  await Bun.write(file, good.replace("listen", "lisen"));
  process.kill(it.pid, "SIGHUP");
  await it.event("reload_failed");
  expect(it.said()).toContain("CONFIG_UNKNOWN_KEY");
  expect(await text(it.url)).toBe(first);
  await Bun.write(file, `${good}[log]\nlevel = "debug"\n`);
  process.kill(it.pid, "SIGHUP");
  await it.event("reload_done");
  expect(await text(it.url)).not.toBe(first);
});
