/**
 * `scale reload`: tells running boxes to read their file again, and waits for what they say of it. The signal is SIGHUP
 * to the keeper, as systemd sends it; the answer is read from the admin listener.
 */
import type { ProblemWire } from "../problem/problem.ts";
import { noBox, signalKeeper, statusOf } from "./admin-talk.ts";
import { type Outcome, tellOutcomes } from "./outcome.ts";
import { type ReloadTarget, type TargetWords, targetsOf } from "./reload-targets.ts";

export interface ReloadWords extends TargetWords {
  readonly json: boolean;
  write(text: string): void;
}

const LOOK_MS = 50;
/** Twice the longest drain that a box has by default. */
const PATIENCE_MS = 60_000;
const VERB = "reload";

export async function runReload(words: ReloadWords): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const target of await targetsOf(words)) outcomes.push(await reloadBox(target));
  return tellOutcomes(outcomes, words);
}

async function reloadBox(target: ReloadTarget): Promise<Outcome> {
  const before = await statusOf(target, VERB);
  signalKeeper(target, before, { verb: VERB, signal: "SIGHUP" });
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    await Bun.sleep(LOOK_MS);
    const { generation, lastReload } = (await statusOf(target, VERB)).config;
    if (lastReload === undefined || lastReload.at === before.config.lastReload?.at) continue;
    if (lastReload.ok) return done(before.box, generation);
    return refused(before.box, lastReload.problems ?? []);
  }
  throw noBox(target, { verb: VERB, why: `it has not reloaded within ${PATIENCE_MS / 1000} s; see its log` });
}

function done(box: string, generation: number): Outcome {
  return { box, ok: true, said: `reloaded, configuration ${generation}`, facts: { generation } };
}

function refused(box: string, problems: readonly ProblemWire[]): Outcome {
  return { box, ok: false, said: "not reloaded, the configuration from before still holds", problems };
}
