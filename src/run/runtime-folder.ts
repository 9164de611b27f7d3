/**
 * The folder where the processes of this machine's boxes find each other: admin sockets and leases. Not for data: it is gone
 * after a reboot. Invariant: only its owner, who is us or root, can put anything into it, so that nobody can
 * stand in for a box or plant a file in its way.
 */
import { lstatSync, mkdirSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { Problem } from "../problem/problem.ts";

type Variables = { readonly [name: string]: string | undefined };

const WRITABLE_BY_OTHERS = 0o022;

/** The folder's path; it need not exist yet. */
export function runtimeFolder(env: Variables = process.env, uid: number = process.getuid?.() ?? 0): string {
  // systemd makes it for a unit that says RuntimeDirectory=, and may name several.
  const [given] = (env["RUNTIME_DIRECTORY"] ?? "").split(":");
  if (given !== undefined && isAbsolute(given)) return given;
  if (uid === 0) return "/run/scale";
  const session = env["XDG_RUNTIME_DIR"];
  return session !== undefined && isAbsolute(session) ? join(session, "scale") : `/tmp/scale-${uid}`;
}

/** Makes the folder if it is not there, and refuses one that another user could have prepared. */
export function ensureRuntimeFolder(path: string = runtimeFolder(), uid: number = process.getuid?.() ?? 0): string {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") {
      throw new Problem("RUN_FOLDER", { what: `Cannot make the runtime folder "${path}": ${reasonOf(error)}` });
    }
  }
  const stat = lstatSync(path);
  const flaw = flawOf(stat, uid);
  if (flaw === undefined) return path;
  throw new Problem("RUN_FOLDER", { what: `Cannot use the runtime folder "${path}": ${flaw}` });
}

function flawOf(stat: ReturnType<typeof lstatSync> & object, uid: number): string | undefined {
  if (stat.isSymbolicLink()) return "it is a symbolic link";
  if (!stat.isDirectory()) return "it is not a folder";
  if (stat.uid !== uid && stat.uid !== 0) return `it belongs to user ${stat.uid}, not to us (${uid})`;
  if ((Number(stat.mode) & WRITABLE_BY_OTHERS) !== 0) return "others may write into it";
  return undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
