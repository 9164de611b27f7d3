/**
 * Where a long-lived object stands in its life: one word out of a closed set, and a table of the steps it may take.
 * It is not a place for data, and it decides nothing. Invariant: every step ever taken is an edge of the table.
 */
import { assert, Bug } from "./assert.ts";

/** For each state the states that may follow it; an empty list is an end. */
export type Edges<S extends string> = { readonly [from in S]: readonly S[] };

/** A state with the ones that may follow it: looking there costs less than looking a name up, and steps are frequent. */
interface Stage<S extends string> {
  readonly name: S;
  readonly next: Stage<S>[];
}

/** One for each table: nearly all objects of a kind share theirs. */
const maps = new WeakMap<Edges<string>, ReadonlyMap<string, Stage<string>>>();

export class State<S extends string> {
  readonly #watch: ((to: S, from: S) => void) | undefined;
  #stage: Stage<S>;

  /** `watch` sees every step right after it was taken, and may take the next one itself. */
  constructor(edges: Edges<S>, first: S, watch?: (to: S, from: S) => void) {
    this.#stage = stageOf(edges, first);
    this.#watch = watch;
  }

  get now(): S {
    return this.#stage.name;
  }

  is(state: S): boolean {
    return this.#stage.name === state;
  }

  can(to: S): boolean {
    return find(this.#stage, to) !== undefined;
  }

  /** Throws Bug when the table has no such edge; standing still is a step like any other. */
  go(to: S): void {
    const from = this.#stage;
    const next = find(from, to);
    if (next === undefined) throw new Bug(`Cannot go to "${to}": the state is "${from.name}"`);
    this.#stage = next;
    if (this.#watch !== undefined) this.#watch(to, from.name);
  }
}

function find<S extends string>({ next }: Stage<S>, name: S): Stage<S> | undefined {
  for (let index = 0; index < next.length; index++) if (next[index]!.name === name) return next[index];
  return undefined;
}

function stageOf<S extends string>(edges: Edges<S>, name: S): Stage<S> {
  const map = maps.get(edges) ?? draw(edges);
  const stage = map.get(name) as Stage<S> | undefined;
  assert(stage !== undefined, "Cannot begin: the table has no such state");
  return stage;
}

function draw(edges: Edges<string>): ReadonlyMap<string, Stage<string>> {
  const map = new Map(Object.keys(edges).map((name): [string, Stage<string>] => [name, { name, next: [] }]));
  for (const [name, stage] of map) {
    for (const follower of edges[name] ?? []) {
      const next = map.get(follower);
      if (next !== undefined) stage.next.push(next);
    }
  }
  maps.set(edges, map);
  return map;
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
