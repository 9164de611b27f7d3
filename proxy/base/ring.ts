/**
 * A bounded queue of objects in the order they came: expected replies, clients that wait. Not for bytes (`ByteQueue`), nor
 * for what leaves from the middle (a Set keeps order too).
 * Invariant: never more than `itemsMax` items; a place that was left holds no reference.
 */
import { assert } from "./assert.ts";

const PLACES_AT_FIRST = 8;

export class Ring<T> {
  readonly itemsMax: number;
  #places: (T | undefined)[];
  #head = 0;
  #length = 0;

  constructor(itemsMax: number) {
    assert(Number.isInteger(itemsMax) && itemsMax > 0, "Cannot make a ring: itemsMax is not a positive integer");
    this.itemsMax = itemsMax;
    this.#places = emptyPlaces(Math.min(PLACES_AT_FIRST, itemsMax));
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.itemsMax;
  }

  /** False when the ring is full; then nothing changed. */
  push(item: T): boolean {
    if (this.#length === this.itemsMax) return false;
    if (this.#length === this.#places.length) this.#grow();
    this.#places[this.#placeOf(this.#length)] = item;
    this.#length += 1;
    return true;
  }

  /** Takes the oldest; undefined when empty. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#places[this.#head];
    this.#places[this.#head] = undefined;
    this.#head = this.#placeOf(1);
    this.#length -= 1;
    return item;
  }

  /** The item `index` places behind the oldest, which is 0; undefined beyond the newest. */
  at(index: number): T | undefined {
    return index >= 0 && index < this.#length ? this.#places[this.#placeOf(index)] : undefined;
  }

  clear(): void {
    this.#places = emptyPlaces(Math.min(PLACES_AT_FIRST, this.itemsMax));
    this.#head = 0;
    this.#length = 0;
  }

  /** Oldest first. What is pushed or shifted meanwhile is not promised to be seen. */
  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.#length; index++) yield this.#places[this.#placeOf(index)] as T;
  }

  #placeOf(index: number): number {
    const place = this.#head + index;
    return place < this.#places.length ? place : place - this.#places.length;
  }

  #grow(): void {
    const places = emptyPlaces<T>(Math.min(this.#places.length * 2, this.itemsMax));
    for (let index = 0; index < this.#length; index++) places[index] = this.#places[this.#placeOf(index)];
    this.#places = places;
    this.#head = 0;
  }
}

function emptyPlaces<T>(count: number): (T | undefined)[] {
  return new Array<T | undefined>(count).fill(undefined);
}
