/**
 * Cuts what a peer sends into frames, chunk by chunk, and shows each as offsets: no view, no string and no object is made
 * for a frame. It does not look inside, and it knows no socket.
 *
 * A frame that lies in the chunk is shown WHOLE. One that does not is shown in parts, BEGIN MORE… END, so that any size
 * passes in constant memory; but of what is not bulk the first `wholeBytesMax` bytes are gathered: up to that size a frame
 * is WHOLE wherever the chunks were cut, and a longer one has at least that much in its BEGIN. Of bulk a BEGIN has the
 * header. What is gathered is copied into a block of the `Budget`; between frames the framer holds no memory.
 *
 * Invariants: the parts of all frames, one after the other, are the bytes that were fed. A part is valid until the next
 * call, and never longer than its chunk is. A length outside of the limits of its tag is a Fault before it is believed;
 * after a Fault the framer stays where it was and throws again.
 */
import { assert } from "../base/assert.ts";
import type { Budget } from "../base/byte-queue.ts";
import { readInt32 } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { lengthRules, tagName, type LengthRules, type Side, type TaggedPhase } from "./tag.ts";

/** What `next` shows. */
export const NOTHING = 0;
export const WHOLE = 1;
export const BEGIN = 2;
export const MORE = 3;
export const END = 4;

/** Bytes that stand somewhere, by offsets. A framer is one: what it shows. */
export interface Part {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** "startup" is a frontend's first: packets without a tag. */
export type Phase = "startup" | TaggedPhase;

export interface FramerOptions {
  readonly side: Side;
  readonly phase: Phase;
  /** Up to this size, header included, a frame that is not bulk is never shown in parts. */
  readonly wholeBytesMax: number;
  readonly budget: Budget;
}

/** Tag and length. */
export const HEADER_BYTES = 5;
const STARTUP_HEADER_BYTES = 4;
/** The length field and a protocol version. */
const STARTUP_LENGTH_MIN = 8;
/** The server's MAX_STARTUP_PACKET_LENGTH, which does not count the length field. */
const STARTUP_LENGTH_MAX = 10_004;
/** Before every place. */
const NOWHERE = -HEADER_BYTES - 1;
const EMPTY = new Uint8Array(0);

export class Framer implements Part {
  /** Where the shown part stands: the chunk, or what was gathered. */
  bytes: Uint8Array = EMPTY;
  /** 0 in the phase "startup". Stays what it was through all parts of a frame. */
  tag = 0;
  start = 0;
  end = 0;
  /** How much of the frame is still to come behind the shown part. */
  left = 0;

  readonly #side: Side;
  readonly #wholeBytesMax: number;
  readonly #budget: Budget;
  #phase: Phase;
  #rules: LengthRules;
  #limits: Int32Array;
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  #chunkEnd = 0;
  /** False only when the next frame has a tag and begins in the chunk: then `bytes` is the chunk. */
  #odd = true;
  /** The last place in the chunk where a header fits, or NOWHERE when it is odd. */
  #lastStart = NOWHERE;
  /** Room for the frame that is being gathered. */
  #held: Uint8Array = EMPTY;
  #heldLength = 0;
  /** How much must be gathered until something can be said: the header, then what is to be shown. */
  #heldWanted = 0;
  /** The whole frame, once its header was read; 0 before. */
  #heldTotal = 0;
  /** What is held was shown, so it is let go by the next call. */
  #heldShown = false;

