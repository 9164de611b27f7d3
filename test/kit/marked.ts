/**
 * Finds the processes that carry a given `NAME=value` in their environment, in /proc: so a run knows its own
 * descendants even when they left its session. A zombie has no environment and is not found; it is nobody's traffic.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface Marked {
  readonly pid: number;
  readonly command: string;
}

export function markedProcesses(mark: string): readonly Marked[] {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids
    .filter((pid) => pid !== process.pid && read(pid, "environ").split("\0").includes(mark))
    .map((pid) => ({ pid, command: read(pid, "cmdline").split("\0").join(" ").trim().slice(0, 120) }));
}

/** Empty when the process is gone or not ours to read. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM") return "";
    throw error;
  }
}
