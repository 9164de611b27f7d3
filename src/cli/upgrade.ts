/**
 * `scale upgrade`: tells running boxes to go over to the executable that is on disk now, and waits until the next generation
 * answers in their place. The signal is SIGUSR2 to the keeper. While the admin listener changes hands nobody answers there.
 */
import { Problem } from "../problem/problem.ts";
import type { StatusJson } from "../admin/view.ts";
import { noBox, signalKeeper, statusOf } from "./admin-talk.ts";
import { type Outcome, tellOutcomes } from "./outcome.ts";
import { type ReloadTarget, targetsOf } from "./reload-targets.ts";
import type { ReloadWords } from "./reload.ts";

const LOOK_MS = 50;
const PATIENCE_MS = 60_000;
const VERB = "upgrade";

export async function runUpgrade(words: ReloadWords): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const target of await targetsOf(words)) outcomes.push(await upgradeBox(target));
  return tellOutcomes(outcomes, words);
}

async function upgradeBox(target: ReloadTarget): Promise<Outcome> {
  const before = await statusOf(target, VERB);
  signalKeeper(target, before, { verb: VERB, signal: "SIGUSR2" });
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    await Bun.sleep(LOOK_MS);
    const now = await statusIfAny(target);
    const outcome = now === undefined ? undefined : outcomeOf(before, now);
    if (outcome !== undefined) return outcome;
  }
  throw noBox(target, { verb: VERB, why: `it has not changed over within ${PATIENCE_MS / 1000} s; see its log` });
}

function outcomeOf(before: StatusJson, now: StatusJson): Outcome | undefined {
  const { box } = before;
  const { generation, version, lastUpgrade } = now;
  if (generation > before.generation) {
    const keeper = now.processes.find(({ process }) => process === "keeper")?.pid;
    const said = `upgraded to ${version}, generation ${generation}, keeper ${keeper ?? "unknown"}`;
    return { box, ok: true, said, facts: { generation, version, keeper } };
  }
  if (lastUpgrade === undefined || lastUpgrade.at === before.lastUpgrade?.at) return undefined;
  return { box, ok: false, said: "not upgraded, the generation from before goes on", problems: lastUpgrade.problems };
}

async function statusIfAny(target: ReloadTarget): Promise<StatusJson | undefined> {
  try {
    return await statusOf(target, VERB);
  } catch (error) {
    if (error instanceof Problem && error.code === "RUN_ADMIN_SILENT") return undefined;
    throw error;
  }
}
