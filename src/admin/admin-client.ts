/** Asks the admin listener of a box, as `scale status` and `scale reload` do. Throws a Problem when nobody answers there. */
import { formatAddress } from "../../proxy/base/address.ts";
import { Problem } from "../problem/problem.ts";
import { adminAddress } from "./address.ts";

const ANSWER_TIMEOUT_MS = 5_000;

export interface AskOptions {
  readonly token?: string | undefined;
  readonly timeoutMs?: number;
}

/** `address` is `host:port` or `unix:PATH`, `path` begins with a slash. Any status is an answer. */
export async function adminFetch(address: string, path: string, options: AskOptions = {}): Promise<Response> {
  const at = adminAddress(address);
  const { token } = options;
  const host = at.path === undefined ? formatAddress(at) : "localhost";
  try {
    return await fetch(`http://${host}${path}`, {
      ...(at.path === undefined ? {} : { unix: at.path }),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: "error",
      proxy: "",
      signal: AbortSignal.timeout(options.timeoutMs ?? ANSWER_TIMEOUT_MS),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem("RUN_ADMIN_SILENT", { what: `Cannot ask the box at "${formatAddress(at)}": ${reason}` });
  }
}
