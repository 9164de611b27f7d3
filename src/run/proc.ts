/** What /proc says of a process. */
import { readFileSync } from "node:fs";

/** 0 when the process is gone (or a zombie, which has no memory). */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`) ?? "")?.[1] ?? 0;
  return Number(kib) * 1_024;
}

/** Alive and not a zombie. */
export function isAlive(pid: number): boolean {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return false;
  const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  return state !== "Z" && state !== "X";
}

/** When a process began, in clock ticks since boot: with its pid it names a process for good. */
export function startTicks(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** What all processes of this box may use: the control group's limit, or the machine's memory. */
export function memoryTotalBytes(): number {
  const machine = Number(/^MemTotal:\s+(\d+) kB/m.exec(readText("/proc/meminfo") ?? "")?.[1] ?? 0) * 1024;
  const limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    .map((path) => Number(readText(path)?.trim()))
    .filter((bytes) => Number.isFinite(bytes) && bytes > 0);
  return Math.min(machine, ...limits);
}

/** `undefined` when there is no such file, as for a process that has just gone. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}
