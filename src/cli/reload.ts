/**
 * `scale reload`: tells running boxes to read their file again, and waits for what they say of it. The signal is SIGHUP
 * to the keeper, as systemd sends it; the answer is read from the admin listener.
 * Invariant: only a keeper of scale on this machine is signalled, whatever an admin listener names.
 */
import { readFileSync } from "node:fs";
import { adminFetch } from "../admin/admin-client.ts";
import type { StatusJson } from "../admin/view.ts";
import { printProblems } from "../problem/print.ts";
import { Problem, type ProblemWire } from "../problem/problem.ts";
import { sendSignal } from "../run/signals.ts";
import { type ReloadTarget, type TargetWords, targetsOf } from "./reload-targets.ts";

export interface ReloadWords extends TargetWords {
  readonly json: boolean;
  write(text: string): void;
}

const LOOK_MS = 50;
/** Twice the longest drain that a box has by default. */
const PATIENCE_MS = 60_000;
const KEEPER_NAME = "scale keeper";

export async function runReload(words: ReloadWords): Promise<number> {
  let failed = 0;
  for (const target of await targetsOf(words)) {
    const { name, result } = await reloadBox(target);
    if (!result.ok) failed += 1;
    if (words.json) words.write(`${JSON.stringify({ box: name, ...result })}\n`);
    else if (result.ok) words.write(`${name}: reloaded, configuration ${result.generation}\n`);
    else {
      words.write(`${name}: not reloaded, the configuration from before still holds\n`);
      words.write(
        printProblems(
          result.problems.map((problem) => Problem.fromWire(problem)),
          { colour: false },
        ),
      );
    }
  }
  return failed === 0 ? 0 : 1;
}

type Result =
  | { readonly ok: true; readonly generation: number }
  | { readonly ok: false; readonly problems: readonly ProblemWire[] };

async function reloadBox(target: ReloadTarget): Promise<{ readonly name: string; readonly result: Result }> {
  const before = await statusOf(target);
  signalKeeper(target, before);
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    await Bun.sleep(LOOK_MS);
    const { generation, lastReload } = (await statusOf(target)).config;
    if (lastReload === undefined || lastReload.at === before.config.lastReload?.at) continue;
    const result: Result = lastReload.ok
      ? { ok: true, generation }
      : { ok: false, problems: lastReload.problems ?? [] };
    return { name: before.box, result };
  }
  throw silent(target, `it has not reloaded within ${PATIENCE_MS / 1000} s; see its log`);
}

function signalKeeper(target: ReloadTarget, status: StatusJson): void {
  const keeper = status.processes.find((process) => process.process === "keeper");
  if (keeper === undefined) throw silent(target, "it names no keeper");
  if (nameOfProcess(keeper.pid) !== KEEPER_NAME)
    throw silent(target, `its keeper (pid ${keeper.pid}) is not a process of this machine or container`);
  sendSignal(keeper.pid, "SIGHUP");
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

async function statusOf(target: ReloadTarget): Promise<StatusJson> {
  const answer = await adminFetch(target.admin, "/status", { token: target.token });
  if (answer.ok) return (await answer.json()) as StatusJson;
  if (answer.status !== 401) throw silent(target, `it answered ${answer.status}`);
  const wrong = target.token !== undefined;
  throw silent(target, wrong ? "it has another token" : "it wants its token", TOKEN_FIX);
}

const TOKEN_FIX = "Give it with --token-file FILE or in SCALE_ADMIN__TOKEN, or name the box's file with --config FILE";

function silent({ name, admin }: ReloadTarget, why: string, fix?: string): Problem {
  return new Problem("CLI_NO_BOX", {
    what: `Cannot reload ${name === undefined ? "the box" : `box "${name}"`} at ${admin}: ${why}`,
    ...(fix === undefined ? {} : { fix }),
  });
}
