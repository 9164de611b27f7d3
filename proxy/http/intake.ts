/**
 * The way in of one connection: cuts chunks into heads, content and trailers, keeps what is not complete or not yet wanted,
 * and pauses the wire when too much of that, or too much without credit, has come. It knows no request from a response.
 * Invariants: content is handed on at once and never kept; a message is not started before `expect` allowed it; nothing is
 * parsed behind a flaw.
 */
import { assert } from "../base/assert.ts";
import type { Budget } from "../base/byte-queue.ts";
import { Fault } from "../base/fault.ts";
import { BODY, BodyReader } from "./body.ts";
import { HttpFault } from "./flaws.ts";
import { BAD, type HeadParser, MORE } from "./head-parser.ts";
import { type Framing, HttpHead } from "./head.ts";
import type { HttpLimits } from "./limits.ts";
import { Shelf } from "./shelf.ts";
import type { HttpWire } from "./stream.ts";
import { TrailerParser } from "./trailer-parser.ts";

/** What the next byte is. */
export const PHASE = {
  /** Not our turn yet: bytes are kept. */
  hold: 0,
  head: 1,
  body: 2,
  trailers: 3,
  /** Nothing may come. */
  refuse: 4,
  /** Whatever comes is thrown away. */
  discard: 5,
} as const;
export type Phase = (typeof PHASE)[keyof typeof PHASE];

/** Who an intake tells. Each may change the phase. */
export interface IntakeSink {
  /** A head is complete; its body follows, and then `ended`. */
  tookHead(head: HttpHead): void;
  tookData(bytes: Uint8Array, start: number, end: number): void;
  tookTrailers(trailers: HttpHead): void;
  tookEnd(surplus: boolean): void;
  /** Bytes that are thrown away. */
  discarded(count: number): void;
}

export interface IntakeOptions {
  readonly wire: HttpWire;
  readonly limits: HttpLimits;
  readonly budget: Budget;
  readonly side: "client" | "server";
}

export class Intake {
  readonly #sink: IntakeSink;
  readonly #parser: HeadParser;
  readonly #options: IntakeOptions;
  readonly #body: BodyReader;
  readonly #shelf: Shelf;
  #trailerParser: TrailerParser | undefined;
  #phase: Phase = PHASE.hold;
  #running = false;
  #paused = false;
  /** Handed on and not credited yet. */
  #uncredited = 0;

