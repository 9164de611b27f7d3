/**
 * What processes cost, read from /proc: CPU time so far, resident memory, who descends from whom, and where they may
 * run. Times are exact to one clock tick (10 ms), so measure over seconds.
 */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, which Linux fixes at 100 for /proc on every platform we run on. */
const TICKS_PER_SECOND = 100;

/** User plus system time of one process with all its threads, in microseconds; its children's is not in it. */
export function cpuMicros(pid: number): number {
  return readStat(readFileSync(`/proc/${pid}/stat`, "utf8")).ticks * (1e6 / TICKS_PER_SECOND);
}

export function sumCpu(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMicros(pid), 0);
}

export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`Cannot read the memory of process ${pid}: it is a zombie`);
  return Number(kilobytes) * 1024;
}

/** The process and all that descend from it, parents first. */
export function family(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

/** What of the box it is, by the mark that `src/run/self.ts` gives to children; the keeper has none. */
export function kindOf(pid: number): string {
  const order = readFileSync(`/proc/${pid}/environ`, "utf8")
    .split("\0")
    .find((line) => line.startsWith("SCALE_CHILD="));
  const kind =
    order === undefined ? undefined : (JSON.parse(order.slice("SCALE_CHILD=".length)) as { kind: string }).kind;
  return kind === undefined || kind === "box" ? "keeper" : kind;
}

/** Binds a process with all its threads to one core; what it starts later follows. */
export function pin(taskset: string, pid: number, core: number): void {
  const { exitCode, stderr } = Bun.spawnSync([taskset, "-a", "-c", "-p", String(core), String(pid)], {
    stdout: "ignore",
  });
  if (exitCode !== 0) throw new Error(`Cannot pin process ${pid} to core ${core}: ${stderr.toString().trim()}`);
}

/** The fields of /proc/PID/stat that matter here; the second one is a name that may hold spaces and parentheses. */
export function readStat(line: string): { readonly parent: number; readonly ticks: number } {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

function parentOf(pid: number): number | undefined {
  try {
    return readStat(readFileSync(`/proc/${pid}/stat`, "utf8")).parent;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}
