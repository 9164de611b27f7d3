/**
 * A map that never holds more than `entriesMax` entries: a new one pushes out the one that was longest not asked for.
 * Prepared statements, plans, idle things. It knows no time: what expires needs a clock of its owner's.
 * Invariant: every entry is in the map and in the chain, from the newest used to the oldest.
 */
import { assert } from "./assert.ts";

interface Entry<K, V> {
  readonly key: K;
  value: V;
  newer: Entry<K, V> | undefined;
  older: Entry<K, V> | undefined;
}

export class Lru<K, V> {
  readonly entriesMax: number;
  readonly #evicted: ((key: K, value: V) => void) | undefined;
  readonly #entries = new Map<K, Entry<K, V>>();
  #newest: Entry<K, V> | undefined;
  #oldest: Entry<K, V> | undefined;

  /**
   * `evicted` is told of what was pushed out, when it is out already, so it may use this map. It is not told of what was
   * replaced, deleted or cleared: whoever does that knows.
   */
  constructor(entriesMax: number, evicted?: (key: K, value: V) => void) {
    assert(Number.isInteger(entriesMax) && entriesMax > 0, "Cannot make an lru: entriesMax is not a positive integer");
    this.entriesMax = entriesMax;
    this.#evicted = evicted;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, now the newest used. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#touch(entry);
    return entry.value;
  }

  /** The value, without counting as use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Adds or replaces; either way it is now the newest used. */
  set(key: K, value: V): void {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.value = value;
      this.#touch(known);
      return;
    }
    const entry: Entry<K, V> = { key, value, newer: undefined, older: undefined };
    this.#entries.set(key, entry);
    this.#link(entry);
    if (this.#entries.size > this.entriesMax) this.#evictOldest();
  }

  /** False when there was none. */
  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#unlink(entry);
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#newest = undefined;
    this.#oldest = undefined;
  }

  /** Oldest used first, the order in which they would go. Do not change the map meanwhile. */
  *[Symbol.iterator](): Generator<readonly [K, V]> {
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) yield [entry.key, entry.value];
  }

  #evictOldest(): void {
    const entry = this.#oldest;
    if (entry === undefined) return;
    this.#entries.delete(entry.key);
    this.#unlink(entry);
    this.#evicted?.(entry.key, entry.value);
  }

  #touch(entry: Entry<K, V>): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  #link(entry: Entry<K, V>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry<K, V>): void {
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
  }
}