  constructor(sink: IntakeSink, parser: HeadParser, options: IntakeOptions) {
    this.#sink = sink;
    this.#parser = parser;
    this.#options = options;
    this.#body = new BodyReader(options.limits);
    // A chunk is taken whole, whatever its size: the shelf is bounded by pausing, and by the budget.
    this.#shelf = new Shelf(Number.MAX_SAFE_INTEGER, options.budget);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Nothing is kept, and no message has begun. */
  get clean(): boolean {
    return this.#shelf.length === 0 && !this.#parser.midway;
  }

  /** A head has begun and is not complete. */
  get midway(): boolean {
    return this.#parser.midway;
  }

  /** Whether there are bytes to go on with, by `run`. */
  get waiting(): boolean {
    return this.#shelf.length > 0;
  }

  /** Whether the end of the wire is the end of the message that is being read. */
  get endsWithWire(): boolean {
    return this.#phase === PHASE.body && this.#body.endsWithWire;
  }

  expect(phase: Phase): void {
    this.#phase = phase;
    // Credit belongs to one message: what is still owed of the last one counts no more.
    if (phase !== PHASE.body && phase !== PHASE.hold) this.#uncredited = 0;
    if (phase === PHASE.discard) this.#forget();
    this.#gate();
  }

  /** The body behind a head. With framing `tunnel` it never ends. */
  expectBody(framing: Framing, length: number): void {
    this.#body.begin(framing, length);
    this.expect(PHASE.body);
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    assert(!this.#running, "Cannot receive: the last chunk is not done");
    if (this.#shelf.length > 0) {
      this.#keep(bytes, start, end);
      if (this.#phase !== PHASE.hold) this.run();
    } else {
      const at = this.#cut(bytes, start, end);
      this.#keep(bytes, at, end);
    }
    this.#gate();
  }

  /** Goes on with what was kept, if that is allowed by now. */
  run(): void {
    if (this.#running || this.#shelf.length === 0) return;
    const { bytes, start, end } = this.#shelf;
    // Behind a flaw nothing is parsed, so nothing of it is kept.
    let at = end;
    try {
      at = this.#cut(bytes, start, end);
    } finally {
      this.#shelf.shift(at - start);
    }
    this.#gate();
  }

  credit(count: number): void {
    this.#uncredited -= Math.min(count, this.#uncredited);
    this.#gate();
  }

  /** Lets go of everything: the conversation is over. */
  close(): void {
    this.#phase = PHASE.discard;
    this.#uncredited = 0;
    this.#forget();
  }

  /** Lets go of what is kept; if it is being cut just now, whoever cuts it does so. */
  #forget(): void {
    this.#parser.reset();
    if (!this.#running) this.#shelf.clear();
  }

  /** Answers where it stopped; what is behind has to be kept. */
  #cut(bytes: Uint8Array, start: number, end: number): number {
    this.#running = true;
    try {
      let at = start;
      let before = -1;
      // A body that ends without a byte moves on too, so it is not the offset alone that tells a standstill.
      for (let phase: Phase | -1 = -1; at !== before || phase !== this.#phase;) {
        before = at;
        phase = this.#phase;
        at = this.#step(bytes, at, end);
      }
      return at;
    } finally {
      this.#running = false;
      // Whoever wanted the head longer has kept it; what is read of it now would be another's bytes.
      this.#parser.head.release(bytes);
    }
  }

  #step(bytes: Uint8Array, at: number, end: number): number {
    switch (this.#phase) {
      case PHASE.hold:
        return at;
      case PHASE.head:
        return at === end ? at : this.#head(bytes, at, end);
      case PHASE.body:
        return this.#content(bytes, at, end);
      case PHASE.trailers:
        return at === end ? at : this.#trailers(bytes, at, end);
      case PHASE.refuse:
        if (at < end) throw new HttpFault("UNASKED", this.#options.side);
        return at;
      case PHASE.discard:
        if (at < end) this.#sink.discarded(end - at);
        return end;
    }
  }

  #head(bytes: Uint8Array, at: number, end: number): number {
    const parser = this.#parser;
    const next = parser.parse(bytes, at, end);
    if (next === MORE) return at;
    if (next === BAD) throw new HttpFault(parser.flaw, this.#options.side);
    this.#phase = PHASE.hold;
    this.#sink.tookHead(parser.head);
    return next;
  }

  #content(bytes: Uint8Array, at: number, end: number): number {
    const body = this.#body;
    const found = body.read(bytes, at, end);
    switch (found) {
      case BODY.data:
        this.#uncredited += body.end - body.start;
        this.#sink.tookData(bytes, body.start, body.end);
        break;
      case BODY.trailers:
        this.#phase = PHASE.trailers;
        break;
      case BODY.done:
        this.#ends(body.at < end);
        break;
      case BODY.bad:
        throw new HttpFault(body.flaw, this.#options.side);
      case BODY.more:
    }
    return body.at;
  }

  #trailers(bytes: Uint8Array, at: number, end: number): number {
    this.#trailerParser ??= new TrailerParser(new HttpHead(), this.#options.limits);
    const parser = this.#trailerParser;
    const next = parser.parse(bytes, at, end);
    if (next === MORE) return at;
    if (next === BAD) throw new HttpFault(parser.flaw, this.#options.side);
    if (parser.head.count > 0) this.#sink.tookTrailers(parser.head);
    this.#ends(next < end);
    return next;
  }

  #ends(surplus: boolean): void {
    this.#phase = PHASE.hold;
    this.#sink.tookEnd(surplus);
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    if (start === end || this.#phase === PHASE.discard) return;
    if (this.#shelf.push(bytes, start, end)) return;
    throw new Fault("OVERLOADED", "Cannot keep what was sent ahead: there is no memory left for it", {
      scope: "conversation",
    });
  }

  #gate(): void {
    const { wire, limits } = this.#options;
    const ahead = this.#phase === PHASE.hold && this.#shelf.length >= limits.aheadBytesMax;
    const stop = ahead || this.#uncredited >= limits.windowBytes;
    if (stop === this.#paused) return;
    this.#paused = stop;
    if (stop) wire.pause();
    else wire.resume();
  }
}
