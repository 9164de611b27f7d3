/**
 * One page of memory that all processes of a box map: limits that hold over all of them, and a row per process with its
 * heartbeat. It has no name in any file system; children inherit its descriptor, and both generations of an upgrade map
 * the same one.
 *
 * A limit is a stretch of places. A free place is 0, a taken one holds the number of the process that took it; numbers
 * are never used twice in the life of a box. Taking is one compare-and-swap, so a process may die at any instruction and
 * the keeper, by freeing every place that holds the dead one's number, restores the exact count.
 *
 * Behind the places of a traced limit stands something that may outlive the process: each has two more words, which say
 * what. The keeper turns a dead one's number n into -n instead of 0: an orphan, taken until it is freed. A place is an
 * orphan of n at most once, because the dead take nothing, so freeing it is a compare-and-swap too.
 */
import { ftruncateSync } from "node:fs";
import type { Limit, Limits, TracedLimit } from "../../proxy/base/limits.ts";
import type { Note } from "../../proxy/role.ts";
import { memoryFile } from "./os.ts";
import { SharedLimit, TracedSharedLimit, TRACED_WORDS, type Stretch } from "./shared-limit.ts";

/** Room for every limit at its largest; what nobody touches takes no memory. */
const PAGE_BYTES = 1 << 23;
const WORDS = PAGE_BYTES / 4;
const MAGIC = 0x5343_4c33;

const MAGIC_AT = 0;
const LOCK_AT = 1;
const LIMITS_AT = 16;
/** Of a limit: the hash of its name, where its places begin, how many there are, and how many words each has. */
const LIMIT_WORDS = 4;
const LIMITS_MAX = 512;
const ROWS_AT = LIMITS_AT + LIMITS_MAX * LIMIT_WORDS;
const ROW_WORDS = 48;
const ROWS_MAX = 256;
const PLACES_AT = ROWS_AT + ROWS_MAX * ROW_WORDS;

/** Of a row: whose it is, how often its loop turned, how long its note is, and the note. */
const OWNER = 0;
const BEATS = 1;
const NOTE_LENGTH = 2;
const NOTE_TEXT = 4;
export const NOTE_BYTES_MAX = (ROW_WORDS - NOTE_TEXT) * 4;

export class Page implements Limits {
  readonly fd: number;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #owner: number;

