/**
 * Which targets one exchange, or one connection, was given already. One object per conversation, used again and again.
 * Invariant: never more than `TRIES_MAX`, and no target twice.
 */
import { assert } from "../base/assert.ts";
import type { Target } from "./target.ts";

/** Most targets that are tried for the same work. */
export const TRIES_MAX = 3;

export class Tries<Own = unknown> {
  readonly #targets: (Target<Own> | undefined)[] = new Array(TRIES_MAX).fill(undefined);
  /** How many were tried. */
  count = 0;

  has(target: Target<Own>): boolean {
    for (let index = 0; index < this.count; index += 1) if (this.#targets[index] === target) return true;
    return false;
  }

  /** The same one again is not one more target. */
  add(target: Target<Own>): void {
    if (this.has(target)) return;
    assert(this.count < TRIES_MAX, "Cannot try another target: there were enough");
    this.#targets[this.count] = target;
    this.count += 1;
  }

  get full(): boolean {
    return this.count === TRIES_MAX;
  }

  clear(): void {
    for (let index = 0; index < this.count; index += 1) this.#targets[index] = undefined;
    this.count = 0;
  }
}
