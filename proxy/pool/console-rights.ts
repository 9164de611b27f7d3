/** Who may look at and command the pool through its admin database. */
import type { Wire } from "../net/wire.ts";
import type { PoolSetup } from "./setup.ts";

/** Ours, and PgBouncer's, which its tools dial. */
const NAMES: readonly string[] = ["scale", "pgbouncer"];

/** A database of that name that somebody configured is that database. */
export function isConsole(database: string, { databases }: PoolSetup): boolean {
  return NAMES.includes(database) && !Object.hasOwn(databases, database);
}

/** Undefined: not even look. */
export function rightsOf(user: string, wire: Wire, setup: PoolSetup): "command" | "look" | undefined {
  if (wire.peerUid !== undefined && wire.peerUid === setup.ownUid) return "command";
  if (setup.adminUsers.includes(user)) return "command";
  return setup.statsUsers.includes(user) ? "look" : undefined;
}
