/**
 * A client that there is no room for: it is told so in a few bytes, without a codec, and closed soon.
 */
import type { Wire, WireEvents } from "../net/wire.ts";

const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nX-Scale-Fault: OVERLOADED\r\n" +
    "Retry-After: 1\r\nConnection: close\r\nContent-Length: 15\r\n\r\n503 OVERLOADED\n",
);
/** So long it may take to read that. */
export const TURNED_AWAY_MS = 1_000;
/** Most that are told at once; the others are closed. */
export const TURNED_AWAY_MAX = 256;

export class TurnedAway implements WireEvents {
  readonly #wire: Wire;
  readonly #untilMs: number;
  readonly #ended: (one: TurnedAway) => void;
  #said = 0;

  constructor(wire: Wire, nowMs: number, ended: (one: TurnedAway) => void) {
    this.#wire = wire;
    this.#untilMs = nowMs + TURNED_AWAY_MS;
    this.#ended = ended;
    this.drain();
  }

  sweep(nowMs: number): void {
    if (nowMs >= this.#untilMs) this.#wire.close();
  }

  abort(): void {
    this.#wire.close();
  }

  data(): void {
    // What it asks for is not read; that it is taken lets the answer arrive.
  }

  /** Says what is not said yet. */
  drain(): void {
    const left = ANSWER.length - this.#said;
    if (left === 0) return;
    const taken = this.#wire.write(ANSWER, this.#said, ANSWER.length);
    if (taken > 0) this.#said += taken;
    if (taken === left) this.#wire.end();
  }

  end(): void {
    // The wire closes by itself.
  }

  close(): void {
    this.#ended(this);
  }
}
