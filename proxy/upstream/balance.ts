/**
 * Who of the usable targets gets the next work. Both ways give a target its share by weight, make nothing, and are handed
 * only targets that may be used and have a weight.
 */
import { unreachable } from "../base/assert.ts";
import type { Rng } from "../base/rng.ts";
import type { Target } from "./target.ts";
import type { Tries } from "./tries.ts";

export type BalanceName = "least" | "round-robin";

export interface Balance<Own> {
  /** The targets that may be picked from now on. */
  use(targets: readonly Target<Own>[]): void;
  /** undefined when every one of them was tried. */
  pick(tried: Tries<Own>): Target<Own> | undefined;
}

export function makeBalance<Own>(name: BalanceName, rng: Rng): Balance<Own> {
  switch (name) {
    case "least":
      return new LeastBusy(rng);
    case "round-robin":
      return new RoundRobin(rng);
    default:
      return unreachable(name);
  }
}

/**
 * The power of two choices: two different targets by chance, weighted, and of them the less busy one. It spreads nearly as
 * well as asking all, and workers that know nothing of each other do not herd to the same one.
 */
class LeastBusy<Own> implements Balance<Own> {
  readonly #rng: Rng;
  #targets: readonly Target<Own>[] = [];
  /** The sum of the weights up to and with each target. */
  #sums: number[] = [];
  #total = 0;
  #equal = true;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  use(targets: readonly Target<Own>[]): void {
    this.#targets = targets;
    this.#equal = areEqual(targets);
    this.#total = 0;
    this.#sums = targets.map((target) => (this.#total += target.weight));
  }

  pick(tried: Tries<Own>): Target<Own> | undefined {
    if (tried.count > 0) return leastBusyOf(this.#targets, tried, this.#rng);
    const targets = this.#targets;
    if (targets.length < 2) return targets[0];
    return this.#equal ? this.#pickOfEqual() : this.#pickByWeight();
  }

  #pickOfEqual(): Target<Own> | undefined {
    const targets = this.#targets;
    const first = Math.floor(this.#rng.next() * targets.length);
    const second = Math.floor(this.#rng.next() * (targets.length - 1));
    const one = targets[first];
    const two = targets[second < first ? second : second + 1];
    if (one === undefined || two === undefined) return one;
    return one.inFlight <= two.inFlight ? one : two;
  }

  #pickByWeight(): Target<Own> | undefined {
    const targets = this.#targets;
    const first = this.#indexAt(this.#rng.next() * this.#total);
    const one = targets[first];
    if (one === undefined) return undefined;
    // The second is drawn from the others: what lies behind the first one's share moves up by that share.
    const below = (this.#sums[first] ?? 0) - one.weight;
    const at = this.#rng.next() * (this.#total - one.weight);
    const two = targets[this.#indexAt(at < below ? at : at + one.weight)];
    return two === undefined || isLessBusy(one, two) ? one : two;
  }

  #indexAt(weight: number): number {
    const sums = this.#sums;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (weight < (sums[middle] ?? 0)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/**
 * Smooth weighted round robin: each turn every target gains its weight, the richest is picked and pays for all. Of equal
 * weights that is going around, and is done so. It starts anywhere, so that workers do not march in step.
 */
class RoundRobin<Own> implements Balance<Own> {
  readonly #rng: Rng;
  #targets: readonly Target<Own>[] = [];
  #total = 0;
  #equal = true;
  #next = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  use(targets: readonly Target<Own>[]): void {
    this.#targets = targets;
    this.#equal = areEqual(targets);
    this.#next = Math.floor(this.#rng.next() * targets.length);
    this.#total = 0;
    for (const target of targets) {
      this.#total += target.weight;
      target.turn = 0;
    }
    for (let skip = this.#next; !this.#equal && skip > 0; skip -= 1) this.#richest();
  }

  pick(tried: Tries<Own>): Target<Own> | undefined {
    if (tried.count > 0) return this.#untried(tried);
    return this.#equal ? this.#around() : this.#richest();
  }

  #around(): Target<Own> | undefined {
    const target = this.#targets[this.#next];
    this.#next = this.#next + 1 < this.#targets.length ? this.#next + 1 : 0;
    return target;
  }

  #richest(): Target<Own> | undefined {
    let best: Target<Own> | undefined;
    for (const target of this.#targets) {
      target.turn += target.weight;
      if (best === undefined || target.turn > best.turn) best = target;
    }
    if (best !== undefined) best.turn -= this.#total;
    return best;
  }

  #untried(tried: Tries<Own>): Target<Own> | undefined {
    for (let turns = this.#targets.length; turns > 0; turns -= 1) {
      const target = this.#around();
      if (target !== undefined && !tried.has(target)) return target;
    }
    return undefined;
  }
}

function areEqual<Own>(targets: readonly Target<Own>[]): boolean {
  return targets.every(({ weight }) => weight === targets[0]?.weight);
}

/** Of those that were not tried; of equally busy ones a chance one. */
export function leastBusyOf<Own>(
  targets: readonly Target<Own>[],
  tried: Tries<Own>,
  rng: Rng,
): Target<Own> | undefined {
  const count = targets.length;
  const start = Math.floor(rng.next() * count);
  let best: Target<Own> | undefined;
  for (let step = 0; step < count; step += 1) {
    const target = targets[start + step < count ? start + step : start + step - count];
    if (target === undefined || tried.has(target)) continue;
    if (best === undefined || !isLessBusy(best, target)) best = target;
  }
  return best;
}

/** By work per weight; of two alike the first, so that idle ones get theirs by the weighted chance that drew them. */
function isLessBusy<Own>(one: Target<Own>, two: Target<Own>): boolean {
  return one.inFlight * two.weight <= two.inFlight * one.weight;
}
