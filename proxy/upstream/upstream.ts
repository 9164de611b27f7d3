/**
 * The servers that can stand in for each other: a set of targets, who of them may be used, and who is next. It moves every
 * target: by verdicts of checks, by connects that failed or succeeded, by a new list. It dials nothing and keeps no timer.
 * Invariants: `pick` never answers a target that leaves, is down, has no weight or was tried; ejection alone never leaves
 * nobody, for when all that are not down rest, all of them are used.
 */
import { formatAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { Rng } from "../base/rng.ts";
import { type Balance, type BalanceName, leastBusyOf, makeBalance } from "./balance.ts";
import { type EjectionRules, restMs } from "./ejection.ts";
import type { Verdict, Verdicts } from "./health.ts";
import { type Leaver, type Listed, Target } from "./target.ts";
import type { Tries } from "./tries.ts";
import { Waiting } from "./waiting.ts";

/** "none": nobody may be used, wait or give up. "tried": all who may be used were tried already. */
export type Picked<Own> = Target<Own> | "none" | "tried";

export interface UpstreamKnobs {
  readonly balance: BalanceName;
  /** Most that wait for a target. */
  readonly queueMax: number;
}

export interface UpstreamParts<Own> {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly ejection: EjectionRules;
  /** What its owner hangs on a new target. */
  readonly own: (listed: Listed) => Own;
  readonly leaver: Leaver<Own>;
}

export class Upstream<Own = unknown> {
  readonly name: string;
  /** Who waits for a target; they are woken when there is one. */
  readonly waiting: Waiting;
  readonly #parts: UpstreamParts<Own>;
  #balance: Balance<Own>;
  #balanceName: BalanceName;
  #targets: Target<Own>[] = [];
  #usable: Target<Own>[] = [];
  /** Ejected, or on trial; all of a weight. */
  #resting: Target<Own>[] = [];
  /** When the first of those may be tried, by the clock. */
  #restsUntilMs = Infinity;
  #verdicts: Verdicts = {};

  constructor(name: string, knobs: UpstreamKnobs, parts: UpstreamParts<Own>) {
    this.name = name;
    this.#parts = parts;
    this.#balanceName = knobs.balance;
    this.#balance = makeBalance(knobs.balance, parts.rng);
    this.waiting = new Waiting(knobs.queueMax);
  }

  /** All that are not leaving, in the order of the list. */
  get targets(): readonly Target<Own>[] {
    return this.#targets;
  }

  /** How many may be used now, those that rest left out. */
  get usable(): number {
    return this.#usable.length;
  }

  /** After a reload. */
  configure(knobs: UpstreamKnobs): void {
    this.waiting.placesMax = knobs.queueMax;
    if (knobs.balance === this.#balanceName) return;
    this.#balanceName = knobs.balance;
    this.#balance = makeBalance(knobs.balance, this.#parts.rng);
    this.#balance.use(this.#usable);
  }

  /** The next target for work that was given to those of `tried` before. The caller calls `take` and `give` on it. */
  pick(tried: Tries<Own>): Picked<Own> {
    const target = this.#restsUntilMs === Infinity ? this.#balance.pick(tried) : this.#pickMindingRest(tried);
    if (target === undefined) return this.#usable.length === 0 && this.#resting.length === 0 ? "none" : "tried";
    target.picks += 1;
    return target;
  }

  /** A connect to it succeeded, or a connection that stood already has answered. */
  connected(target: Target<Own>): void {
    if (target.failures === 0) return;
    target.failures = 0;
    if (target.state.is("ejected") || target.state.is("trial")) this.#move(target, "up");
  }

  /**
   * A connect to it failed, or its TLS did: it rests, longer each time. Answers whether its rest begins now, which is worth
   * a report. What failed beside that, at the same time or because all rest, says nothing new.
   */
  failed(target: Target<Own>): boolean {
    const { clock, rng, ejection } = this.#parts;
    const { state } = target;
    target.connectsFailed += 1;
    if (!state.can("ejected") && !state.is("ejected")) return false;
    const nowMs = clock.now();
    if (state.is("ejected") && nowMs < target.restsUntilMs) return false;
    target.failures += 1;
    target.ejections += 1;
    target.restsUntilMs = nowMs + restMs(target.failures, ejection, rng);
    if (!state.is("ejected")) state.go("ejected");
    this.#sort();
    return true;
  }

  /** What the checks say, whole; it holds for targets of later lists, too. */
  judge(verdicts: Verdicts): void {
    this.#verdicts = verdicts;
    for (const target of this.#targets) this.#obey(target, verdicts[target.key] ?? "untried");
    this.#sort();
  }

  /**
   * A new list. Those that stay keep their state and counts; those that are not on it, or stand at another address, leave.
   * A key that is there twice is one target with both weights.
   */
  retarget(list: readonly Listed[]): void {
    const before = new Map(this.#targets.map((target) => [target.key, target]));
    const after = new Map<string, Target<Own>>();
    for (const listed of list) {
      const twin = after.get(listed.key);
      const target = twin ?? this.#same(before.get(listed.key), listed) ?? this.#born(listed);
      target.weight = listed.weight + (twin === undefined ? 0 : twin.weight);
      after.set(listed.key, target);
    }
    this.#targets = [...after.values()];
    this.#sort();
    for (const target of before.values()) if (after.get(target.key) !== target) target.leave();
  }

  #same(target: Target<Own> | undefined, { address }: Listed): Target<Own> | undefined {
    return target !== undefined && formatAddress(target.address) === formatAddress(address) ? target : undefined;
  }

  #born(listed: Listed): Target<Own> {
    const { leaver, own } = this.#parts;
    const target = new Target<Own>(listed, leaver, own);
    this.#obey(target, this.#verdicts[listed.key] ?? "untried");
    return target;
  }

  /** A check that goes on saying "up" does not end a rest; one that says it anew does, by way of "down". */
  #obey({ state }: Target<Own>, verdict: Verdict): void {
    const rests = state.is("ejected") || state.is("trial");
    if (state.is(verdict) || (rests && verdict !== "down")) return;
    state.go(verdict);
  }

  #move(target: Target<Own>, to: "up" | "trial"): void {
    target.state.go(to);
    this.#sort();
  }

  /** Puts every target where its state says; then there may be one for those that wait. */
  #sort(): void {
    const weighty = this.#targets.filter((target) => target.weight > 0);
    this.#resting = weighty.filter(({ state }) => state.is("ejected") || state.is("trial"));
    this.#restsUntilMs = Infinity;
    for (const { restsUntilMs } of this.#resting) this.#restsUntilMs = Math.min(this.#restsUntilMs, restsUntilMs);
    this.#usable = weighty.filter(({ state }) => state.is("up") || state.is("untried"));
    this.#balance.use(this.#usable);
    if (this.waiting.length > 0 && this.#usable.length + this.#resting.length > 0) this.waiting.wake();
  }

  #pickMindingRest(tried: Tries<Own>): Target<Own> | undefined {
    if (this.#parts.clock.now() >= this.#restsUntilMs) {
      const rested = this.#rested(tried);
      if (rested !== undefined) return rested;
    }
    const { rng } = this.#parts;
    return this.#usable.length > 0 ? this.#balance.pick(tried) : leastBusyOf(this.#resting, tried, rng);
  }

  /** One that has rested enough is on trial with this pick. */
  #rested(tried: Tries<Own>): Target<Own> | undefined {
    const nowMs = this.#parts.clock.now();
    for (const target of this.#resting) {
      if (!target.state.is("ejected") || target.restsUntilMs > nowMs || tried.has(target)) continue;
      target.state.go("trial");
      return target;
    }
    return undefined;
  }
}
