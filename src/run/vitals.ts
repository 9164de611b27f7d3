/**
 * What a process costs, as every box shows it: CPU, memory, descriptors, birth, and how late its event loop turns. Read from
 * /proc, so that the steward can tell it of the keeper and of a worker that does not answer. proc(5).
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Clock, Timer } from "../../proxy/base/clock.ts";
import type { MetricRow, Metrics } from "../../proxy/base/metrics.ts";
import { clock as realClock } from "./clock.ts";
import { residentBytes, startTicks } from "./proc.ts";

export interface ProcessName {
  /** "keeper", "steward", "worker", "up", or the role of another crew of the box. */
  readonly process: string;
  /** 1 … n for workers, 0 for the others. */
  readonly index: number;
}

const LABELS = ["process", "index"];

export const vitalRows = {
  cpu: { name: "process_cpu_seconds_total", kind: "counter", help: "User and system CPU time spent.", labels: LABELS },
  resident: { name: "process_resident_memory_bytes", kind: "gauge", help: "Resident memory size.", labels: LABELS },
  open: { name: "process_open_fds", kind: "gauge", help: "Open file descriptors.", labels: LABELS },
  max: { name: "process_max_fds", kind: "gauge", help: "How many file descriptors may be open.", labels: LABELS },
  start: {
    name: "process_start_time_seconds",
    kind: "gauge",
    help: "When the process started, in seconds since 1970 UTC.",
    labels: LABELS,
    merge: "max",
  },
  lag: {
    name: "scale_event_loop_lag_seconds",
    kind: "histogram",
    help: "How much later than asked a timer ran, twice a second.",
    labels: LABELS,
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  },
} as const satisfies Record<string, MetricRow>;

const LAG_PERIOD_MS = 500;
/** USER_HZ, which Linux shows to programs on every platform we run on. */
const TICKS_PER_SECOND = 100;

/** Counts this process, and how late its event loop turns, until the timer is cancelled. */
export function countVitals(metrics: Metrics, name: ProcessName, clock: Clock = realClock): Timer {
  countVitalsOf(metrics, name, process.pid);
  const lag = metrics.histogram(vitalRows.lag, ...labelsOf(name));
  let last = clock.now();
  return clock.every(LAG_PERIOD_MS, () => {
    const now = clock.now();
    lag.observe(Math.max(0, now - last - LAG_PERIOD_MS) / 1_000);
    last = now;
  });
}

/** Counts another process of this box; its numbers are read whenever a snapshot is taken. */
export function countVitalsOf(metrics: Metrics, name: ProcessName, pid: number): void {
  const labels = labelsOf(name);
  metrics.sampled(
    vitalRows.cpu,
    lastKnown(() => cpuSeconds(pid)),
    ...labels,
  );
  metrics.sampled(
    vitalRows.resident,
    lastKnown(() => residentBytes(pid)),
    ...labels,
  );
  metrics.sampled(
    vitalRows.open,
    lastKnown(() => openFds(pid)),
    ...labels,
  );
  metrics.sampled(
    vitalRows.max,
    lastKnown(() => maxFds(pid)),
    ...labels,
  );
  metrics.sampled(
    vitalRows.start,
    lastKnown(() => startSeconds(pid)),
    ...labels,
  );
}

function labelsOf(name: ProcessName): readonly string[] {
  return [name.process, String(name.index)];
}

/** The readers throw (ENOENT, EMFILE) when there is no such process, or when we cannot open a file just now. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[14]) + Number(fields[15])) / TICKS_PER_SECOND;
}

export function openFds(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

export function maxFds(pid: number): number {
  const soft = matched(`/proc/${pid}/limits`, /^Max open files\s+(\S+)/m);
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Since 1970 UTC. */
export function startSeconds(pid: number): number {
  return Number(matched("/proc/stat", /^btime (\d+)/m)) + Number(startTicks(pid)) / TICKS_PER_SECOND;
}

/** A number that cannot be read now is what it was: a counter must not step back because descriptors ran out. */
function lastKnown(read: () => number): () => number {
  let last = 0;
  return () => {
    try {
      const now = read();
      if (!Number.isNaN(now)) last = now;
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
    }
    return last;
  };
}

/** Numbered as in proc(5), from 1. A name may hold blanks and parentheses, so the fields are counted from its end. */
function statFields(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return ["", String(pid), "name", ...text.slice(text.lastIndexOf(")") + 2).split(" ")];
}

function matched(path: string, pattern: RegExp): string | undefined {
  return pattern.exec(readFileSync(path, "latin1"))?.[1];
}
