/**
 * Which tier is brought up: the one that a person names, else the one that the file describes. The number of workers makes
 * the difference between tiers 1 and 2; where words and file disagree, the box is told by a flag.
 */
import { availableParallelism } from "node:os";
import { Problem } from "../problem/problem.ts";

/** The highest tier that stands. */
export const TIER_MAX = 2;
/** Below it there is nothing to balance. */
const WORKERS_MIN = 2;

export interface TierChoice {
  readonly tier: number;
  /** How many processes run the program. */
  readonly workers: number;
  /** Whether the box has to be told how many. */
  readonly told: boolean;
}

/** `inFile` is app.workers; `cores` is for tests. Throws a Problem for a tier that does not stand. */
export function chooseTier(
  named: number | undefined,
  inFile: number | string,
  cores: number = availableParallelism(),
): TierChoice {
  if (named !== undefined && named > TIER_MAX) throw notBuilt(named);
  const tier = named ?? (inFile === 1 ? 1 : 2);
  if (tier === 1) return { tier, workers: 1, told: inFile !== 1 };
  const wanted = typeof inFile === "number" ? inFile : cores;
  if (wanted >= WORKERS_MIN) return { tier, workers: wanted, told: false };
  return { tier, workers: Math.max(WORKERS_MIN, cores), told: true };
}

function notBuilt(tier: number): Problem {
  return new Problem("CONFIG_NOT_BUILT", {
    what: `Cannot bring up tier ${tier}: this build has tiers 1 to ${TIER_MAX}`,
    fix: `Use --tier ${TIER_MAX}`,
  });
}
