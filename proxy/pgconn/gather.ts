/**
 * What one event sends in one direction: ranges of the chunk that came in, passed on unread, and messages of ours between
 * them. A chunk that is passed on as it is leaves as it came, in one write from where it stands; only where something of
 * ours comes between, small ranges are copied together so that it is one write all the same.
 * Invariants: bytes leave in the order they were said; nothing is kept when `flush` has returned.
 */
import type { Sent } from "../net/spill.ts";
import type { Part } from "../pg/framer.ts";
import { Writer } from "../pg/writer.ts";

/** Where the bytes go. */
export interface Outlet {
  send(bytes: Uint8Array, start: number, end: number): Sent;
}

/** A range up to this size is copied behind what is ours; a larger one is written by itself. */
const COPY_BYTES_MAX = 16_384;
/** What is ours is written when it has grown to this. */
const OURS_BYTES_MAX = 0x20000;
/** One message of ours: a statement that is prepared again. */
const WRITER_BYTES_MAX = 0x4000000;
const EMPTY = new Uint8Array(0);

export class Gather {
  readonly #writer = new Writer(WRITER_BYTES_MAX);
  #outlet: Outlet | undefined;
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** The worst of what became of what was written since `open`. */
  #sent: Sent = "sent";

  /** All that is said from here to `flush` goes there. */
  open(outlet: Outlet): void {
    this.#outlet = outlet;
    this.#sent = "sent";
  }

  /** Passes on a part of the chunk. */
  pass(part: Part): void {
    this.range(part.bytes, part.start, part.end);
  }

  range(bytes: Uint8Array, start: number, end: number): void {
    if (this.#bytes === bytes && this.#end === start) {
      this.#end = end;
      return;
    }
    if (this.#end > this.#start) this.#setDown();
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** For messages of ours, behind all that was said. */
  get writer(): Writer {
    if (this.#end > this.#start) this.#setDown();
    if (this.#writer.length >= OURS_BYTES_MAX) this.#writeOurs();
    return this.#writer;
  }

  /** What was passed on so far may change from now on. */
  hold(): void {
    if (this.#end > this.#start) this.#setDown();
    this.#forget();
  }

  /** Writes all of it. */
  flush(): Sent {
    if (this.#writer.length > 0 && this.#end - this.#start > 0) this.#setDown();
    if (this.#writer.length > 0) this.#writeOurs();
    if (this.#end > this.#start) this.#write(this.#bytes, this.#start, this.#end);
    this.#forget();
    return this.#sent;
  }

  /** Says nothing of what was not written. */
  clear(): void {
    this.#writer.clear();
    this.#forget();
  }

  /** The range makes way for what comes behind it. */
  #setDown(): void {
    if (this.#end - this.#start <= COPY_BYTES_MAX) {
      if (this.#writer.length >= OURS_BYTES_MAX) this.#writeOurs();
      this.#writer.raw(this.#bytes, this.#start, this.#end);
    } else {
      if (this.#writer.length > 0) this.#writeOurs();
      this.#write(this.#bytes, this.#start, this.#end);
    }
    this.#start = this.#end = 0;
  }

  #writeOurs(): void {
    this.#write(this.#writer.bytes, 0, this.#writer.end);
    this.#writer.clear();
  }

  #write(bytes: Uint8Array, start: number, end: number): void {
    const sent = this.#outlet?.send(bytes, start, end) ?? "gone";
    if (this.#sent === "sent" || sent === "gone" || sent === "full") this.#sent = sent;
  }

  #forget(): void {
    this.#bytes = EMPTY;
    this.#start = 0;
    this.#end = 0;
  }
}
