/**
 * One bounded run of a load generator against one URL, and what it says. Closed loop: each connection waits for its
 * answer. `wrk` is the usual one, `h2load` a second opinion.
 */

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** The core that it runs on. */
  readonly core: number;
  /** Whole lines, added to each request. */
  readonly headers?: readonly string[];
}

export interface Heard {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadTools {
  readonly wrk: string;
  readonly taskset: string;
}

/** Throws when any answer was an error: a fast failure is not speed. */
export async function load(tools: LoadTools, order: Load): Promise<Heard> {
  const { connections, seconds, url } = order;
  const words = ["--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`, "--latency"];
  return readWrk(await hear(tools.taskset, [tools.wrk, ...words, ...headerWords(order), url], order));
}

/** The same by h2load in HTTP/1.1; it tells no percentiles. */
export async function loadByH2load(
  tools: Pick<LoadTools, "taskset"> & { readonly h2load: string },
  order: Load,
): Promise<Mean> {
  const { connections, seconds, url } = order;
  const words = ["--h1", "--threads", "1", "--clients", String(connections), "--duration", String(seconds)];
  return readH2load(await hear(tools.taskset, [tools.h2load, ...words, ...headerWords(order), url], order));
}

export interface Mean {
  readonly requests: number;
  readonly perSecond: number;
  readonly meanMs: number;
}

function headerWords({ headers = [] }: Load): readonly string[] {
  return headers.flatMap((line) => ["-H", line]);
}

async function hear(taskset: string, argv: readonly string[], { url, seconds, core }: Load): Promise<string> {
  const child = Bun.spawn([taskset, "-c", String(core), ...argv], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: (seconds + 30) * 1000,
  });
  const [text, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0)
    throw new Error(`Cannot load "${url}": "${argv[0]}" exited with ${child.exitCode}: ${errors.trim()}`);
  return text;
}

export function readH2load(text: string): Mean {
  const counts = /^requests: (\d+) total, .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(text);
  const statuses = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(text);
  if (counts === null || statuses === null) throw new Error("Cannot read what h2load says: no counts");
  const [succeeded = 0, ...bad] = [...counts.slice(2), ...statuses.slice(3)].map(Number);
  if (bad.some((count) => count > 0)) throw new Error(`Cannot use this run of h2load: ${counts[0]}; ${statuses[0]}`);
  return {
    requests: succeeded,
    perSecond: Number(field(text, /finished in .*, ([\d.]+) req\/s/)),
    meanMs: milliseconds(field(text, /^time for request:\s+\S+\s+\S+\s+(\S+)/m)),
  };
}

export function readWrk(text: string): Heard {
  const bad = /^\s*(Non-2xx or 3xx responses|Socket errors): .*$/m.exec(text)?.[0];
  if (bad !== undefined) throw new Error(`Cannot use this run of wrk: ${bad.trim()}`);
  return {
    requests: Number(field(text, /(\d+) requests in /)),
    perSecond: Number(field(text, /Requests\/sec:\s+([\d.]+)/)),
    p50Ms: milliseconds(field(text, /^\s+50%\s+(\S+)[ \t]*$/m)),
    p99Ms: milliseconds(field(text, /^\s+99%\s+(\S+)[ \t]*$/m)),
  };
}

function field(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`Cannot read what the load says: no ${pattern}`);
  return found;
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function milliseconds(text: string): number {
  const [, number = "", unit = ""] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (factor === undefined) throw new Error(`Cannot read what the load says: "${text}" is no time`);
  return Number(number) * factor;
}