  constructor({ side, phase, wholeBytesMax, budget }: FramerOptions) {
    assert(wholeBytesMax >= HEADER_BYTES, "Cannot make a framer: wholeBytesMax is less than a header");
    assert(phase !== "startup" || side === "frontend", "Cannot make a framer: a backend has no phase startup");
    this.#side = side;
    this.#wholeBytesMax = wholeBytesMax;
    this.#budget = budget;
    this.#phase = phase;
    this.#rules = lengthRules(side, phase === "startup" ? "login" : phase);
    this.#limits = this.#rules.limits;
    this.#setOdd(phase === "startup");
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** How many bytes of the chunk are behind what was shown. */
  get unread(): number {
    return this.#chunkEnd - this.#at;
  }

  /** Whether the shown part was gathered, and so is gone at the next call, though its chunk is not. */
  get isHeld(): boolean {
    return this.#heldShown;
  }

  /** Whether a frame has begun and not ended, so that a peer who closes now has cut it off. */
  get inside(): boolean {
    return this.left > 0 || (this.#heldLength > 0 && !this.#heldShown);
  }

  /** The next chunk, when all of the last one was shown. */
  feed(bytes: Uint8Array, start: number, end: number): void {
    assert(this.#at === this.#chunkEnd, "Cannot feed a framer: it has not shown all of the last chunk");
    assert(
      start >= 0 && start <= end && end <= bytes.length,
      "Cannot feed a framer: the range is outside of the bytes",
    );
    this.#chunk = bytes;
    this.#at = start;
    this.#chunkEnd = end;
    this.#setOdd(this.#odd);
  }

  /** Shows the next part in `tag`, `bytes`, `start`, `end` and `left`. NOTHING: all was shown, feed more. Throws Fault. */
  next(): number {
    const at = this.#at;
    if (at > this.#lastStart) return this.#nextOdd();
    const bytes = this.bytes;
    // The header is inside of the chunk: checked above.
    const tag = bytes[at]!;
    const length = (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
    const limits = this.#limits;
    if (length < limits[tag]! || length > limits[tag + 256]!) this.#refuse(tag, length);
    const end = at + 1 + length;
    this.tag = tag;
    if (end > this.#chunkEnd) return this.#cut(length + 1);
    this.start = at;
    this.end = end;
    this.#at = end;
    return WHOLE;
  }

  /**
   * After a WHOLE that stands in the chunk: takes the frames that follow it there, whole and with the same tag, into the
   * same part, and says how many. For rows that are passed on together. One that is cut off or lies is left to `next`.
   */
  takeAlike(): number {
    const bytes = this.bytes;
    const tag = this.tag;
    const limits = this.#limits;
    const lastStart = this.#lastStart;
    let at = this.#at;
    let count = 0;
    while (at <= lastStart && bytes[at] === tag) {
      const length = (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
      if (length < limits[tag]! || length > limits[tag + 256]! || at + 1 + length > this.#chunkEnd) break;
      at += 1 + length;
      count++;
    }
    if (count > 0) this.end = this.#at = at;
    return count;
  }

  /** From the next frame on. The last one must have been shown to its end. */
  enter(phase: Phase): void {
    assert(!this.inside, "Cannot enter a phase: a frame has not ended");
    assert(phase !== "startup" || this.#side === "frontend", "Cannot enter the phase startup: a backend has none");
    this.#phase = phase;
    this.#rules = lengthRules(this.#side, phase === "startup" ? "login" : phase);
    this.#limits = this.#rules.limits;
    this.#setOdd(phase === "startup" || this.#heldShown);
  }

  /** Forgets the rest of the chunk and says where it begins, for an owner who cannot go on and keeps it elsewhere. */
  halt(): number {
    const at = this.#at;
    this.#forgetChunk();
    return at;
  }

  /** Lets go of everything, as an owner must before it forgets the framer. */
  close(): void {
    this.#letGo();
    this.#forgetChunk();
  }

  #nextOdd(): number {
    if (this.#heldShown) this.#letGo();
    if (this.left > 0) return this.#goOn();
    if (this.#heldLength > 0) return this.#gather();
    const untagged = this.#phase === "startup";
    this.#setOdd(untagged);
    if (this.#at === this.#chunkEnd) return this.#starve();
    if (!untagged && this.#chunkEnd - this.#at >= HEADER_BYTES) return this.next();
    this.#hold(untagged ? STARTUP_HEADER_BYTES : HEADER_BYTES, 0);
    return this.#gather();
  }

  /** The frame at `#at` is longer than what the chunk has of it. */
  #cut(total: number): number {
    const available = this.#chunkEnd - this.#at;
    const wanted = this.#wantedOf(total);
    this.#setOdd(true);
    if (available < wanted) {
      this.#hold(wanted, total);
      return this.#gather();
    }
    this.start = this.#at;
    this.end = this.#chunkEnd;
    this.left = total - available;
    this.#at = this.#chunkEnd;
    return BEGIN;
  }

  #goOn(): number {
    const count = Math.min(this.left, this.#chunkEnd - this.#at);
    if (count === 0) return this.#starve();
    this.bytes = this.#chunk;
    this.start = this.#at;
    this.end = this.#at += count;
    this.left -= count;
    if (this.left > 0) return MORE;
    this.#setOdd(this.#phase === "startup");
    return END;
  }

  #gather(): number {
    if (!this.#fill()) return this.#starve();
    if (this.#heldTotal === 0) {
      const total = this.#readHeader();
      this.#hold(this.#wantedOf(total), total);
      if (!this.#fill()) return this.#starve();
    }
    this.bytes = this.#held;
    this.start = 0;
    this.end = this.#heldLength;
    this.left = this.#heldTotal - this.#heldLength;
    this.#heldShown = true;
    return this.left > 0 ? BEGIN : WHOLE;
  }

  /** Copies from the chunk until what is wanted is held; false when the chunk has not enough. */
  #fill(): boolean {
    const count = Math.min(this.#heldWanted - this.#heldLength, this.#chunkEnd - this.#at);
    if (count > 0) {
      this.#held.set(this.#chunk.subarray(this.#at, this.#at + count), this.#heldLength);
      this.#heldLength += count;
      this.#at += count;
    }
    return this.#heldLength === this.#heldWanted;
  }

  /** Of a gathered frame; how long it is, header included. */
  #readHeader(): number {
    if (this.#phase === "startup") {
      const length = readInt32(this.#held, 0, STARTUP_HEADER_BYTES);
      if (!(length >= STARTUP_LENGTH_MIN && length <= STARTUP_LENGTH_MAX)) this.#refuseStartup(length);
      this.tag = 0;
      return length;
    }
    const tag = this.#held[0]!;
    const length = readInt32(this.#held, 1, HEADER_BYTES);
    if (length < this.#limits[tag]! || length > this.#limits[tag + 256]!) this.#refuse(tag, length);
    this.tag = tag;
    return length + 1;
  }

  #wantedOf(total: number): number {
    if (this.#phase === "startup") return total;
    return this.#rules.bulk[this.tag] === 1 ? HEADER_BYTES : Math.min(total, this.#wholeBytesMax);
  }

  /** Room for `wanted` bytes, with what is already held. */
  #hold(wanted: number, total: number): void {
    if (wanted > this.#held.length) {
      const block = this.#budget.lend(wanted, this.#held.length);
      if (block === undefined) throw new Fault("OVERLOADED", "Cannot gather a frame: the budget for bytes is used up");
      block.set(this.#held.subarray(0, this.#heldLength));
      this.#budget.giveBack(this.#held);
      this.#held = block;
    }
    this.#heldWanted = wanted;
    this.#heldTotal = total;
    this.#setOdd(true);
  }

  #setOdd(odd: boolean): void {
    this.#odd = odd;
    this.#lastStart = odd ? NOWHERE : this.#chunkEnd - HEADER_BYTES;
    if (!odd) this.bytes = this.#chunk;
  }

  #letGo(): void {
    this.#budget.giveBack(this.#held);
    this.#held = EMPTY;
    this.#heldLength = 0;
    this.#heldShown = false;
  }

  #starve(): number {
    this.#forgetChunk();
    return NOTHING;
  }

  #forgetChunk(): void {
    this.#chunk = EMPTY;
    this.#at = 0;
    this.#chunkEnd = 0;
    this.#setOdd(this.#odd);
    if (!this.#heldShown) this.bytes = EMPTY;
  }

  #refuse(tag: number, length: number): never {
    const min = this.#limits[tag]!;
    const max = this.#limits[tag + 256]!;
    const name = tagName(this.#side, tag);
    if (min > max) throw this.#fault(`"${name}" is not allowed in the phase ${this.#phase}`, false);
    throw this.#fault(`the length of "${name}" is ${length}, wanted ${min} to ${max}`, length > max && min < max);
  }

  #refuseStartup(length: number): never {
    const wanted = `wanted ${STARTUP_LENGTH_MIN} to ${STARTUP_LENGTH_MAX}`;
    throw this.#fault(`the length of a start-up packet is ${length}, ${wanted}`, false);
  }

  /** Where a frame ends is no longer known, so the conversation is over, whatever the peer is. */
  #fault(what: string, tooLarge: boolean): Fault {
    if (this.#side === "backend") return new Fault("SERVER_PROTOCOL", `Cannot frame what the server sent: ${what}`);
    const code = tooLarge ? "CLIENT_TOO_LARGE" : "CLIENT_PROTOCOL";
    return new Fault(code, `Cannot frame what the client sent: ${what}`);
  }
}
