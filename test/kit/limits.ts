/**
 * The limits of a box without a shared page: `FakePage` is the page, `of(owner)` what one process sees of it, `reclaim`
 * what the keeper does for a process that died. Every place remembers its owner, as the real ones do.
 */
import type { Limit, Limits, Trace, TracedLimit, TracedPlace } from "../../proxy/base/limits.ts";

const FREE = -1;

export class FakePage {
  readonly #places = new Map<string, number[]>();
  readonly #traces = new Map<string, (Trace | undefined)[]>();

  of(owner: number): Limits {
    return {
      limit: (name, capacity) => {
        const places = this.#stretch(name, capacity);
        return new FakeLimit(places, Math.min(places.length, capacity), owner);
      },
      traced: (name, capacity) => {
        const places = this.#stretch(name, capacity);
        const traces = this.#traces.get(name) ?? [];
        this.#traces.set(name, traces);
        return new FakeTracedLimit({ places, traces }, Math.min(places.length, capacity), owner);
      },
    };
  }

  /** How many places of that limit are taken, by anyone. */
  taken(name: string): number {
    return count(this.#places.get(name) ?? []);
  }

  /** What stands behind its places becomes an orphan, where the limit is traced. */
  reclaim(owner: number): void {
    for (const [name, places] of this.#places) {
      const left = this.#traces.has(name) ? orphanOf(owner) : FREE;
      for (const [place, holder] of places.entries()) if (holder === owner) places[place] = left;
    }
  }

  #stretch(name: string, capacity: number): number[] {
    if (!(Number.isInteger(capacity) && capacity > 0))
      throw new RangeError(`Cannot share limit "${name}": ${capacity}`);
    const places = this.#places.get(name) ?? new Array<number>(capacity).fill(FREE);
    this.#places.set(name, places);
    return places;
  }
}

class FakeLimit implements Limit {
  readonly capacity: number;
  readonly #places: number[];
  readonly #owner: number;

  constructor(places: number[], capacity: number, owner: number) {
    this.#places = places;
    this.capacity = capacity;
    this.#owner = owner;
  }

  take(max = this.capacity): number {
    if (this.taken() >= Math.min(max, this.capacity)) return -1;
    const place = this.#places.indexOf(FREE);
    this.#places[place] = this.#owner;
    return place;
  }

  give(place: number): void {
    const holder = this.#places[place];
    if (holder !== this.#owner) throw new Error(`Cannot give back place ${place}: it is held by ${holder}`);
    this.#places[place] = FREE;
  }

  taken(): number {
    return count(this.#places);
  }
}

class FakeTracedLimit extends FakeLimit implements TracedLimit {
  readonly #places: number[];
  readonly #traces: (Trace | undefined)[];

  constructor(
    stretch: { readonly places: number[]; readonly traces: (Trace | undefined)[] },
    capacity: number,
    owner: number,
  ) {
    super(stretch.places, capacity, owner);
    this.#places = stretch.places;
    this.#traces = stretch.traces;
  }

  override take(max = this.capacity): number {
    const place = super.take(max);
    this.#traces[place] = undefined;
    return place;
  }

  trace(place: number, trace: Trace): void {
    this.#traces[place] = trace;
  }

  traces(): readonly TracedPlace[] {
    return [...this.#places.entries()]
      .filter(([, holder]) => holder !== FREE)
      .map(([place, holder]) => {
        const { processId = 0, secret = 0 } = this.#traces[place] ?? {};
        const orphan = holder < FREE;
        return { place, owner: orphan ? orphanOf(holder) : holder, orphan, processId, secret };
      });
  }

  orphaned(): number {
    return this.#places.filter((holder) => holder < FREE).length;
  }

  free({ place, owner }: TracedPlace): boolean {
    if (this.#places[place] !== orphanOf(owner)) return false;
    this.#places[place] = FREE;
    return true;
  }
}

/** Below FREE for every owner, and its own inverse. */
function orphanOf(owner: number): number {
  return -2 - owner;
}

function count(places: readonly number[]): number {
  return places.filter((holder) => holder !== FREE).length;
}
