/**
 * Looks before the program is loaded whether its address can be had. A worker binds with SO_REUSEPORT, so that its
 * successor can start beside it; without this look two boxes could share a port and neither would know.
 */
import { lstatSync } from "node:fs";
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import { Problem } from "../problem/problem.ts";
import { bindProblem } from "./ports.ts";

const SILENT = { data() {} };

/** Rejects with a Problem when another process listens there, or when nobody could. */
export async function probeAddress(at: Address): Promise<void> {
  if (at.path !== undefined) return probePath(at, at.path);
  if (at.port === 0) return;
  try {
    Bun.listen({ hostname: at.host, port: at.port, socket: SILENT }).stop(true);
  } catch (error) {
    throw bindProblem(error, at);
  }
}

/** A socket that nobody accepts on is a leftover, and is replaced; anything else with that name is not ours to remove. */
async function probePath(at: Address, path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new Problem("APP_CANNOT_BIND", {
      what: `Cannot listen at "${formatAddress(at)}": a file that is not a socket has this name`,
      fix: "Remove it, or choose another path",
    });
  }
  if (await isAccepted(path)) throw bindProblem(Object.assign(new Error("in use"), { code: "EADDRINUSE" }), at);
}

async function isAccepted(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: SILENT });
    socket.terminate();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EACCES") return true;
    return false;
  }
}
