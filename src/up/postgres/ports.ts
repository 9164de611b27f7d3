/**
 * A port for a server of ours: the one it had last time, else the next that nobody listens on. Below 32768, since the
 * kernel hands out the ports above to outgoing connections. A look, not a reservation: who binds decides, and a server
 * that lost the race is given another port.
 */
import { readFileSync } from "node:fs";

export const PORT_FIRST = 15_432;
const PORT_LAST = 16_431;
/** The state column of /proc/net/tcp, proc(5): TCP_LISTEN. */
const LISTENING = "0A";

/** `undefined` when all are taken. `preferred` may be any port; it is left out when it is taken. */
export function choosePort(preferred: number | undefined, taken: ReadonlySet<number>): number | undefined {
  if (preferred !== undefined && !taken.has(preferred)) return preferred;
  for (let port = PORT_FIRST; port <= PORT_LAST; port++) if (!taken.has(port)) return port;
  return undefined;
}

/** Ports that someone listens on, at any address. Empty where /proc does not say. */
export function listeningPorts(): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const port of parseListeners(readTable(table))) ports.add(port);
  }
  return ports;
}

/** The listening ports of a table as in /proc/net/tcp. */
export function parseListeners(table: string): readonly number[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTENING)
    .map((columns) => Number.parseInt(columns[1]?.split(":")[1] ?? "", 16))
    .filter((port) => Number.isInteger(port));
}

/** A kernel without IPv6 has no second table, and a sandbox may hide both; binding is what decides. */
function readTable(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}
