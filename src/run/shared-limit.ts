/**
 * One limit of the shared page, as one process sees it. A place is one word: 0 free, n taken by process n, -n taken by what
 * process n has left behind. Of a traced limit each place has two more words, behind all places: which backend stands
 * there, and its secret.
 * Invariant: only who holds a place writes its trace, and clears what the one before left; so a process that dies at any
 * instruction leaves a trace that is right, or none, or one of a backend that was gone when the place was taken.
 */
import type { Limit, Trace, TracedLimit, TracedPlace } from "../../proxy/base/limits.ts";

const NONE = -1;

/** Where the places of a limit stand in the page, and how many of them this process uses. */
export interface Stretch {
  readonly at: number;
  readonly size: number;
  readonly capacity: number;
}

/** The place, the backend, its secret. */
export const TRACED_WORDS = 3;

export class SharedLimit implements Limit {
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #owner: number;
  #next = 0;

  constructor(words: Int32Array, { at, capacity }: Stretch, owner: number) {
    this.#words = words;
    this.#at = at;
    this.capacity = capacity;
    this.#owner = owner;
  }

  /**
   * Looks at every place of the first `max` at most once, starting where the last search ended. Places beyond them are
   * still held when the limit has just been lowered: then it is given back at once unless there is room for it.
   */
  take(max = this.capacity): number {
    const size = Math.min(max, this.capacity);
    for (let tried = 0; tried < size; tried += 1) {
      const place = (this.#next + tried) % size;
      if (Atomics.compareExchange(this.#words, this.#at + place, 0, this.#owner) !== 0) continue;
      if (size < this.capacity && this.taken() > size) {
        this.give(place);
        return -1;
      }
      this.#next = place + 1;
      return place;
    }
    return -1;
  }

  give(place: number): void {
    const was = Atomics.compareExchange(this.#words, this.#at + place, this.#owner, 0);
    if (was !== this.#owner) throw new Error(`Cannot give back place ${place}: it is held by ${was}`);
    this.#next = place;
  }

  taken(): number {
    let count = 0;
    for (let place = 0; place < this.capacity; place += 1) {
      if (Atomics.load(this.#words, this.#at + place) !== 0) count += 1;
    }
    return count;
  }
}

export class TracedSharedLimit extends SharedLimit implements TracedLimit {
  readonly #words: Int32Array;
  readonly #stretch: Stretch;
  readonly #owner: number;

  constructor(words: Int32Array, stretch: Stretch, owner: number) {
    super(words, stretch, owner);
    this.#words = words;
    this.#stretch = stretch;
    this.#owner = owner;
  }

  trace(place: number, { processId, secret }: Trace): void {
    const owner = this.#holder(place);
    if (owner !== this.#owner) throw new Error(`Cannot trace place ${place}: it is held by ${owner}`);
    // A backend is looked up by its number, which is written last: it never stands beside another's secret.
    Atomics.store(this.#words, this.#secretAt(place), secret);
    Atomics.store(this.#words, this.#processAt(place), processId);
  }

  override take(max = this.capacity): number {
    const place = super.take(max);
    if (place !== NONE) Atomics.store(this.#words, this.#processAt(place), 0);
    return place;
  }

  traces(): readonly TracedPlace[] {
    const found: TracedPlace[] = [];
    for (let place = 0; place < this.#stretch.size; place += 1) {
      const holder = this.#holder(place);
      if (holder === 0) continue;
      const processId = Atomics.load(this.#words, this.#processAt(place));
      const secret = Atomics.load(this.#words, this.#secretAt(place));
      found.push({ place, owner: Math.abs(holder), orphan: holder < 0, processId, secret });
    }
    return found;
  }

  orphaned(): number {
    let count = 0;
    for (let place = 0; place < this.#stretch.size; place += 1) if (this.#holder(place) < 0) count += 1;
    return count;
  }

  free({ place, owner }: TracedPlace): boolean {
    return Atomics.compareExchange(this.#words, this.#stretch.at + place, -owner, 0) === -owner;
  }

  #holder(place: number): number {
    return Atomics.load(this.#words, this.#stretch.at + place);
  }

  #processAt(place: number): number {
    return this.#stretch.at + this.#stretch.size + 2 * place;
  }

  #secretAt(place: number): number {
    return this.#processAt(place) + 1;
  }
}
