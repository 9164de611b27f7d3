/**
 * What both codecs of HTTP/1.1 have in common: an intake, an outlet, the turn that flushes it, and the guard. What a message
 * means, and what comes after it, is theirs: `ClientCodec`, `OriginCodec`.
 * Invariant: whatever goes wrong while bytes come in or go out ends in one call of `fail`.
 */
import { Fault, faultOf } from "../base/fault.ts";
import type { Budget } from "../base/byte-queue.ts";
import type { FieldBlock } from "./field-block.ts";
import type { HeadParser } from "./head-parser.ts";
import type { HttpHead } from "./head.ts";
import { Intake, type IntakeSink } from "./intake.ts";
import type { HttpLimits } from "./limits.ts";
import { Outlet } from "./outlet.ts";
import type { HttpStream, HttpStreamEvents, HttpWire, Turn, TurnTask } from "./stream.ts";

export interface CodecOptions {
  readonly wire: HttpWire;
  readonly limits: HttpLimits;
  readonly budget: Budget;
  readonly turn: Turn;
}

export abstract class Codec implements IntakeSink, TurnTask {
  protected readonly wire: HttpWire;
  protected readonly limits: HttpLimits;
  protected readonly intake: Intake;
  protected readonly outlet: Outlet;
  protected events: HttpStreamEvents = NOBODY;
  /** The wire is half-closed once everything is written. */
  #ending: "no" | "asked" | "done" = "no";
  #forGood = false;
  readonly #turn: Turn;
  #asked = false;

  constructor(parser: HeadParser, side: "client" | "server", options: CodecOptions) {
    const { wire, limits, budget, turn } = options;
    this.wire = wire;
    this.limits = limits;
    this.#turn = turn;
    this.intake = new Intake(this, parser, { wire, limits, budget, side });
    this.outlet = new Outlet(wire, limits, budget);
  }

  abstract tookHead(head: HttpHead): void;
  abstract tookData(bytes: Uint8Array, start: number, end: number): void;
  abstract tookTrailers(trailers: HttpHead): void;
  abstract tookEnd(surplus: boolean): void;
  abstract discarded(count: number): void;
  /** Ends the conversation for this reason, once. */
  abstract fail(fault: Fault): void;
  /** The peer sends no more. */
  protected abstract ends(): void;
  /** What a turn does before it writes. */
  protected abstract advance(): void;
  /** Everything is written, and the wire half-closed. */
  protected abstract finished(): void;
  protected abstract get stream(): HttpStream;

  /** The wire's `data`. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.intake.receive(bytes, start, end);
    } catch (thrown) {
      this.fail(faultOf(thrown));
    }
  }

  /** The wire's `drain`. */
  drain(): void {
    this.outlet.drain();
    this.turn();
  }

  /** The wire's `end`: the peer has half-closed. */
  ended(): void {
    try {
      this.ends();
    } catch (thrown) {
      this.fail(faultOf(thrown));
    }
  }

  turn(): void {
    this.#asked = false;
    try {
      this.advance();
      const credit = this.outlet.flush();
      if (credit > 0) this.events.credit(this.stream, credit);
      if (this.#ending === "asked" && this.outlet.empty) this.#halfClose();
    } catch (thrown) {
      this.fail(faultOf(thrown));
    }
  }

  credit(count: number): void {
    this.intake.credit(count);
  }

  protected later(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#turn.later(this);
  }

  /** Half-closes the wire behind what waits; `forGood` where the peer sends no more. */
  protected endWire(forGood = false): void {
    if (this.#ending !== "no") return;
    this.#ending = "asked";
    this.#forGood = forGood;
    this.later();
  }

  protected get wireEnded(): boolean {
    return this.#ending === "done";
  }

  /** Lets go of everything; nothing is told to the stream any more. */
  protected letGo(): HttpStreamEvents {
    const { events } = this;
    this.events = NOBODY;
    this.#ending = "done";
    this.intake.close();
    this.outlet.clear();
    return events;
  }

  #halfClose(): void {
    this.#ending = "done";
    this.wire.end(this.#forGood);
    this.finished();
  }
}

/** Who hears an exchange that is over: a late call of another part falls silent here. */
export const NOBODY: HttpStreamEvents = {
  head: ignore,
  data: ignore,
  credit: ignore,
  trailers: ignore,
  end: ignore,
  reset: ignore,
};

function ignore(_stream: HttpStream, _what?: HttpHead | Uint8Array | FieldBlock | Fault | number): void {
  // Nobody is there.
}
