/**
 * Time, handed in. Nothing in `proxy` reads a clock of its own, so that a whole role runs in a simulation.
 * The real one is `src/run/clock.ts`, the fake one `test/kit/clock.ts`.
 */
export interface Clock {
  /** Monotonic milliseconds since some fixed moment; never goes back. Fractions are kept. */
  now(): number;
  /** Milliseconds since 1970 UTC, for logs and for what leaves the process. */
  wall(): number;
  /** Runs once after `delayMs`; 0 means on a later turn, never within this call. */
  after(delayMs: number, run: () => void): Timer;
  /** Runs every `periodMs` until cancelled. */
  every(periodMs: number, run: () => void): Timer;
}

export interface Timer {
  /** Harmless when it has already fired or been cancelled. */
  cancel(): void;
}
