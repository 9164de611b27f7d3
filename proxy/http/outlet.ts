/**
 * The way out of one connection: gathers what a turn writes and hands it to the wire at once, keeps what the wire did not
 * take, and says when credit is back. Large runs go straight from the chunk they came in.
 * Invariant: bytes leave in the order they were given; what waits is bounded, and past `gatherBytesMax` no credit is given.
 */
import { assert } from "../base/assert.ts";
import type { Budget } from "../base/byte-queue.ts";
import { Fault } from "../base/fault.ts";
import { NO_ADDITIONS } from "./additions.ts";
import type { FieldBlock } from "./field-block.ts";
import { FRAMING, type Framing, type HttpHead } from "./head.ts";
import { dropFromTrailers } from "./hop.ts";
import type { HttpLimits } from "./limits.ts";
import { Shelf } from "./shelf.ts";
import type { HttpWire } from "./stream.ts";
import { CHUNK_EXTRA_BYTES, writeChunkSize, writeLastChunk, writeLineEnd } from "./writer.ts";

/** From here on a system call of its own costs less than the copy. */
const DIRECT_BYTES_MIN = 16_384;
/** From here on it costs less to bring the head to the content than the content to the head. */
const IN_PLACE_BYTES_MIN = 2_048;

export class Outlet {
  readonly shelf: Shelf;
  readonly #wire: HttpWire;
  readonly #limits: HttpLimits;
  /** Given by the peer's room, not yet told to whoever sends. */
  #owed = 0;
  #gone = false;
  /** The wire has not taken all: it says when there is room again. */
  #full = false;
  #framing: Framing = FRAMING.none;
  /** What the message's head came as, until its content ends. */
  #head: HttpHead | undefined;
  /** Of a body whose length is known. */
  #left = 0;
  /** The last chunk is written. */
  #trailed = false;

  constructor(wire: HttpWire, limits: HttpLimits, budget: Budget) {
    this.shelf = new Shelf(limits.spillBytesMax, budget);
    this.#wire = wire;
    this.#limits = limits;
  }

  get empty(): boolean {
    return this.shelf.length === 0;
  }

  /** A shelf with room for `count` bytes. */
  room(count: number): Shelf {
    if (!this.shelf.reserve(count)) throw noRoom();
    return this.shelf;
  }

  /**
   * The head is written; what follows is a body of that framing. Where the head that came in stands in one chunk with the
   * content behind it, what was written goes over it, and both leave from there.
   */
  begin(framing: Framing, length: number, head?: HttpHead): void {
    this.#framing = framing;
    this.#head = framing === FRAMING.length || framing === FRAMING.close ? head : undefined;
    this.#left = length;
    this.#trailed = false;
  }

  /** Content of the message. Answers the credit that is back at once. */
  data(bytes: Uint8Array, start: number, end: number): number {
    const count = end - start;
    switch (this.#framing) {
      // The answer to HEAD, or 304: what a server of ours sends all the same stays here.
      case FRAMING.none:
        return count;
      case FRAMING.length:
        this.#left -= count;
        assert(this.#left >= 0, "Cannot send data: there is more than the head announced");
        break;
      case FRAMING.chunked:
        if (count > 0) writeChunkSize(this.room(CHUNK_EXTRA_BYTES), count);
        break;
      default:
    }
    this.#put(bytes, start, end);
    if (this.#framing === FRAMING.chunked && count > 0) writeLineEnd(this.room(CHUNK_EXTRA_BYTES));
    return this.#credit(count);
  }

  /** They have a place behind chunks only; elsewhere they are left out (RFC 9110 §6.5). */
  trailers(trailers: FieldBlock): void {
    if (this.#framing !== FRAMING.chunked) return;
    assert(!this.#trailed, "Cannot send trailers: they are sent");
    dropFromTrailers(trailers);
    writeLastChunk(this.room(trailers.length + CHUNK_EXTRA_BYTES), trailers);
    this.#trailed = true;
  }

  end(): void {
    assert(this.#framing !== FRAMING.length || this.#left === 0, "Cannot end: there is less than the head announced");
    if (this.#framing === FRAMING.chunked && !this.#trailed) this.trailers(NO_ADDITIONS);
    this.#framing = FRAMING.none;
    this.#head = undefined;
  }

  /** The wire has room again. */
  drain(): void {
    this.#full = false;
  }

  /** Writes what waits, unless the wire is full. Answers the credit that is back by it. */
  flush(): number {
    const { shelf } = this;
    if (shelf.length > 0 && !this.#full) shelf.shift(this.#write(shelf.bytes, shelf.start, shelf.end));
    return this.#credit(0);
  }

  /** Forgets what waits: the wire is closed. */
  clear(): void {
    this.#gone = true;
    this.#owed = 0;
    this.#head = undefined;
    this.shelf.clear();
  }

  #put(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    const { shelf } = this;
    let from = start;
    if (count >= DIRECT_BYTES_MIN && shelf.length + count > this.#limits.gatherBytesMax) this.flush();
    if (count >= IN_PLACE_BYTES_MIN && !this.#full) {
      if (this.#isRoomBefore(bytes, start)) from = shelf.moveBefore(bytes, start);
      if (shelf.length === 0 && (from < start || count >= DIRECT_BYTES_MIN)) from += this.#write(bytes, from, end);
    }
    if (!this.#gone && !shelf.push(bytes, from, end)) throw noRoom();
  }

  /** Whether the head that stands before the content is no longer of use, and as long as what waits. */
  #isRoomBefore(bytes: Uint8Array, start: number): boolean {
    const head = this.#head;
    const { length } = this.shelf;
    return head !== undefined && head.bytes === bytes && length > 0 && start - length >= head.base;
  }

  /** A wire that is gone takes everything: its close is about to be told. */
  #write(bytes: Uint8Array, start: number, end: number): number {
    const taken = this.#gone ? -1 : this.#wire.write(bytes, start, end);
    if (taken === -1) {
      this.#gone = true;
      return end - start;
    }
    this.#full = taken < end - start;
    return taken;
  }

  #credit(count: number): number {
    this.#owed += count;
    if (this.shelf.length > this.#limits.gatherBytesMax) return 0;
    const credit = this.#owed;
    this.#owed = 0;
    return credit;
  }
}

function noRoom(): Fault {
  return new Fault("OVERLOADED", "Cannot keep what a peer does not take: there is no memory left for it", {
    scope: "conversation",
  });
}
