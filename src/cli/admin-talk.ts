/** How a command speaks to the box that it is about: its status, its keeper, and what stands in the way of either. */
import { readFileSync } from "node:fs";
import { adminFetch } from "../admin/admin-client.ts";
import type { StatusJson } from "../admin/view.ts";
import { Problem } from "../problem/problem.ts";
import { sendSignal } from "../run/signals.ts";
import type { ReloadTarget } from "./reload-targets.ts";

const KEEPER_NAME = "scale keeper";
const TOKEN_FIX = "Give it with --token-file FILE or in SCALE_ADMIN__TOKEN, or name the box's file with --config FILE";

export async function statusOf(target: ReloadTarget, verb: string): Promise<StatusJson> {
  const answer = await adminFetch(target.admin, "/status", { token: target.token });
  if (answer.ok) return (await answer.json()) as StatusJson;
  throw refusalOf(target, answer, verb);
}

/** Why an answer is none. */
export function refusalOf(target: ReloadTarget, answer: Response, verb: string): Problem {
  if (answer.status !== 401) return noBox(target, { verb, why: `it answered ${answer.status}` });
  const why = target.token !== undefined ? "it has another token" : "it wants its token";
  return noBox(target, { verb, why, fix: TOKEN_FIX });
}

/** Only a keeper of scale on this machine is signalled, whatever an admin listener names. */
export function signalKeeper(target: ReloadTarget, status: StatusJson, order: SignalOrder): void {
  const { verb, signal } = order;
  const keeper = status.processes.find((process) => process.process === "keeper");
  if (keeper === undefined) throw noBox(target, { verb, why: "it names no keeper" });
  if (nameOfProcess(keeper.pid) !== KEEPER_NAME) {
    const why = `its keeper (pid ${keeper.pid}) is not a process of this machine or container`;
    throw noBox(target, { verb, why });
  }
  sendSignal(keeper.pid, signal);
}

export interface SignalOrder {
  readonly verb: string;
  readonly signal: "SIGHUP" | "SIGUSR2";
}

interface Silence {
  /** What was to be done, as in "Cannot reload". */
  readonly verb: string;
  readonly why: string;
  readonly fix?: string;
}

export function noBox({ name, admin }: ReloadTarget, { verb, why, fix }: Silence): Problem {
  return new Problem("CLI_NO_BOX", {
    what: `Cannot ${verb} ${name === undefined ? "the box" : `box "${name}"`} at ${admin}: ${why}`,
    ...(fix === undefined ? {} : { fix }),
  });
}

/** What the kernel calls it; `undefined` when there is none. */
function nameOfProcess(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}
