/**
 * Messages that we write ourselves, one behind the other in one buffer that grows, so that all of them leave in one write.
 * Lengths are filled in when a message ends. It knows the fields of no message: `frontend-writer.ts` and
 * `backend-writer.ts` do.
 * Invariants: [0, length) holds whole messages whenever none is open; no text that it writes can end early, because one
 * with a zero byte is a Bug. What does not fit under `bytesMax` is a Fault, and the open message is taken back.
 */
import { assert } from "../base/assert.ts";
import { NONE, writeInt32, writeUint16, writeUint32 } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { Part } from "./framer.ts";

const BLOCK_BYTES_MIN = 512;
/** What a writer keeps for its next use. */
const KEPT_BYTES_MAX = 0x10000;
/** Below this, copying byte by byte costs less than the short-lived view that a block copy needs (measured). */
const VIEW_BYTES_MIN = 64;
/** Below this, and while it is ASCII, a text is written unit by unit (measured). */
const LONG_TEXT = 32;
/** The most that UTF-8 needs for one unit of a string. */
const UNIT_BYTES_MAX = 3;
const LENGTH_BYTES = 4;
const UTF8 = new TextEncoder();

export class Writer implements Part {
  readonly bytesMax: number;
  readonly start = 0;
  #bytes: Uint8Array = new Uint8Array(BLOCK_BYTES_MIN);
  #at = 0;
  /** Where the open message's length stands, and where the message began; NONE when none is open. */
  #lengthAt = NONE;
  #messageAt = NONE;

  constructor(bytesMax: number) {
    assert(Number.isInteger(bytesMax) && bytesMax > 0, "Cannot make a writer: bytesMax is not a positive integer");
    this.bytesMax = bytesMax;
  }

  /** Valid until the next message is begun. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get end(): number {
    return this.#at;
  }

  get length(): number {
    return this.#at;
  }

  clear(): void {
    this.#at = 0;
    this.#lengthAt = NONE;
    this.#messageAt = NONE;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = new Uint8Array(BLOCK_BYTES_MIN);
  }

  begin(tag: number): this {
    this.#open();
    this.#bytes[this.#at++] = tag;
    return this.#leaveLength();
  }

  /** A start-up packet has no tag. */
  beginUntagged(): this {
    this.#open();
    return this.#leaveLength();
  }

  /** A message of which more will follow from elsewhere: its length is known, and `close` does not fill it in. */
  beginPart(tag: number, length: number): this {
    this.begin(tag);
    writeInt32(this.#bytes, this.#lengthAt, length);
    this.#lengthAt = NONE;
    return this;
  }

  close(): this {
    assert(this.#messageAt !== NONE, "Cannot close a message: none is open");
    if (this.#lengthAt !== NONE) writeInt32(this.#bytes, this.#lengthAt, this.#at - this.#lengthAt);
    this.#lengthAt = NONE;
    this.#messageAt = NONE;
    return this;
  }

  /** A message without a body. */
  bare(tag: number): this {
    return this.begin(tag).close();
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  uint16(value: number): this {
    this.#reserve(2);
    this.#at = writeUint16(this.#bytes, this.#at, value);
    return this;
  }

  int32(value: number): this {
    this.#reserve(4);
    this.#at = writeInt32(this.#bytes, this.#at, value);
    return this;
  }

  uint32(value: number): this {
    this.#reserve(4);
    this.#at = writeUint32(this.#bytes, this.#at, value);
    return this;
  }

  /** UTF-8 with a zero byte behind it. */
  text(text: string): this {
    return this.characters(text).byte(0);
  }

  /** UTF-8 without an end. */
  characters(text: string): this {
    this.#reserve(text.length * UNIT_BYTES_MAX);
    if (text.length >= LONG_TEXT) return this.#encode(text);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit === 0) this.#zeroInText();
      if (unit > 0x7f) return this.#encode(text);
      bytes[at++] = unit;
    }
    this.#at = at;
    return this;
  }

  /** A text that is bytes already; a zero byte is put behind it. */
  textBytes(bytes: Uint8Array, start: number, end: number): this {
    const zero = bytes.indexOf(0, start);
    if (zero !== NONE && zero < end) this.#zeroInText();
    return this.raw(bytes, start, end).byte(0);
  }

  raw(bytes: Uint8Array, start: number, end: number): this {
    assert(start >= 0 && start <= end && end <= bytes.length, "Cannot write bytes: the range is outside of them");
    this.#reserve(end - start);
    if (end - start >= VIEW_BYTES_MIN) this.#bytes.set(bytes.subarray(start, end), this.#at);
    else for (let from = start, to = this.#at; from < end; from++, to++) this.#bytes[to] = bytes[from]!;
    this.#at += end - start;
    return this;
  }

  /** A length of 4 bytes, then the text; null has the length -1. */
  value(text: string | null): this {
    if (text === null) return this.int32(NONE);
    const lengthAt = this.#at;
    this.int32(0);
    this.characters(text);
    writeInt32(this.#bytes, lengthAt, this.#at - lengthAt - LENGTH_BYTES);
    return this;
  }

  #encode(text: string): this {
    if (text.includes("\0")) this.#zeroInText();
    this.#at += UTF8.encodeInto(text, this.#bytes.subarray(this.#at)).written;
    return this;
  }

  #zeroInText(): never {
    assert(false, "Cannot write a text: it holds a zero byte");
  }

  #open(): void {
    assert(this.#messageAt === NONE, "Cannot begin a message: one is open");
    this.#messageAt = this.#at;
    this.#reserve(1 + LENGTH_BYTES);
  }

  #leaveLength(): this {
    this.#lengthAt = this.#at;
    this.#at += LENGTH_BYTES;
    return this;
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    if (needed > this.bytesMax) this.#overflow(needed);
    let size = this.#bytes.length;
    while (size < needed) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }

  #overflow(needed: number): never {
    if (this.#messageAt !== NONE) this.#at = this.#messageAt;
    this.#lengthAt = NONE;
    this.#messageAt = NONE;
    throw new Fault(
      "OVERLOADED",
      `Cannot write a message: ${needed} bytes are waiting, wanted at most ${this.bytesMax}`,
    );
  }
}
