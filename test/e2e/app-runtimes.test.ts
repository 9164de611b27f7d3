/** The `{ fetch }` program is nobody's in particular: the same file answers the same under scale, `deno serve` and `bun`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { installApp, type Installed, runApp } from "../kit/scale-app.ts";
import { until } from "../kit/until.ts";

const START_MS = 60_000;
const CPU = process.arch === "arm64" ? "arm64" : "x64";
/** The binary itself: the package's own `deno` is a script that looks for it. */
const DENO = join(import.meta.dir, `../../node_modules/@deno/linux-${CPU}-glibc/deno`);

interface Runtime {
  readonly name: string;
  command(entry: string, port: number): string[];
}

const others: readonly Runtime[] = [
  {
    name: "deno",
    command: (entry, port) => [
      DENO,
      "serve",
      "-A",
      "--no-config",
      "--no-remote",
      "--port",
      String(port),
      "--host",
      "127.0.0.1",
      entry,
    ],
  },
  { name: "bun", command: (entry) => [process.execPath, entry] },
];

interface Asked {
  readonly what: string;
  readonly path: string;
  readonly init?: RequestInit;
}

const questions: readonly Asked[] = [
  { what: "a plain answer", path: "/" },
  { what: "who is asking", path: "/whoami" },
  { what: "a body that is read", path: "/echo", init: { method: "POST", body: "some words, and ünïcode" } },
  { what: "a body that is answered in a stream", path: "/duplex", init: { method: "POST", body: "louder" } },
  { what: "something there is not", path: "/nothing?at=all" },
  { what: "a method there is not", path: "/", init: { method: "DELETE" } },
];

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

const stops: (() => Promise<unknown>)[] = [];
const urls = new Map<string, string>();
let program: Installed;

beforeAll(async () => {
  program = installApp("fetch", []);
  const entry = join(program.folder, "server.ts");
  await Promise.all([startScale(entry), ...others.map((runtime) => startOther(runtime, entry))]);
}, START_MS);
afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  program.remove();
}, START_MS);

for (const { name } of others) {
  describe(`{ fetch } under scale and under ${name}`, () => {
    for (const asked of questions) {
      test(`answers the same: ${asked.what}`, async () => {
        const mine = await ask("scale", asked);
        expect(mine.status).toBeGreaterThanOrEqual(200);
        expect(await ask(name, asked)).toEqual(mine);
      });
    }
  });
}

/** What differs by nature is taken out: each has a port of its own, Bun listens on both families, and names a charset. */
async function ask(name: string, { path, init }: Asked): Promise<Answer> {
  const url = urls.get(name);
  if (url === undefined) throw new Error(`Cannot ask ${name}: it does not run`);
  const response = await fetch(url + path, init ?? {});
  const body = (await response.text()).replace(/"port":\d+/, '"port":0').replace("::ffff:", "");
  const [type] = response.headers.get("content-type")?.split(";") ?? [];
  return { status: response.status, type, body };
}

async function startScale(entry: string): Promise<void> {
  const box = runApp({ words: ["--listen", "127.0.0.1:0", entry] });
  stops.push(() => box.stop());
  await box.ready();
  const { address } = await box.event("app_listening");
  urls.set("scale", `http://${String(address)}`);
}

async function startOther(runtime: Runtime, entry: string): Promise<void> {
  const port = freePort();
  const child = Bun.spawn(runtime.command(entry, port), {
    env: { ...process.env, PORT: String(port), NODE_ENV: "production", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  stops.push(async () => {
    child.kill();
    await child.exited;
  });
  const url = `http://127.0.0.1:${port}`;
  urls.set(runtime.name, url);
  await until(`${runtime.name} answers`, async () => {
    if (child.exitCode !== null) throw new Error(`Cannot wait for ${runtime.name}: it ended with ${child.exitCode}`);
    return fetch(url).then(
      (response) => response.ok,
      () => false,
    );
  });
}
