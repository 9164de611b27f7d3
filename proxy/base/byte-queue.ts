/**
 * Bytes that wait in order, copied in and handed out by offsets: what the kernel did not take. A queue has a limit of its
 * own, and all queues of a process draw their memory from one `Budget`, so that many slow peers together stay bounded too.
 * It knows no socket: whoever pushes must stop reading the other side.
 * Invariants: a push is taken whole or not at all; an empty queue holds no memory, any other at most twice the most bytes
 * it had since it was last empty (or the smallest block); the Budget counts that memory, not the bytes in it.
 */
import { assert } from "./assert.ts";
import { copyRun } from "./bytes.ts";

const BLOCK_BYTES_MIN = 4096;
/** Enough for some hundred connections in the middle of an answer: a fresh block costs far more than the copy into it. */
const SPARE_BYTES_MAX = 0x1000000;
/** What `clz32` says of the smallest block. */
const DOUBLINGS_OFFSET = Math.clz32(BLOCK_BYTES_MIN);
const SPARE_SIZES = DOUBLINGS_OFFSET - Math.clz32(SPARE_BYTES_MAX) + 1;
const NOTHING = new Uint8Array(0);

export class ByteQueue {
  readonly bytesMax: number;
  readonly #budget: Budget;
  #block: Uint8Array = NOTHING;
  /** Where the oldest byte stands; from there the bytes go around the end of the block. */
  #head = 0;
  #length = 0;

  constructor(bytesMax: number, budget: Budget) {
    assert(Number.isInteger(bytesMax) && bytesMax > 0, "Cannot make a byte queue: bytesMax is not a positive integer");
    this.bytesMax = bytesMax;
    this.#budget = budget;
  }

  get length(): number {
    return this.#length;
  }

  /** With `start` and `end`, the oldest bytes that stand together, to be written as they are; a second run may follow. */
  get bytes(): Uint8Array {
    return this.#block;
  }

  get start(): number {
    return this.#head;
  }

  get end(): number {
    return Math.min(this.#head + this.#length, this.#block.length);
  }

  /** Copies [start, end) in. False when this queue or the budget has no room for all of it; then nothing changed. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    assert(start >= 0 && start <= end && end <= bytes.length, "Cannot queue bytes: the range is outside of them");
    const count = end - start;
    if (count === 0) return true;
    if (count > this.bytesMax - this.#length) return false;
    if (this.#length + count > this.#block.length && !this.#grow(this.#length + count)) return false;
    const tail = this.#around(this.#head + this.#length);
    const beforeWrap = Math.min(count, this.#block.length - tail);
    this.#copyIn(bytes, start, start + beforeWrap, tail);
    this.#copyIn(bytes, start + beforeWrap, end, 0);
    this.#length += count;
    return true;
  }

  /** Lets go of the `count` oldest bytes; what `bytes` was may be anyone's when the queue is empty then. */
  shift(count: number): void {
    assert(count >= 0 && count <= this.#length, "Cannot shift bytes: there are not as many");
    this.#length -= count;
    this.#head = this.#around(this.#head + count);
    if (this.#length === 0) this.clear();
  }

  /** Lets go of everything, as an owner must before it forgets the queue. */
  clear(): void {
    this.#budget.giveBack(this.#block);
    this.#block = NOTHING;
    this.#head = 0;
    this.#length = 0;
  }

  #around(place: number): number {
    return place < this.#block.length ? place : place - this.#block.length;
  }

  #grow(bytesNeeded: number): boolean {
    const old = this.#block;
    const block = this.#budget.lend(bytesNeeded, old.length);
    if (block === undefined) return false;
    const first = this.end - this.#head;
    copyRun({ bytes: old, start: this.#head, end: this.end }, block, 0);
    copyRun({ bytes: old, start: 0, end: this.#length - first }, block, first);
    this.#budget.giveBack(old);
    this.#block = block;
    this.#head = 0;
    return true;
  }

  #copyIn(bytes: Uint8Array, start: number, end: number, at: number): void {
    copyRun({ bytes, start, end }, this.#block, at);
  }
}

/** The memory that all queues of a process may have together, lent in blocks whose sizes are powers of two. */
export class Budget {
  readonly bytesMax: number;
  /** Blocks given back, by how often their size is the smallest one's double; bounded, and not counted as lent. */
  readonly #spares: readonly Uint8Array[][] = Array.from({ length: SPARE_SIZES }, () => []);
  #spareBytes = 0;
  #lentBytes = 0;

  constructor(bytesMax: number) {
    assert(Number.isInteger(bytesMax) && bytesMax > 0, "Cannot make a budget: bytesMax is not a positive integer");
    this.bytesMax = bytesMax;
  }

  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Kept for the next, beside what is lent. */
  get spareBytes(): number {
    return this.#spareBytes;
  }

  /**
   * A block of at least that size, holding anything. `insteadOfBytes` is the size of the block that the caller gives back
   * in the same breath: it counts as given, so that growing is not refused for the copy's sake.
   */
  lend(bytesMin: number, insteadOfBytes = 0): Uint8Array | undefined {
    const size = blockSize(bytesMin);
    if (this.#lentBytes - insteadOfBytes + size > this.bytesMax) return undefined;
    this.#lentBytes += size;
    const spare = this.#sparesOf(size)?.pop();
    if (spare === undefined) return new Uint8Array(size);
    this.#spareBytes -= size;
    return spare;
  }

  giveBack(block: Uint8Array): void {
    if (block.length === 0) return;
    assert(block.length <= this.#lentBytes, "Cannot take a block back: it was not lent");
    this.#lentBytes -= block.length;
    if (this.#spareBytes + block.length > SPARE_BYTES_MAX) return;
    this.#sparesOf(block.length)?.push(block);
    this.#spareBytes += block.length;
  }

  /** None for a size above all that are kept. */
  #sparesOf(size: number): Uint8Array[] | undefined {
    return size > SPARE_BYTES_MAX ? undefined : this.#spares[DOUBLINGS_OFFSET - Math.clz32(size)];
  }
}

function blockSize(bytesMin: number): number {
  let size = BLOCK_BYTES_MIN;
  while (size < bytesMin) size *= 2;
  return size;
}
