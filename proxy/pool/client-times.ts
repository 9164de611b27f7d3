/** How long a client's queries and transactions take. The clock is read twice for each: where it begins to wait, and ends. */
import type { Clock } from "../base/clock.ts";
import type { Traffic } from "./traffic.ts";

export class ClientTimes {
  /** When the last request began; when the client came, before it has asked for anything. */
  requestedMs: number;
  readonly #clock: Clock;
  readonly #traffic: Traffic;
  #isAsking = false;
  #isInside = false;
  #xactMs = 0;

  constructor(clock: Clock, traffic: Traffic) {
    this.#clock = clock;
    this.#traffic = traffic;
    this.requestedMs = clock.now();
  }

  /** Answers are outstanding. */
  begun(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.requestedMs = this.#clock.now();
    if (!this.#isInside) this.#xactMs = this.requestedMs;
    this.#isInside = true;
  }

  /** None is outstanding any more; `isIdle`: the transaction is over too. */
  settled(isIdle: boolean): void {
    if (!this.#isAsking) return;
    this.#isAsking = false;
    const now = this.#clock.now();
    this.#traffic.queryMs += now - this.requestedMs;
    if (!isIdle) return;
    this.#isInside = false;
    this.#traffic.xactMs += now - this.#xactMs;
  }
}
