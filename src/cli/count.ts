/** `scale app --count N`: so many workers in running boxes of role app, from now until they are started anew. */
import { adminFetch } from "../admin/admin-client.ts";
import { Problem, type ProblemWire } from "../problem/problem.ts";
import { noBox, refusalOf, statusOf } from "./admin-talk.ts";
import { type Outcome, tellOutcomes } from "./outcome.ts";
import { type ReloadTarget, targetsOf } from "./reload-targets.ts";
import type { ReloadWords } from "./reload.ts";
import { wholeNumber } from "./whole-number.ts";

export interface CountWords extends ReloadWords {
  readonly count: string;
}

const VERB = "change the workers of";
const COUNT_MAX = 256;
/** Workers may take their whole start_timeout, and a reload may come first. */
const PATIENCE_MS = 120_000;
const METHOD_NOT_ALLOWED = 405;
const CONFLICT = 409;

export async function runCount(words: CountWords): Promise<number> {
  const workers = wholeNumber(words.count, { command: "app", option: "--count", min: 1, max: COUNT_MAX });
  const outcomes: Outcome[] = [];
  for (const target of await targetsOf(words)) {
    const outcome = await countBox(target, { workers, isNamed: words.box !== undefined || words.admin !== undefined });
    if (outcome !== undefined) outcomes.push(outcome);
  }
  if (outcomes.length > 0) return tellOutcomes(outcomes, words);
  throw new Problem("CLI_NO_BOX", { what: "Cannot change the workers: no box of role app is up here" });
}

interface CountOrder {
  readonly workers: number;
  /** Somebody means this box, whatever its role is. */
  readonly isNamed: boolean;
}

async function countBox(target: ReloadTarget, { workers, isNamed }: CountOrder): Promise<Outcome | undefined> {
  const { box, role, door } = await statusOf(target, VERB);
  if (role !== "app") {
    if (!isNamed) return undefined;
    throw noBox(target, { verb: VERB, why: `its role is ${role}, not app` });
  }
  // Only a path: a token is not to follow an address that some listener names.
  const at = door?.startsWith("unix:") === true ? door : target.admin;
  const answer = await adminFetch(at, `/count?workers=${workers}`, {
    method: "POST",
    token: target.token,
    timeoutMs: PATIENCE_MS,
  });
  if (answer.ok) return { box, ok: true, said: workers === 1 ? "1 worker" : `${workers} workers`, facts: { workers } };
  if (answer.status === CONFLICT) {
    const { problems } = (await answer.json()) as { readonly problems: readonly ProblemWire[] };
    return { box, ok: false, said: "the number of workers is what it was", problems };
  }
  if (answer.status !== METHOD_NOT_ALLOWED) throw refusalOf(target, answer, VERB);
  throw noBox(target, {
    verb: VERB,
    why: "it has no front, and began with one worker, which owns its port itself",
    fix: "Restart the box with the number of workers it is to have",
  });
}
