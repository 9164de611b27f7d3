/** The same Express app on as many processes by three means: `scale --role app`, node:cluster and PM2. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { root, type Bench } from "./bench.ts";
import type { Side } from "./contest.ts";
import { startDaemon, type Daemon } from "./daemon.ts";

export interface Cluster extends Side, Daemon {
  readonly url: string;
}

const APP = join(root, "test/bench/apps/express.mjs");
const CLUSTER = join(root, "test/bench/apps/cluster.mjs");
const INSTALL_LIMIT_MS = 5 * 60_000;

export async function startScaleApp({ folder, executable }: Bench, workers: number): Promise<Cluster> {
  const port = freePort();
  const place = join(folder, "app");
  mkdirSync(place);
  const listen = ["--listen", `127.0.0.1:${port}`, "--admin", `unix:${join(place, "admin")}`, "--log-level", "warn"];
  const argv = [executable, "--role", "app", "--workers", String(workers), ...listen, APP];
  return { ...(await startDaemon({ argv, ports: [port] })), name: "scale", url: `http://127.0.0.1:${port}` };
}

export async function startNodeCluster(node: string, workers: number): Promise<Cluster> {
  const port = freePort();
  const env = { NODE_ENV: "production", PORT: String(port), WORKERS: String(workers) };
  const daemon = await startDaemon({ argv: [node, CLUSTER], ports: [port], env });
  return { ...daemon, name: "node:cluster", url: `http://127.0.0.1:${port}` };
}

/** `pm2` is its program; in the foreground, as in a container. */
export async function startPm2(pm2: string, { folder }: Bench, workers: number): Promise<Cluster> {
  const port = freePort();
  const env = { NODE_ENV: "production", PORT: String(port), PM2_HOME: join(folder, "pm2-home") };
  const daemon = await startDaemon({ argv: [pm2, "start", APP, "-i", String(workers)], ports: [port], env });
  return { ...daemon, name: "PM2", url: `http://127.0.0.1:${port}` };
}

/** Into the folder of this run, since nothing else needs it; undefined when npm cannot. */
export async function installPm2({ folder }: Bench): Promise<string | undefined> {
  const place = join(folder, "pm2");
  mkdirSync(place);
  const argv = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", place, "pm2"];
  const child = Bun.spawn(argv, {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: INSTALL_LIMIT_MS,
  });
  const errors = await child.stderr.text();
  if ((await child.exited) === 0) return join(place, "node_modules/.bin/pm2-runtime");
  console.log(`  without PM2: ${errors.trim().slice(-500)}`);
  return undefined;
}
