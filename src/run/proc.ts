/** What /proc says of a process. */
import { readFileSync } from "node:fs";

/** 0 when the process is gone (or a zombie, which has no memory). */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`) ?? "")?.[1] ?? 0;
  return Number(kib) * 1_024;
}

/** What a process holds for itself: without the pages of program files, which all processes of a program share. */
export function heldBytes(pid: number): number {
  const status = readText(`/proc/${pid}/status`) ?? "";
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return (kib("RssAnon") + kib("RssShmem")) * 1_024;
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

/** What all processes of this box may use: the machine's memory, or the least that a control group above them allows. */
export function memoryTotalBytes(): number {
  const machine = Number(/^MemTotal:\s+(\d+) kB/m.exec(readText("/proc/meminfo") ?? "")?.[1] ?? 0) * 1024;
  const limits = groupLimitFiles(readText("/proc/self/cgroup") ?? "")
    .map((path) => Number(readText(path)?.trim()))
    .filter((bytes) => Number.isFinite(bytes) && bytes > 0);
  return Math.min(machine, ...limits);
}

/** The files that may limit a process with that /proc/PID/cgroup, of its own group and of all above; cgroups(7). */
export function groupLimitFiles(cgroups: string): string[] {
  return cgroups.split("\n").flatMap((line) => {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (!path.startsWith("/")) return [];
    const [root, file] =
      controllers === "" ? ["/sys/fs/cgroup", "memory.max"] : ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"];
    if (controllers !== "" && !controllers.split(",").includes("memory")) return [];
    const names = path.split("/").filter((name) => name !== "");
    return names.concat("").map((_name, depth) => [root, ...names.slice(0, depth), file].join("/"));
  });
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
