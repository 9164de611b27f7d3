/**
 * Time that stands still until it is told to pass: the `Clock` of simulations and unit tests. Timers run in the order of
 * their due times, those of one moment in the order they were set, and see the time they were due at.
 * Invariant: `now` never goes back, and no timer runs within the call that sets it.
 */
import type { Clock, Timer } from "../../proxy/base/clock.ts";

/** What `wall` says when `now` is 0; any fixed moment will do. */
const WALL_AT_START = Date.UTC(2030, 0, 1);
/** A timer that sets itself again without delay would never let time pass. */
const TIMERS_AT_ONCE_MAX = 100_000;

interface Alarm {
  readonly order: number;
  readonly run: () => void;
  readonly periodMs: number | undefined;
  dueMs: number;
}

export class FakeClock implements Clock {
  readonly #alarms = new Set<Alarm>();
  #nowMs = 0;
  #orders = 0;

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return WALL_AT_START + this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#set(delayMs, run, undefined);
  }

  every(periodMs: number, run: () => void): Timer {
    if (!(periodMs > 0)) throw new RangeError(`Cannot repeat every ${periodMs} ms`);
    return this.#set(periodMs, run, periodMs);
  }

  /** How many timers wait; a test that ends asks whether any was forgotten. */
  get waiting(): number {
    return this.#alarms.size;
  }

  /** When the next timer is due, in the time of `now`; undefined when none waits. */
  get nextMs(): number | undefined {
    return this.#next()?.dueMs;
  }

  /** Lets time pass, and runs what falls due on the way, also what is set on the way. 0 runs what is due now. */
  advance(ms: number): void {
    const targetMs = this.#targetMs(ms);
    for (let ran = 0; this.#runNext(targetMs); ran += 1) stopEndless(ran, this.#nowMs);
    this.#nowMs = targetMs;
  }

  /** As `advance`, but waits before and after each timer until every promise that can settle has settled. */
  async advanceAsync(ms: number): Promise<void> {
    const targetMs = this.#targetMs(ms);
    await turn();
    for (let ran = 0; this.#runNext(targetMs); ran += 1) {
      stopEndless(ran, this.#nowMs);
      await turn();
    }
    this.#nowMs = targetMs;
  }

  #set(delayMs: number, run: () => void, periodMs: number | undefined): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`Cannot wait ${delayMs} ms`);
    this.#orders += 1;
    const alarm: Alarm = { order: this.#orders, run, periodMs, dueMs: this.#nowMs + delayMs };
    this.#alarms.add(alarm);
    return { cancel: () => void this.#alarms.delete(alarm) };
  }

  #targetMs(ms: number): number {
    if (!(ms >= 0)) throw new RangeError(`Cannot advance by ${ms} ms`);
    return this.#nowMs + ms;
  }

  /** False when nothing is due by then. */
  #runNext(targetMs: number): boolean {
    const alarm = this.#next();
    if (alarm === undefined || alarm.dueMs > targetMs) return false;
    this.#nowMs = Math.max(this.#nowMs, alarm.dueMs);
    if (alarm.periodMs === undefined) this.#alarms.delete(alarm);
    else alarm.dueMs += alarm.periodMs;
    alarm.run();
    return true;
  }

  #next(): Alarm | undefined {
    let next: Alarm | undefined;
    for (const alarm of this.#alarms) {
      const sooner = next === undefined || alarm.dueMs < next.dueMs;
      if (sooner || (alarm.dueMs === next?.dueMs && alarm.order < next.order)) next = alarm;
    }
    return next;
  }
}

/** Resolves when every promise that could settle without time or input has settled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function stopEndless(ran: number, nowMs: number): void {
  if (ran >= TIMERS_AT_ONCE_MAX) throw new Error(`Cannot advance past ${nowMs} ms: ${ran} timers ran on the way`);
}
