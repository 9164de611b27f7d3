/**
 * When one more login may be tried: a few at once, one at a time after a failure, and none for a while that grows with each
 * failure, so that a server that is down or refuses us is not stormed. It opens nothing itself.
 * Invariant: after a failure no login begins before the delay is over, and until one has succeeded only one is under way.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";

const AT_ONCE_MAX = 4;
export const RETRY_MS_MIN = 50;
export const RETRY_MS_MAX = 10_000;

export class LoginLane {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #opened: () => void;
  #underWay = 0;
  #failures = 0;
  #rest: Timer | undefined;
  #reason: Fault | undefined;

  /** `opened` hears when a delay is over. */
  constructor(clock: Clock, rng: Rng, opened: () => void) {
    this.#clock = clock;
    this.#rng = rng;
    this.#opened = opened;
  }

  get isOpen(): boolean {
    return this.#rest === undefined && this.#underWay < (this.#reason === undefined ? AT_ONCE_MAX : 1);
  }

  /** Why the last login failed; undefined since one has succeeded. */
  get reason(): Fault | undefined {
    return this.#reason;
  }

  begun(): void {
    this.#underWay += 1;
  }

  succeeded(): void {
    this.#underWay -= 1;
    this.#failures = 0;
    this.#reason = undefined;
    this.clear();
  }

  /** It has failed for a reason that the next one will not have. */
  undone(): void {
    this.#underWay -= 1;
  }

  failed(reason: Fault): void {
    this.#underWay -= 1;
    this.#reason = reason;
    // Those that were under way together fail together, and count once.
    if (this.#rest !== undefined) return;
    const fullMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** this.#failures);
    this.#failures += 1;
    this.#rest = this.#clock.after(fullMs * (0.5 + 0.5 * this.#rng.next()), () => {
      this.#rest = undefined;
      this.#opened();
    });
  }

  /** The next login may be tried at once: somebody knows that things have changed, or nobody will try again. */
  clear(): void {
    this.#rest?.cancel();
    this.#rest = undefined;
  }
}
