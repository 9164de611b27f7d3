/**
 * `scale reload`: tells running boxes to read their file again, and waits for what they say of it. The signal is SIGHUP
 * to the keeper, as systemd sends it; the answer is read from the admin listener.
 */
import { defaultAdminAddress } from "../admin/address.ts";
import { adminFetch } from "../admin/admin-client.ts";
import type { StatusJson } from "../admin/view.ts";
import { printProblems } from "../problem/print.ts";
import { Problem, type ProblemWire } from "../problem/problem.ts";
import { sendSignal } from "../run/signals.ts";
import { dataFolderOf, readState } from "../up/state-file.ts";

export interface ReloadWords {
  readonly folder: string;
  /** A box by its name; those that are up in the folder when absent. */
  readonly box?: string;
  readonly json: boolean;
  write(text: string): void;
}

const LOOK_MS = 50;
/** Twice the longest drain that a box has by default. */
const PATIENCE_MS = 60_000;

export async function runReload(words: ReloadWords): Promise<number> {
  let failed = 0;
  for (const { name, admin } of targets(words)) {
    const result = await reloadBox(name, admin);
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

interface Target {
  readonly name: string;
  readonly admin: string;
}

function targets(words: ReloadWords): readonly Target[] {
  const boxes = readState(dataFolderOf(words.folder))?.state.boxes ?? [];
  const { box } = words;
  if (box === undefined && boxes.length > 0) return boxes;
  if (box === undefined) {
    throw new Problem("UP_NOT_RUNNING", {
      what: `Cannot reload: nothing is up in "${words.folder}"`,
      fix: "Name the box: scale reload NAME, or send SIGHUP to its keeper",
    });
  }
  const up = boxes.find((candidate) => candidate.name === box);
  return [up ?? { name: box, admin: defaultAdminAddress(box) }];
}

type Result =
  | { readonly ok: true; readonly generation: number }
  | { readonly ok: false; readonly problems: readonly ProblemWire[] };

async function reloadBox(name: string, admin: string): Promise<Result> {
  const before = await statusOf(name, admin);
  const keeper = before.processes.find((process) => process.process === "keeper");
  if (keeper === undefined) throw silent(name, admin, "it names no keeper");
  sendSignal(keeper.pid, "SIGHUP");
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    await Bun.sleep(LOOK_MS);
    const { generation, lastReload } = (await statusOf(name, admin)).config;
    if (lastReload === undefined || lastReload.at === before.config.lastReload?.at) continue;
    return lastReload.ok ? { ok: true, generation } : { ok: false, problems: lastReload.problems ?? [] };
  }
  throw silent(name, admin, `it has not reloaded within ${PATIENCE_MS / 1000} s; see its log`);
}

async function statusOf(name: string, admin: string): Promise<StatusJson> {
  const answer = await adminFetch(admin, "/status");
  if (!answer.ok) throw silent(name, admin, `it answered ${answer.status}`);
  return (await answer.json()) as StatusJson;
}

function silent(name: string, admin: string, why: string): Problem {
  return new Problem("CLI_NO_BOX", { what: `Cannot reload box "${name}" at ${admin}: ${why}` });
}
