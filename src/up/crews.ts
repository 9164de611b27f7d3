/** The processes of a box, as its admin listener names them: what `scale status` and `scale up` show of workers, lb and pool. */
import { adminFetch } from "../admin/admin-client.ts";
import type { StatusJson } from "../admin/view.ts";
import { Problem } from "../problem/problem.ts";

export interface ProcessState {
  /** "keeper", "steward", "worker", or another crew of the box: "lb", "pool". */
  readonly process: string;
  readonly index: number;
  readonly pid: number;
  readonly state: string;
  readonly why?: string;
}

const ASK_TIMEOUT_MS = 2_000;
/** Empty when the box does not say. */
export async function askProcesses(admin: string, token: string | undefined): Promise<readonly ProcessState[]> {
  try {
    const answer = await adminFetch(admin, "/status", { token, timeoutMs: ASK_TIMEOUT_MS });
    if (!answer.ok) return [];
    const { processes } = (await answer.json()) as StatusJson;
    return processes.map(({ process, index, pid, state, why }) => ({
      process,
      index,
      pid,
      state,
      ...(why === undefined ? {} : { why }),
    }));
  } catch (error) {
    if (error instanceof Problem || error instanceof SyntaxError) return [];
    throw error;
  }
}

/** "balancer  ▸  2 workers  ▸  one database pool": in the order in which a request meets them. */
export function crewsText(processes: readonly ProcessState[]): string {
  const count = (name: string): number => processes.filter(({ process }) => process === name).length;
  const workers = count("worker");
  const parts = [
    ...(count("lb") > 0 ? ["balancer"] : []),
    `${workers} ${workers === 1 ? "worker" : "workers"}`,
    ...(count("pool") > 0 ? ["one database pool"] : []),
  ];
  return parts.join("  ▸  ");
}
