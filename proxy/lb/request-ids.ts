/**
 * Ids of requests: a part by chance for each worker, and a count. Unique and cheap; nothing is secret about them. A number
 * stands for an id until its text is needed, which is written where the last one stood: no string is made.
 */
import { assert } from "../base/assert.ts";
import type { Run } from "../base/bytes.ts";
import type { Rng } from "../base/rng.ts";

const CHANCE_BYTES = 8;
const DIGIT_BITS = 5;
/** Of a count of up to 2⁵³. */
const DIGITS_MAX = 11;
const DIGITS = "0123456789abcdefghijklmnopqrstuv";

export class RequestIds {
  readonly #bytes: Uint8Array;
  /** Where the count starts. */
  readonly #start: number;
  readonly #text: { readonly bytes: Uint8Array; readonly start: number; end: number };
  #count = 0;

  constructor(rng: Rng) {
    const chance = new Uint8Array(CHANCE_BYTES);
    rng.fill(chance);
    const prefix = `${chance.toHex()}-`;
    this.#start = prefix.length;
    this.#bytes = new Uint8Array(prefix.length + DIGITS_MAX);
    for (let index = 0; index < prefix.length; index++) this.#bytes[index] = prefix.charCodeAt(index);
    this.#text = { bytes: this.#bytes, start: 0, end: 0 };
  }

  /** One that nobody has had, and never 0. */
  next(): number {
    this.#count += 1;
    return this.#count;
  }

  /** The text of an id, until the next call; the last digit stands first. */
  spell(id: number): Run {
    assert(id > 0 && id <= this.#count, "Cannot spell a request's id: nobody was given it");
    const bytes = this.#bytes;
    const radix = 1 << DIGIT_BITS;
    let at = this.#start;
    let rest = id;
    for (; rest > RADIX_BY_BITS_MAX; rest = Math.floor(rest / radix)) bytes[at++] = DIGIT_BYTES[rest % radix]!;
    for (; rest > 0; rest >>= DIGIT_BITS) bytes[at++] = DIGIT_BYTES[rest & (radix - 1)]!;
    this.#text.end = at;
    return this.#text;
  }
}

/** Up to here a shift divides. */
const RADIX_BY_BITS_MAX = 0x7fffffff;
const DIGIT_BYTES = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