  private constructor(fd: number, owner: number) {
    const memory = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
    this.fd = fd;
    this.#bytes = memory;
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, WORDS);
    this.#owner = owner;
  }

  /** The keeper's: a new page, all zero. */
  static create(owner: number): Page {
    const fd = memoryFile("scale-page");
    ftruncateSync(fd, PAGE_BYTES);
    const page = new Page(fd, owner);
    page.#words[MAGIC_AT] = MAGIC;
    return page;
  }

  /** A child's: the page behind an inherited descriptor. */
  static adopt(fd: number, owner: number): Page {
    const page = new Page(fd, owner);
    if (page.#words[MAGIC_AT] !== MAGIC) throw new Error("Cannot map the shared page: it is of another version");
    return page;
  }

  limit(name: string, capacity: number): Limit {
    return new SharedLimit(this.#words, this.#stretch(name, capacity, 1), this.#owner);
  }

  traced(name: string, capacity: number): TracedLimit {
    return new TracedSharedLimit(this.#words, this.#stretch(name, capacity, TRACED_WORDS), this.#owner);
  }

  /** Takes a row for this process; its heartbeat is seen by the keeper from now on. */
  enroll(): Row {
    return this.#locked(() => {
      for (let index = 0; index < ROWS_MAX; index += 1) {
        const at = ROWS_AT + index * ROW_WORDS;
        if (this.#words[at + OWNER] !== 0) continue;
        this.#words.fill(0, at, at + ROW_WORDS);
        this.#words[at + OWNER] = this.#owner;
        return new Row(this.#words, this.#bytes, at);
      }
      throw new Error(`Cannot enroll in the shared page: all ${ROWS_MAX} rows are taken`);
    });
  }

  /** The row of another process, if it has enrolled. */
  rowOf(owner: number): Row | undefined {
    for (let index = 0; index < ROWS_MAX; index += 1) {
      const at = ROWS_AT + index * ROW_WORDS;
      if (Atomics.load(this.#words, at + OWNER) === owner) return new Row(this.#words, this.#bytes, at);
    }
    return undefined;
  }

  /** The numbers of all processes that have enrolled. */
  owners(): number[] {
    const owners: number[] = [];
    for (let index = 0; index < ROWS_MAX; index += 1) {
      const owner = Atomics.load(this.#words, ROWS_AT + index * ROW_WORDS + OWNER);
      if (owner !== 0) owners.push(owner);
    }
    return owners;
  }

  /**
   * The keeper's, when a process has died: frees its places, its row, and the lock if it held it; its traced places become
   * orphans. Says how many places were freed.
   */
  reclaim(owner: number): number {
    Atomics.compareExchange(this.#words, LOCK_AT, owner, 0);
    let freed = 0;
    for (let index = 0; index < LIMITS_MAX; index += 1) {
      const { at, size, words } = this.#entry(index);
      // Made under the lock, which whoever died may have held: a limit without its hash is nobody's yet.
      if (this.#words[LIMITS_AT + index * LIMIT_WORDS] === 0) continue;
      const left = words === TRACED_WORDS ? -owner : 0;
      for (let place = at; place < at + size; place += 1) {
        if (Atomics.compareExchange(this.#words, place, owner, left) === owner && left === 0) freed += 1;
      }
    }
    this.rowOf(owner)?.leave();
    return freed;
  }

  #stretch(name: string, capacity: number, words: number): Stretch {
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new RangeError(`Cannot share limit "${name}": capacity ${capacity}`);
    const entry = this.#locked(() => this.#findOrMake(hashName(name), capacity, words));
    if (entry.words !== words) throw new Error(`Cannot share limit "${name}": it is of another kind`);
    return { at: entry.at, size: entry.size, capacity: Math.min(entry.size, capacity) };
  }

  #entry(index: number): { readonly at: number; readonly size: number; readonly words: number } {
    const entry = LIMITS_AT + index * LIMIT_WORDS;
    return { at: this.#word(entry + 1), size: this.#word(entry + 2), words: this.#word(entry + 3) };
  }

  #placesEnd(): number {
    let end = PLACES_AT;
    for (let index = 0; index < LIMITS_MAX; index += 1) {
      const { at, size, words } = this.#entry(index);
      if (this.#words[LIMITS_AT + index * LIMIT_WORDS] !== 0) end = Math.max(end, at + size * words);
    }
    return end;
  }

  #findOrMake(hash: number, capacity: number, words: number): { at: number; size: number; words: number } {
    for (let index = 0; index < LIMITS_MAX; index += 1) {
      const entry = LIMITS_AT + index * LIMIT_WORDS;
      if (this.#words[entry] === hash) return this.#entry(index);
      if (this.#words[entry] !== 0) continue;
      const at = this.#placesEnd();
      if (at + capacity * words > WORDS) throw new Error(`Cannot share a limit of ${capacity}: the page is full`);
      this.#words[entry + 1] = at;
      this.#words[entry + 2] = capacity;
      this.#words[entry + 3] = words;
      this.#words[entry] = hash;
      return { at, size: capacity, words };
    }
    throw new Error(`Cannot share more than ${LIMITS_MAX} limits`);
  }

  /** Held for some dozens of instructions, at start only; a holder that dies is cleared by `reclaim`. */
  #locked<T>(run: () => T): T {
    while (Atomics.compareExchange(this.#words, LOCK_AT, 0, this.#owner) !== 0) Bun.sleepSync(0.1);
    try {
      return run();
    } finally {
      Atomics.store(this.#words, LOCK_AT, 0);
    }
  }

  #word(at: number): number {
    return this.#words[at] ?? 0;
  }
}

/** What one process shows the others of itself. */
export class Row {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #at: number;

  constructor(words: Int32Array, bytes: Uint8Array, at: number) {
    this.#words = words;
    this.#bytes = bytes;
    this.#at = at;
  }

  beat(): void {
    Atomics.add(this.#words, this.#at + BEATS, 1);
  }

  beats(): number {
    return Atomics.load(this.#words, this.#at + BEATS);
  }

  /**
   * Where the process may leave a short note on what it is doing now: at most `NOTE_BYTES_MAX` bytes of UTF-8, set by
   * `setLength`. It is read only when the process has stopped turning, so it needs no lock.
   */
  get note(): Note {
    const start = (this.#at + NOTE_TEXT) * 4;
    const words = this.#words;
    const lengthAt = this.#at + NOTE_LENGTH;
    return {
      bytes: this.#bytes.subarray(start, start + NOTE_BYTES_MAX),
      setLength(length) {
        words[lengthAt] = length;
      },
    };
  }

  readNote(): string {
    const length = Math.min(this.#words[this.#at + NOTE_LENGTH] ?? 0, NOTE_BYTES_MAX);
    return new TextDecoder().decode(this.note.bytes.slice(0, length));
  }

  leave(): void {
    Atomics.store(this.#words, this.#at + OWNER, 0);
  }
}

/** FNV-1a, 32 bits, never 0. */
function hashName(name: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x0100_0193);
  return hash | 0 || 1;
}
