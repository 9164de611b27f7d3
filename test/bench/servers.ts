/**
 * The two sides of the comparison, up and answering: a program under `scale up` at tier 1, which brings Postgres along,
 * and the same program under Node against the same database. Each ends with all it started when `stop` resolves.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scaleUp } from "../kit/scale-up.ts";

export interface Server {
  readonly url: string;
  /** The process whose family serves. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ScaleServer extends Server {
  readonly databaseUrl: string;
  /** The processes of the database. */
  readonly storePids: readonly number[];
}

const START_LIMIT_MS = 60_000;

/** `entry` undefined is the demo. */
export async function startScale(executable: string, entry: string | undefined): Promise<ScaleServer> {
  const folder = mkdtempSync(join(tmpdir(), "scale-bench-"));
  const words = ["--tier", "1", "--ephemeral", ...(entry === undefined ? [] : [entry])];
  const clear = () => rmSync(folder, { recursive: true, force: true });
  const up = await scaleUp({ folder, words, executable }).catch((error: unknown) => {
    clear();
    throw error;
  });
  const box = up.boxes.find((one) => one.role === "app");
  if (box === undefined) throw new Error("Cannot measure: scale up names no app");
  return {
    url: up.url,
    pid: box.pid,
    databaseUrl: up.databaseUrl,
    storePids: up.stores.map((store) => store.pid),
    stop: async () => {
      await up.stop();
      clear();
    },
  };
}

/** `env` is added to a plain environment with NODE_ENV production, which `scale` sets too. */
export async function startNode(node: string, entry: string, env: Readonly<Record<string, string>>): Promise<Server> {
  const port = await freePort();
  const child = Bun.spawn([node, entry], {
    env: { ...plainEnvironment(), NODE_ENV: "production", PORT: String(port), ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child.exited);
  return {
    url,
    pid: child.pid,
    stop: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Resolves at the first HTTP answer of any status; rejects when the process ends before. */
export async function answers(url: string, exited: Promise<number>): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  const ended = exited.then((code) => `it ended with exit code ${code}`);
  while (performance.now() < deadline) {
    const answer = await Promise.race([ended, fetch(url).catch(() => undefined)]);
    if (typeof answer === "string") throw new Error(`Cannot measure "${url}": ${answer}`);
    if (answer !== undefined) return;
    await Bun.sleep(1);
  }
  throw new Error(`Cannot measure "${url}": no answer within ${START_LIMIT_MS} ms`);
}

/** The demo as a program for Node: bundled, with our stand-in for the module "scale". */
export async function bundleDemoForNode(root: string, outdir: string): Promise<string> {
  mkdirSync(outdir, { recursive: true });
  await Bun.build({
    entrypoints: [join(root, "src/demo/main.ts")],
    outdir,
    naming: "demo.mjs",
    target: "node",
    format: "esm",
    plugins: [
      {
        name: "scale on Node",
        setup: (build) => {
          build.onResolve({ filter: /^scale$/ }, () => ({ path: join(root, "test/bench/apps/scale-on-node.mjs") }));
        },
      },
    ],
  });
  return join(outdir, "demo.mjs");
}

export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer().once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}

export function plainEnvironment(): Record<string, string> {
  const { PATH = "", HOME = "/" } = process.env;
  return { PATH, HOME };
}
