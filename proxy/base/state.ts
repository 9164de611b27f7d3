/**
 * Where a long-lived object stands in its life: one word out of a closed set, and a table of the steps it may take.
 * It is not a place for data, and it decides nothing. Invariant: every step ever taken is an edge of the table.
 */
import { Bug } from "./assert.ts";

/** For each state the states that may follow it; an empty list is an end. */
export type Edges<S extends string> = { readonly [from in S]: readonly S[] };

export class State<S extends string> {
  readonly #edges: Edges<S>;
  readonly #watch: ((to: S, from: S) => void) | undefined;
  #now: S;

  /** `watch` sees every step right after it was taken, and may take the next one itself. */
  constructor(edges: Edges<S>, first: S, watch?: (to: S, from: S) => void) {
    this.#edges = edges;
    this.#now = first;
    this.#watch = watch;
  }

  get now(): S {
    return this.#now;
  }

  is(state: S): boolean {
    return this.#now === state;
  }

  can(to: S): boolean {
    return this.#edges[this.#now].includes(to);
  }

  /** Throws Bug when the table has no such edge; standing still is a step like any other. */
  go(to: S): void {
    const from = this.#now;
    if (!this.can(to)) throw new Bug(`Cannot go to "${to}": the state is "${from}"`);
    this.#now = to;
    this.#watch?.(to, from);
  }
}

/** The life of a duty, a process, a listener. Every state may stop at once, and "stopped" is for ever. */
export const LIFECYCLE = {
  new: ["starting", "stopped"],
  starting: ["ready", "draining", "stopped"],
  ready: ["draining", "stopped"],
  draining: ["stopped"],
  stopped: [],
} as const satisfies Edges<"new" | "starting" | "ready" | "draining" | "stopped">;

export type Lifecycle = keyof typeof LIFECYCLE;
