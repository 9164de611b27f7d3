/**
 * `scale reload`: tells running boxes to read their file again, and waits for what they say of it. The signal is SIGHUP
 * to the keeper, as systemd sends it; the answer is read from the admin listener.
 */
import { defaultAdminAddress } from "../admin/address.ts";
import { adminFetch } from "../admin/admin-client.ts";
import { Problem } from "../problem/problem.ts";
import type { Overview } from "../run/keeper.ts";
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
    else if (result.ok) words.write(`${name}: reloaded, configuration ${result.configGeneration}\n`);
    else words.write(`${name}: not reloaded, the configuration from before still holds\n  ${result.problem}\n`);
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

type Result = { readonly ok: true; readonly configGeneration: number } | { readonly ok: false; readonly problem: string };

async function reloadBox(name: string, admin: string): Promise<Result> {
  const before = await overviewOf(name, admin);
  sendSignal(before.keeperPid, "SIGHUP");
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    await Bun.sleep(LOOK_MS);
    const now = await overviewOf(name, admin);
    const { lastReload } = now;
    if (lastReload === undefined || lastReload.atMs === before.lastReload?.atMs) continue;
    if (lastReload.ok) return { ok: true, configGeneration: now.configGeneration };
    return { ok: false, problem: lastReload.problem ?? "no reason was given" };
  }
  return { ok: false, problem: `no answer within ${PATIENCE_MS / 1000} s; see its log` };
}

async function overviewOf(name: string, admin: string): Promise<Overview> {
  const answer = await adminFetch(admin, "/status");
  if (answer.ok) return (await answer.json()) as Overview;
  throw new Problem("CLI_NO_BOX", { what: `Cannot ask box "${name}" at ${admin}: it answered ${answer.status}` });
}
