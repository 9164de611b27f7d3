/** How long a target rests whose connects failed: longer each time, by chance a little more or less, and never for ever. */
import type { Rng } from "../base/rng.ts";

export interface EjectionRules {
  /** The rest after the first failure; it doubles with each further one. */
  readonly restMs: number;
  readonly restMsMax: number;
  /** The share of the rest by which it is longer or shorter, so that workers do not come back at once. */
  readonly jitter: number;
}

export const EJECTION: EjectionRules = { restMs: 500, restMsMax: 30_000, jitter: 0.25 };

/** `failures` is at least 1: those since a connect succeeded. */
export function restMs(failures: number, rules: EjectionRules, rng: Rng): number {
  const grown = Math.min(rules.restMs * 2 ** Math.min(failures - 1, 30), rules.restMsMax);
  return grown * (1 + rules.jitter * (2 * rng.next() - 1));
}
