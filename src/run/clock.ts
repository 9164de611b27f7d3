/**
 * The real clock: the runtime's monotonic clock and timers behind `Clock` (proxy/base/clock.ts). Not for tests of roles,
 * which run on `test/kit/clock.ts`. Its one invariant over the runtime's timers: a delay of any length is kept.
 */
import type { Clock, Timer } from "../../proxy/base/clock.ts";

/** The runtime fires at once when it is asked to wait longer than a signed 32-bit number of milliseconds. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

export const clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, run) {
    return new LongTimer(lengthOf(delayMs), run);
  },
  every(periodMs, run) {
    const timer = setInterval(run, Math.min(Math.max(lengthOf(periodMs), 1), TIMEOUT_MAX_MS));
    return { cancel: () => clearInterval(timer) };
  },
};

/** Waits in pieces that the runtime can count. */
class LongTimer implements Timer {
  #leftMs: number;
  #timer: ReturnType<typeof setTimeout>;
  readonly #run: () => void;

  constructor(delayMs: number, run: () => void) {
    this.#leftMs = delayMs;
    this.#run = run;
    this.#timer = this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  #arm(): ReturnType<typeof setTimeout> {
    const pieceMs = Math.min(this.#leftMs, TIMEOUT_MAX_MS);
    this.#leftMs -= pieceMs;
    return setTimeout(() => this.#fire(), pieceMs);
  }

  #fire(): void {
    if (this.#leftMs > 0) this.#timer = this.#arm();
    else this.#run();
  }
}

function lengthOf(ms: number): number {
  if (Number.isNaN(ms)) throw new RangeError("Cannot wait: the delay is not a number");
  return Math.max(ms, 0);
}
