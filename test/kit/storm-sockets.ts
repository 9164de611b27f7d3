/** Which clients a process has, as the kernel knows it: of one that is stopped, exactly those that die with it. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** As /proc/net says it: a connection, not a listener. */
const TCP_ESTABLISHED = "01";
const UNIX_CONNECTED = "03";

/** The client's ports of the TCP connections that it has open at a port of 127.0.0.1. */
export function clientPortsOf(pid: number, port: number): ReadonlySet<number> {
  const inodes = socketsOf(pid);
  const ports = new Set<number>();
  for (const fields of tableOf(pid, "tcp")) {
    const [, local = "", remote = "", state = ""] = fields;
    if (state === TCP_ESTABLISHED && portIn(local) === port && inodes.has(fields[9] ?? "")) ports.add(portIn(remote));
  }
  return ports;
}

/** How many clients it has on unix sockets that have a name. */
export function unixClientsOf(pid: number): number {
  const inodes = socketsOf(pid);
  const isOne = ([, , , , , state, inode = "", name]: readonly string[]): boolean =>
    state === UNIX_CONNECTED && name !== undefined && inodes.has(inode);
  return tableOf(pid, "unix").filter(isOne).length;
}

/** Inodes of all sockets that it has open. */
function socketsOf(pid: number): ReadonlySet<string> {
  const folder = `/proc/${pid}/fd`;
  const names = readdirSync(folder).map((name) => /^socket:\[(\d+)\]$/.exec(readlinkSync(join(folder, name)))?.[1]);
  return new Set(names.filter((inode) => inode !== undefined));
}

function tableOf(pid: number, family: "tcp" | "unix"): readonly (readonly string[])[] {
  const lines = readFileSync(`/proc/${pid}/net/${family}`, "utf8").trimEnd().split("\n");
  return lines.slice(1).map((line) => line.trim().split(/\s+/));
}

function portIn(address: string): number {
  return Number.parseInt(address.split(":")[1] ?? "0", 16);
}
