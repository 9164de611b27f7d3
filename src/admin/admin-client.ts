/** Asks the admin listener of a box, as `scale status`, `scale reload` and `scale app --count` do. Throws a Problem when nobody answers there. */
import { lstatSync } from "node:fs";
import { formatAddress } from "../../proxy/base/address.ts";
import { Problem } from "../problem/problem.ts";
import { adminAddress } from "./address.ts";

const ANSWER_TIMEOUT_MS = 5_000;

export interface AskOptions {
  readonly token?: string | undefined;
  readonly timeoutMs?: number;
  readonly method?: "GET" | "POST";
}

/** `address` is `host:port` or `unix:PATH`, `path` begins with a slash. Any status is an answer. */
export async function adminFetch(address: string, path: string, options: AskOptions = {}): Promise<Response> {
  const at = adminAddress(address);
  // On a unix socket nobody asks for it, and whoever listens there need not learn it.
  const token = at.path === undefined ? options.token : undefined;
  if (at.path !== undefined) demandOwner(at.path);
  const host = at.path === undefined ? formatAddress(at) : "localhost";
  try {
    return await fetch(`http://${host}${path}`, {
      ...(at.path === undefined ? {} : { unix: at.path }),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      method: options.method ?? "GET",
      redirect: "error",
      proxy: "",
      signal: AbortSignal.timeout(options.timeoutMs ?? ANSWER_TIMEOUT_MS),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem("RUN_ADMIN_SILENT", { what: `Cannot ask the box at "${formatAddress(at)}": ${reason}` });
  }
}

/** Another user could have put a listener of its own where a box of ours is looked for. Root knows whose boxes it asks. */
export function demandOwner(path: string, uid: number = process.getuid?.() ?? 0): void {
  const owner = lstatSync(path, { throwIfNoEntry: false })?.uid;
  if (uid === 0 || owner === undefined || owner === uid || owner === 0) return;
  throw new Problem("RUN_ADMIN_SILENT", {
    what: `Cannot ask the box at "unix:${path}": its socket belongs to user ${owner}, not to us (${uid})`,
  });
}
