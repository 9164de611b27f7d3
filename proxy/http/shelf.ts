/**
 * Bytes that stand together and wait: a head that is not complete, requests sent ahead, what a wire did not take. Unlike a
 * `ByteQueue` it never goes around an end, so that a head can be parsed, and lines written, in place.
 * Invariants: an empty shelf holds no memory; all of its memory is lent by the budget; it never holds more than `bytesMax`.
 */
import { assert } from "../base/assert.ts";
import type { Budget } from "../base/byte-queue.ts";
import { copyRun } from "../base/bytes.ts";

const NOTHING = new Uint8Array(0);
const ZERO = 0x30;
const LETTER_A = 0x61;
const INT32_MAX = 0x7fffffff;

export class Shelf {
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  readonly bytesMax: number;
  readonly #budget: Budget;

  constructor(bytesMax: number, budget: Budget) {
    this.bytesMax = bytesMax;
    this.#budget = budget;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Makes room for `count` bytes behind `end`, for the caller to write and to move `end`. False when there is none. */
  reserve(count: number): boolean {
    if (this.end + count <= this.bytes.length && this.bytes !== NOTHING) return true;
    const needed = this.length + count;
    if (needed > this.bytesMax) return false;
    if (needed <= this.bytes.length) {
      this.bytes.copyWithin(0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
      return true;
    }
    return this.#grow(needed);
  }

  /** Copies [start, end) in, whole or not at all. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    const count = end - start;
    if (count === 0) return true;
    if (count > this.bytesMax - this.length || !this.reserve(count)) return false;
    this.run(bytes, start, end);
    return true;
  }

  /** Writes [start, end) into the room that was reserved, as `ascii`, `decimal` and `hex` do. */
  run(bytes: Uint8Array, start: number, end: number): void {
    copyRun({ bytes, start, end }, this.bytes, this.end);
    this.end += end - start;
  }

  ascii(text: string): void {
    const { bytes, end } = this;
    for (let index = 0; index < text.length; index++) bytes[end + index] = text.charCodeAt(index);
    this.end = end + text.length;
  }

  decimal(value: number): void {
    this.#digits(value, 10);
  }

  hex(value: number): void {
    this.#digits(value, 16);
  }

  /** Lets go of the `count` oldest bytes. */
  shift(count: number): void {
    assert(count >= 0 && count <= this.length, "Cannot shift bytes: there are not as many");
    this.start += count;
    if (this.start === this.end) this.clear();
  }

  /** Moves all that is here to before `at` in `into`; answers where it starts there. */
  moveBefore(into: Uint8Array, at: number): number {
    const start = at - this.length;
    assert(start >= 0, "Cannot move bytes: there is no room before that place");
    copyRun(this, into, start);
    this.clear();
    return start;
  }

  clear(): void {
    this.#budget.giveBack(this.bytes);
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
  }

  #digits(value: number, radix: number): void {
    let count = 1;
    for (let rest = value; rest >= radix; rest = quotient(rest, radix)) count += 1;
    let rest = value;
    for (let at = this.end + count - 1; at >= this.end; at--) {
      const next = quotient(rest, radix);
      const digit = rest - next * radix;
      this.bytes[at] = digit < 10 ? ZERO + digit : LETTER_A + digit - 10;
      rest = next;
    }
    this.end += count;
  }

  #grow(needed: number): boolean {
    const old = this.bytes;
    const block = this.#budget.lend(needed, old.length);
    if (block === undefined) return false;
    copyRun(this, block, 0);
    this.#budget.giveBack(old);
    this.bytes = block;
    this.end = this.length;
    this.start = 0;
    return true;
  }
}

function quotient(value: number, radix: number): number {
  return value <= INT32_MAX ? (value / radix) | 0 : Math.floor(value / radix);
}
