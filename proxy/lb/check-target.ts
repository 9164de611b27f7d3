/**
 * The checks of one target, one after the other for as long as it is on the list: when the next one is due, and what the
 * results add up to.
 * Invariant: at most one check of a target is under way, or one timer waits.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Rng } from "../base/rng.ts";
import { type CheckRules, Streak, type Verdict } from "../upstream/health.ts";
import { Check, type CheckOrder, type CheckParts, type CheckResult } from "./check.ts";

export interface CheckPlan extends CheckRules {
  readonly order: CheckOrder;
  readonly intervalMs: number;
}

export interface TargetCheckParts extends CheckParts {
  readonly rng: Rng;
  /** A check has ended; `changed` if the verdict is another one now. */
  checked(target: TargetCheck, changed: boolean): void;
}

/** The first checks of all targets are spread over this. */
const FIRST_MS_MAX = 20;
/** The share of the interval by which the next check comes sooner or later, so that boxes do not ask in step. */
const JITTER = 0.1;
/** Between two checks that nobody waits for, and that somebody does. */
const GAP_MS_MIN = 10;
const EARLY_GAP_MS = 100;

export class TargetCheck {
  readonly upstream: string;
  readonly key: string;
  /** Checks and bad ones among them, for metrics. */
  checks = 0;
  failures = 0;
  /** Why the last one was bad; empty when it was good. */
  why = "";
  readonly #parts: TargetCheckParts;
  readonly #clock: Clock;
  readonly #streak = new Streak();
  #plan: CheckPlan;
  #timer: Timer | undefined;
  #check: Check | undefined;
  #startedMs = -Infinity;

  constructor(name: { readonly upstream: string; readonly key: string }, plan: CheckPlan, parts: TargetCheckParts) {
    this.upstream = name.upstream;
    this.key = name.key;
    this.#plan = plan;
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#later(parts.rng.next() * FIRST_MS_MAX);
  }

  get verdict(): Verdict {
    return this.#streak.verdict;
  }

  /** From the next check on. A shorter interval holds at once. */
  configure(plan: CheckPlan): void {
    const sooner = plan.intervalMs < this.#plan.intervalMs;
    this.#plan = plan;
    if (sooner && this.#check === undefined) this.#later(this.#parts.rng.next() * plan.intervalMs);
  }

  /** Somebody could not reach it. */
  early(): void {
    if (this.#check !== undefined) return;
    this.#later(Math.max(0, this.#startedMs + EARLY_GAP_MS - this.#clock.now()));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#check?.stop();
  }

  #later(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delayMs, () => this.#start());
  }

  #start(): void {
    this.#timer = undefined;
    this.#startedMs = this.#clock.now();
    this.#check = new Check(this.#parts, this.#plan.order, (result) => this.#ended(result));
  }

  #ended({ says, why }: CheckResult): void {
    this.#check = undefined;
    const { intervalMs } = this.#plan;
    const spread = 1 + JITTER * (2 * this.#parts.rng.next() - 1);
    this.#later(Math.max(GAP_MS_MIN, this.#startedMs + intervalMs * spread - this.#clock.now()));
    if (says === "void") return;
    this.checks += 1;
    if (says === "bad") this.failures += 1;
    this.why = why;
    this.#parts.checked(this, this.#streak.take(says === "good", this.#plan));
  }
}
