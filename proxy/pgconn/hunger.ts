/**
 * While somebody waits and no place of a limit is free: looks again every few milliseconds, because the place that another
 * process gives back makes no sound here, and says so to who may help, first soon and then ever more rarely.
 * Invariant: while it is off it costs nothing.
 */
import type { Clock, Timer } from "../base/clock.ts";

export interface HungerActs {
  /** Look whether there is a place now. */
  retry(): void;
  /** Ask the others for one. */
  tell(): void;
}

const RETRY_MS = 10;
const TELL_MS_FIRST = 20;
const TELL_MS_MAX = 1_000;

export class Hunger {
  readonly #clock: Clock;
  readonly #acts: HungerActs;
  #timer: Timer | undefined;
  #tellMs = TELL_MS_FIRST;
  #tellAtMs = 0;

  constructor(clock: Clock, acts: HungerActs) {
    this.#clock = clock;
    this.#acts = acts;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  begin(): void {
    if (this.#timer !== undefined) return;
    this.#tellMs = TELL_MS_FIRST;
    this.#tellAtMs = this.#clock.now() + this.#tellMs;
    this.#timer = this.#clock.every(RETRY_MS, () => this.#again());
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #again(): void {
    this.#acts.retry();
    if (this.#timer === undefined || this.#clock.now() < this.#tellAtMs) return;
    this.#tellMs = Math.min(TELL_MS_MAX, this.#tellMs * 2);
    this.#tellAtMs = this.#clock.now() + this.#tellMs;
    this.#acts.tell();
  }
}
