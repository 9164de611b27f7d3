/**
 * Whether work that failed is tried once more, and where. Nothing is done twice that may not be: what a server may have
 * begun is repeated only if its method allows that (RFC 9110 §9.2.2) and all of it can be said again. And retries never
 * become a storm: they are a small share of the work, above a floor.
 */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Fault, FaultCode } from "../base/fault.ts";
import { TRIES_MAX } from "./tries.ts";

/** An exchange, as the policy sees it. */
export interface Repeatable {
  /** How many targets it was given. */
  readonly tries: number;
  /** RFC 9110 §9.2.2. */
  readonly idempotent: boolean;
  /** Whether any byte of it may have left for the server. */
  readonly sent: boolean;
  /** Whether all that was taken from the client is still there to be sent again. */
  readonly replayable: boolean;
  /** Whether any byte of an answer went to the client. */
  readonly answered: boolean;
}

/** "same": the same target may be asked again, too. */
export type Retry = "same" | "elsewhere" | "never";

export interface RetryRules {
  /** Retries per request in the long run. */
  readonly share: number;
  /** So many a second are always free. */
  readonly floorPerSecond: number;
  /** Most that can be saved up. */
  readonly savedMax: number;
}

export const RETRY: RetryRules = { share: 0.2, floorPerSecond: 10, savedMax: 100 };

/** What the server may have begun to do, and a second one can do instead. */
const BROKEN = { SERVER_GONE: true } as const satisfies { readonly [code in FaultCode]?: true };

/** Without asking the budget. */
export function mayRetry(fault: Fault, work: Repeatable): Retry {
  if (fault.side !== "server" || fault.scope !== "exchange") return "never";
  if (work.answered || !work.replayable || work.tries >= TRIES_MAX) return "never";
  if (!work.sent) return fault.retry === "never" && fault.code in BROKEN ? "same" : fault.retry;
  return work.idempotent && fault.code in BROKEN ? "elsewhere" : "never";
}

/** What may be spent on retries. One per upstream and worker. */
export class RetryBudget {
  readonly #rules: RetryRules;
  readonly #clock: Clock;
  readonly #costOfRetry: number;
  readonly #savedMax: number;
  #saved: number;
  #filledMs: number;
  /** Retries that were not tried for want of it, for metrics. */
  refused = 0;

  constructor(rules: RetryRules, clock: Clock) {
    assert(rules.share > 0 && rules.share <= 1, "Cannot make a retry budget: the share is not between 0 and 1");
    this.#rules = rules;
    this.#clock = clock;
    this.#costOfRetry = 1 / rules.share;
    this.#savedMax = rules.savedMax * this.#costOfRetry;
    this.#saved = rules.floorPerSecond * this.#costOfRetry;
    this.#filledMs = clock.now();
  }

  /** For every request, once. */
  request(): void {
    if (this.#saved < this.#savedMax) this.#saved += 1;
  }

  /** Whether a retry may be paid; if so it is. */
  spend(): boolean {
    this.#fill();
    if (this.#saved < this.#costOfRetry) {
      this.refused += 1;
      return false;
    }
    this.#saved -= this.#costOfRetry;
    return true;
  }

  #fill(): void {
    const nowMs = this.#clock.now();
    const free = ((nowMs - this.#filledMs) / 1_000) * this.#rules.floorPerSecond * this.#costOfRetry;
    this.#filledMs = nowMs;
    // The floor alone does not save up more than a second of itself.
    const floor = this.#rules.floorPerSecond * this.#costOfRetry;
    if (this.#saved < floor) this.#saved = Math.min(floor, this.#saved + free);
  }
}
