/**
 * Reads the fields inside one frame, one after the other, by offsets. It makes a string only where it is asked for one.
 * Invariant: nothing outside of the frame is looked at. What does not fit in is a Fault of the one who sent it; the frame's
 * end is known, so of a client only this exchange is over, as in Postgres.
 */
import { NONE, readInt32, readUint16 } from "../base/bytes.ts";
import { Fault, type FaultCode } from "../base/fault.ts";
import { HEADER_BYTES, type Part } from "./framer.ts";
import type { Side } from "./tag.ts";

/** Below this, looking byte by byte is faster than the built-in search (measured). */
const LOOP_BYTES = 32;
const EMPTY = new Uint8Array(0);
/** Fatal: of two texts that are no UTF-8 neither may become the other, or an unknown user could become a known one. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Reader {
  bytes: Uint8Array = EMPTY;
  at = 0;
  end = 0;
  readonly #side: Side;

  constructor(side: Side) {
    this.#side = side;
  }

  /** At the first field of a frame that has a tag; `start` of the part is the tag. */
  open(frame: Part): this {
    return this.openAt(frame.bytes, frame.start + HEADER_BYTES, frame.end);
  }

  openAt(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    if (!(start <= end && end <= bytes.length)) this.refuse("it is shorter than its header");
    return this;
  }

  get left(): number {
    return this.end - this.at;
  }

  byte(): number {
    if (this.at >= this.end) this.refuse("it ends inside of a field");
    return this.bytes[this.at++]!;
  }

  /** A count: Postgres takes all 16 bits of it. */
  uint16(): number {
    if (this.end - this.at < 2) this.refuse("it ends inside of a number");
    const value = readUint16(this.bytes, this.at, this.end);
    this.at += 2;
    return value;
  }

  int32(): number {
    if (this.end - this.at < 4) this.refuse("it ends inside of a number");
    const value = readInt32(this.bytes, this.at, this.end);
    this.at += 4;
    return value;
  }

  /** Goes behind the zero byte that ends a text, and returns where that byte is. */
  text(): number {
    const end = findZero(this.bytes, this.at, this.end);
    if (end === NONE) this.refuse("a text has no end");
    this.at = end + 1;
    return end;
  }

  skip(count: number): void {
    if (count > this.end - this.at) this.refuse("a count or length goes beyond its end");
    this.at += count;
  }

  /** A length of 4 bytes, then as many bytes; NONE stands for null. Returns the length. */
  value(): number {
    const length = this.int32();
    if (length < NONE) this.refuse(`a value has the length ${length}`);
    if (length > 0) this.skip(length);
    return length;
  }

  /** Nothing may be left. */
  close(): void {
    if (this.at !== this.end) this.refuse(`${this.end - this.at} bytes are left behind its last field`);
  }

  string(start: number, end: number): string {
    try {
      return UTF8.decode(this.bytes.subarray(start, end));
    } catch {
      return this.refuse("a text is not UTF-8");
    }
  }

  refuse(what: string): never {
    const code: FaultCode = this.#side === "frontend" ? "CLIENT_PROTOCOL" : "SERVER_PROTOCOL";
    throw new Fault(code, `Cannot read a message of the ${this.#side}: ${what}`, { scope: "exchange" });
  }
}

/** The first zero byte of [start, end), or NONE. */
function findZero(bytes: Uint8Array, start: number, end: number): number {
  const near = Math.min(end, start + LOOP_BYTES);
  for (let at = start; at < near; at++) if (bytes[at] === 0) return at;
  if (near === end) return NONE;
  // The built-in search cannot be told where to stop: only in a bad frame it goes beyond, and at most to the chunk's end.
  const far = bytes.indexOf(0, near);
  return far < end ? far : NONE;
}
