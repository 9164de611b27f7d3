/** One bounded run of `wrk` against one URL, and what it says. Closed loop: each connection waits for its answer. */

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** The core that wrk runs on. */
  readonly core: number;
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
  const { url, connections, seconds, core } = order;
  const words = ["--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`, "--latency", url];
  const child = Bun.spawn([tools.taskset, "-c", String(core), tools.wrk, ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: (seconds + 30) * 1000,
  });
  const [text, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0)
    throw new Error(`Cannot load "${url}": wrk exited with ${child.exitCode}: ${errors.trim()}`);
  return readWrk(text);
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
  if (found === undefined) throw new Error(`Cannot read what wrk says: no ${pattern}`);
  return found;
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function milliseconds(text: string): number {
  const [, number = "", unit = ""] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (factor === undefined) throw new Error(`Cannot read what wrk says: "${text}" is no time`);
  return Number(number) * factor;
}
