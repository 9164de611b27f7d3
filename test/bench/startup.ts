/** How long starts take and what idle processes weigh: `scale --help`, one box without a database, and Node beside it. */
import { family, kindOf, residentBytes } from "./processes.ts";
import { answers, freePort, plainEnvironment } from "./servers.ts";

export interface Startup {
  readonly helpMs: number;
  readonly boxReadyMs: number;
  readonly nodeReadyMs: number;
  /** Resident memory by kind of process (keeper, steward, worker) and of Node with the same app. */
  readonly residentBytes: Readonly<Record<string, number>>;
}

/** Memory is read when the process has been left alone for this long. */
const IDLE_MS = 3_000;

export async function measureStartup(executable: string, node: string, app: string, rounds: number): Promise<Startup> {
  const help: number[] = [];
  const box: number[] = [];
  const plain: number[] = [];
  let resident: Record<string, number> = {};
  for (let round = 0; round < rounds; round++) {
    const last = round === rounds - 1;
    help.push(
      await timeOf(async () => Bun.spawn([executable, "--help"], { stdio: ["ignore", "ignore", "ignore"] }).exited),
    );
    const listen = (port: number) => `127.0.0.1:${port}`;
    const argv = (port: number) => [executable, "--role", "app", "--log-level", "error", "--listen", listen(port), app];
    const scale = await start(argv, {}, last);
    const other = await start(() => [node, app], { NODE_ENV: "production" }, last);
    box.push(scale.readyMs);
    plain.push(other.readyMs);
    resident = { ...scale.resident, ...(last ? { node: other.resident["keeper"] ?? 0 } : {}) };
  }
  return { helpMs: median(help), boxReadyMs: median(box), nodeReadyMs: median(plain), residentBytes: resident };
}

async function start(
  argv: (port: number) => string[],
  env: Readonly<Record<string, string>>,
  weigh: boolean,
): Promise<{ readyMs: number; resident: Record<string, number> }> {
  const port = await freePort();
  const started = performance.now();
  const child = Bun.spawn(argv(port), {
    env: { ...plainEnvironment(), PORT: String(port), ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    await answers(`http://127.0.0.1:${port}/hello`, child.exited);
    const readyMs = performance.now() - started;
    if (!weigh) return { readyMs, resident: {} };
    await Bun.sleep(IDLE_MS);
    const resident = Object.fromEntries(family(child.pid).map((pid) => [kindOf(pid), residentBytes(pid)]));
    return { readyMs, resident };
  } finally {
    child.kill("SIGTERM");
    await child.exited;
  }
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
