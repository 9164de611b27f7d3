/** How many system calls a side makes for a request, counted by strace in a short round of its own. */
import type { Side, Workload } from "./contest.ts";
import { family } from "./processes.ts";

export interface CallCount {
  readonly perRequest: number;
  /** The most frequent ones, with their count for each request. */
  readonly most: string;
}

export type Calls = ReadonlyMap<string, CallCount>;

const SECONDS = 2;
const MOST = 6;
/** Until strace holds all threads. */
const ATTACH_MS = 500;

/** `strace` undefined: there is none, and nothing is counted. */
export async function countCalls<One extends Side>(
  strace: string | undefined,
  sides: readonly One[],
  workload: Workload<One>,
): Promise<Calls | undefined> {
  if (strace === undefined) return undefined;
  console.log("  system calls");
  const calls = new Map<string, CallCount>();
  for (const side of sides) {
    const count = await countOf(strace, side, workload);
    if (count !== undefined) calls.set(side.name, count);
  }
  return calls.size === 0 ? undefined : calls;
}

async function countOf<One extends Side>(
  strace: string,
  side: One,
  workload: Workload<One>,
): Promise<CallCount | undefined> {
  const attached = family(side.pid).flatMap((pid) => ["-p", String(pid)]);
  const child = Bun.spawn([strace, "-c", "-f", ...attached], { stdio: ["ignore", "ignore", "pipe"] });
  const text = child.stderr.text();
  await Promise.race([Bun.sleep(ATTACH_MS), child.exited]);
  try {
    const { requests } = await workload.load(side, SECONDS);
    child.kill("SIGINT");
    await child.exited;
    return readStrace(await text, requests);
  } catch (error) {
    console.log(`    ${side.name}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    child.kill("SIGINT");
    await child.exited;
  }
}

/** The table of `strace -c`: share, seconds, µs a call, calls, errors where there were any, name. */
export function readStrace(text: string, requests: number): CallCount {
  const rows = [...text.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$/gm)]
    .map(([, count, name]) => ({ name: name ?? "", count: Number(count) }))
    .filter(({ name }) => name !== "total")
    .sort((a, b) => b.count - a.count);
  if (rows.length === 0) throw new Error(`Cannot read what strace says: ${text.trim().slice(0, 200)}`);
  const all = rows.reduce((sum, { count }) => sum + count, 0);
  const most = rows.slice(0, MOST).map(({ name, count }) => `${name} ${(count / requests).toFixed(2)}`);
  return { perRequest: all / requests, most: most.join(", ") };
}
