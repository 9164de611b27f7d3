/**
 * Chance that repeats: the same seed gives the same numbers, on every machine. For tests only, because whoever sees some
 * of its numbers knows all others; the real one is `src/run/rng.ts`. A test prints the seed when it fails.
 */
import type { Rng } from "../../proxy/base/rng.ts";

/** 2³² divided by the golden ratio, made odd: adding it visits every 32-bit number, far apart. */
const STEP = 0x9e3779b9;

export class SeededRng implements Rng {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) throw new RangeError(`Cannot seed with ${seed}: it is not a safe integer`);
    this.seed = seed;
    this.#state = scatter((seed >>> 0) ^ scatter(Math.floor(seed / 2 ** 32)));
  }

  /** A multiple of 2⁻³² in [0, 1). */
  next(): number {
    return this.#word() / 2 ** 32;
  }

  fill(into: Uint8Array): void {
    for (let at = 0; at < into.length; at += 1) into[at] = this.#word() >>> 24;
  }

  #word(): number {
    this.#state = (this.#state + STEP) | 0;
    return scatter(this.#state);
  }
}

/** A bijection of 32 bits in which neighbours land far apart. */
function scatter(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
