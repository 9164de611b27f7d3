/** What the tests of this room share: parts made of bytes, and a framer driven over any cut of them. */
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { Fault, type FaultCode } from "../../../../proxy/base/fault.ts";
import { BEGIN, END, Framer, MORE, NOTHING, WHOLE, type Part, type Phase } from "../../../../proxy/pg/framer.ts";
import type { Side } from "../../../../proxy/pg/tag.ts";
import { Writer } from "../../../../proxy/pg/writer.ts";

export const WHOLE_BYTES_MAX = 64;

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function partOf(bytes: Uint8Array): Part {
  return { bytes, start: 0, end: bytes.length };
}

/** What that writes, in bytes of their own. */
export function written(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(0x1000000);
  write(writer);
  return writer.bytes.slice(0, writer.end);
}

/** A frame of that tag, whatever is in it. */
export function frame(tag: number, body: Uint8Array | readonly number[]): Uint8Array {
  return written((writer) => writer.begin(tag).raw(Uint8Array.from(body), 0, body.length).close());
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** The same bytes in the middle of others, so that a look outside of the range is a look at what is wrong. */
export function surrounded(bytes: Uint8Array): Part {
  const around = new Uint8Array(bytes.length + 14).fill(0xff);
  around.set(bytes, 7);
  return { bytes: around, start: 7, end: 7 + bytes.length };
}

/** The code of the Fault that it throws; fails when it throws something else, or nothing. */
export function faultCode(run: () => unknown): FaultCode {
  return faultOfCall(run).code;
}

export function faultOfCall(run: () => unknown): Fault {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("no fault was thrown");
}

export interface Shown {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/** A framer that checks its own invariants while it is fed, and keeps the frames that it has shown. */
export class Watched {
  readonly budget = new Budget(0x100000);
  readonly framer: Framer;
  readonly frames: Shown[] = [];
  /** How each frame came: "whole", or its parts. */
  readonly ways: string[] = [];
  #parts: Uint8Array[] = [];

  constructor(side: Side, phase: Phase, wholeBytesMax = WHOLE_BYTES_MAX) {
    this.framer = new Framer({ side, phase, wholeBytesMax, budget: this.budget });
  }

  /** In a chunk of its own, which is spoilt afterwards, as a socket's is. */
  feed(bytes: Uint8Array): void {
    const { framer } = this;
    const chunk = surrounded(bytes);
    framer.feed(chunk.bytes, chunk.start, chunk.end);
    for (let shown = framer.next(); shown !== NOTHING; shown = framer.next()) this.#take(shown);
    chunk.bytes.fill(0xee);
  }

  #take(shown: number): void {
    const { framer, frames, ways } = this;
    const way = new Map([
      [WHOLE, "whole"],
      [BEGIN, "begin"],
      [MORE, "more"],
      [END, "end"],
    ]).get(shown);
    const begins = shown === WHOLE || shown === BEGIN;
    if (way === undefined || begins !== (this.#parts.length === 0)) throw new Error(`part ${shown} out of order`);
    if ((shown === WHOLE || shown === END) !== (framer.left === 0)) throw new Error(`left is ${framer.left}`);
    if (framer.end <= framer.start) throw new Error("an empty part");
    this.#parts.push(framer.bytes.slice(framer.start, framer.end));
    ways.push(way);
    if (framer.left > 0) return;
    frames.push({ tag: framer.tag, bytes: joined(this.#parts) });
    this.#parts = [];
  }
}
