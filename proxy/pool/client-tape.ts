/**
 * What a client has said and nobody could take yet: it waits for a link, or the link for its kernel. First the part of the
 * frame that was shown already, if there is one, then bytes as they came.
 * Invariant: while something is on the tape, nothing of the client is taken around it.
 */
import { assert } from "../base/assert.ts";
import { ByteQueue, type Budget } from "../base/byte-queue.ts";
import { Fault } from "../base/fault.ts";
import type { Shown } from "./client-requests.ts";

/** From here on the client is not read any more. */
export const TAPE_BYTES_MAX = 65_536;
/** Behind a pause there is at most the chunk that was being read. */
const CHUNK_BYTES_MAX = 0x200000;

export class Tape {
  readonly #queue: ByteQueue;
  /** What the framer said of the part that comes first; 0 when there is none. */
  #shown = 0;
  #tag = 0;
  #left = 0;
  #length = 0;

  constructor(budget: Budget) {
    this.#queue = new ByteQueue(TAPE_BYTES_MAX + CHUNK_BYTES_MAX, budget);
  }

  get length(): number {
    return this.#queue.length;
  }

  get full(): boolean {
    return this.#queue.length >= TAPE_BYTES_MAX;
  }

  /** The frame or part that could not be taken, as the first thing of all. */
  keepPart(shown: number, { tag, left, bytes, start, end }: Shown): void {
    assert(this.#queue.length === 0, "Cannot keep a part: there is something before it");
    this.#shown = shown;
    this.#tag = tag;
    this.#left = left;
    this.#length = end - start;
    this.keep(bytes, start, end);
  }

  keep(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#queue.push(bytes, start, end)) {
      throw new Fault("OVERLOADED", "Cannot keep what a client said: the budget for bytes is used up", CONVERSATION);
    }
  }

  /** What `keepPart` kept; undefined when there is nothing, or it was taken. Its bytes stay until `shift`. */
  part(): (Shown & { readonly shown: number }) | undefined {
    if (this.#shown === 0) return undefined;
    const { bytes, start } = this.#queue;
    return { shown: this.#shown, tag: this.#tag, left: this.#left, bytes, start, end: start + this.#length };
  }

  /** The part was taken. */
  shiftPart(): void {
    this.#shown = 0;
    this.#queue.shift(this.#length);
  }

  /** The oldest bytes that stand together; the same again until `shift`. */
  get bytes(): Uint8Array {
    return this.#queue.bytes;
  }

  get start(): number {
    return this.#queue.start;
  }

  get end(): number {
    return this.#queue.end;
  }

  shift(count: number): void {
    this.#queue.shift(count);
  }

  clear(): void {
    this.#shown = 0;
    this.#queue.clear();
  }
}

const CONVERSATION = { scope: "conversation" } as const;
