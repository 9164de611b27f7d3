/** One bounded run of pgbench's read-only script against a pooler, and what it says. */
import { join } from "node:path";
import type { Heard } from "./contest.ts";
import { DATABASE, USER } from "./postgres.ts";

export const PROTOCOLS = ["simple", "extended", "prepared"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface PgbenchOrder {
  readonly port: number;
  readonly protocol: Protocol;
  readonly clients: number;
  readonly seconds: number;
  readonly core: number;
}

export interface PgbenchTools {
  readonly pgbench: string;
  readonly taskset: string;
}

/** Its clients log in first: in less, some hundred have hardly begun. */
const SECONDS_MIN = 3;
/** That of `pgbench -S`; as a file, since pgbench asks the catalogue about tables behind a script of its own. */
const SCRIPT = join(import.meta.dir, "apps/select-only.sql");

/** Throws when a client gave up or a transaction failed. */
export async function runPgbench(
  tools: PgbenchTools,
  { port, protocol, clients, seconds, core }: PgbenchOrder,
): Promise<Heard> {
  const length = String(Math.max(SECONDS_MIN, seconds));
  const words = ["-n", "-f", SCRIPT, "-M", protocol, "-c", String(clients), "-j", "1", "-T", length];
  const to = ["-h", "127.0.0.1", "-p", String(port), "-U", USER, DATABASE];
  const child = Bun.spawn([tools.taskset, "-c", String(core), tools.pgbench, ...words, ...to], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: (seconds + 60) * 1000,
  });
  const [text, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0)
    throw new Error(`Cannot use this run of pgbench (exit code ${child.exitCode}): ${errors.trim().slice(0, 500)}`);
  return readPgbench(text);
}

export function readPgbench(text: string): Heard {
  const field = (pattern: RegExp): number => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`Cannot read what pgbench says: no ${pattern}`);
    return Number(found);
  };
  const failed = /^number of failed transactions: (\d+)/m.exec(text)?.[1] ?? "0";
  if (failed !== "0") throw new Error(`Cannot use this run of pgbench: ${failed} transactions failed`);
  return {
    requests: field(/^number of transactions actually processed: (\d+)/m),
    perSecond: field(/^tps = ([\d.]+)/m),
    meanMs: field(/^latency average = ([\d.]+) ms/m),
  };
}
