/**
 * The limits of a box without a shared page: `FakePage` is the page, `of(owner)` what one process sees of it, `reclaim`
 * what the keeper does for a process that died. Every place remembers its owner, as the real ones do.
 */
import type { Limit, Limits } from "../../proxy/base/limits.ts";

const FREE = -1;

export class FakePage {
  readonly #places = new Map<string, number[]>();

  of(owner: number): Limits {
    return {
      limit: (name, capacity) => {
        if (!(Number.isInteger(capacity) && capacity > 0))
          throw new RangeError(`Cannot share limit "${name}": ${capacity}`);
        const places = this.#places.get(name) ?? new Array<number>(capacity).fill(FREE);
        this.#places.set(name, places);
        return new FakeLimit(places, Math.min(places.length, capacity), owner);
      },
    };
  }

  /** How many places of that limit are taken, by anyone. */
  taken(name: string): number {
    return count(this.#places.get(name) ?? []);
  }

  reclaim(owner: number): void {
    for (const places of this.#places.values()) {
      for (const [place, holder] of places.entries()) if (holder === owner) places[place] = FREE;
    }
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

function count(places: readonly number[]): number {
  return places.filter((holder) => holder !== FREE).length;
}
