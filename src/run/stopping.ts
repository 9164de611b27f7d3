/**
 * The order in which a box ends. Behind a front: the lb takes nothing new and finishes what it has while the workers behind
 * it still serve; then those, then what they use (the pool), then the steward. All of it within one drain timeout.
 */
import type { Clock } from "../../proxy/base/clock.ts";
import type { ChildHandle } from "./child-handle.ts";

export interface Stopping {
  readonly clock: Clock;
  readonly drainMs: number;
  /** The crew whose workers stand behind the front, if there is one. */
  readonly behind: string | undefined;
  workers(crew: string): readonly ChildHandle[];
  /** Workers of any crew. */
  others(): readonly ChildHandle[];
  stewards(): readonly ChildHandle[];
}

/**
 * What of the drain time is left to the workers behind the front when the lb does not get empty: time to say goodbye to
 * WebSockets, which end only when they are told to.
 */
const GOODBYE_SHARE = 0.1;
const GOODBYE_MS_MAX = 1_000;

export async function stopInOrder(stopping: Stopping): Promise<void> {
  const { clock, drainMs, behind } = stopping;
  const until = clock.now() + drainMs;
  const leftMs = (): number => Math.max(0, until - clock.now());
  if (behind !== undefined) {
    const goodbyeMs = Math.min(GOODBYE_MS_MAX, drainMs * GOODBYE_SHARE);
    const front = Promise.all(stopping.workers("lb").map((child) => child.end(drainMs)));
    await orAfter(clock, front, drainMs - goodbyeMs);
    // Half of what is left, so that the lb sees the goodbyes before its own time is up.
    await Promise.all(stopping.workers(behind).map((child) => child.end(leftMs() / 2)));
    await front;
  }
  await Promise.all(stopping.others().map((child) => child.end(leftMs())));
  await Promise.all(stopping.stewards().map((child) => child.end(0)));
}

/** Resolves when `done` does, or when that time has passed. */
export async function orAfter(clock: Clock, done: Promise<unknown>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = clock.after(ms, late.resolve);
  try {
    await Promise.race([done, late.promise]);
  } finally {
    timer.cancel();
  }
}
