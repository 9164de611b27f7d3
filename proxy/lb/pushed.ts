/**
 * The servers of an app's front, which its keeper knows: it pushes the list whole, and it may ask to be told when nothing is
 * in flight any more to one that leaves. What comes over the channel is looked at before it is used.
 */
import type { Clock } from "../base/clock.ts";
import type { Listed, Target } from "../upstream/target.ts";
import type { Group, Server } from "./groups.ts";

/** Keeper to workers, as a push and as a command. */
export const TARGETS = "targets";
/** Keeper to workers, a command: answered when that target is idle, or at the deadline. */
export const TARGETS_IDLE = "targets-idle";

export interface TargetsPush {
  /** Grows with every push. */
  readonly version: number;
  readonly targets: readonly PushedTarget[];
}

export interface PushedTarget {
  readonly key: string;
  /** Of its unix socket. */
  readonly path: string;
  readonly state: "active" | "leaving";
}

export class Pushed {
  readonly #clock: Clock;
  readonly #groups: () => Iterable<Group>;
  #version = -1;
  #list: readonly Listed[] = [];
  /** Those that leave and have something in flight that is no tunnel, and who waits for that. */
  readonly #busy = new Map<string, (() => void)[]>();

  constructor(clock: Clock, groups: () => Iterable<Group>) {
    this.#clock = clock;
    this.#groups = groups;
  }

  /** What is older than what is known changes nothing. */
  take(state: unknown): void {
    const push = targetsPushOf(state);
    if (push === undefined || push.version < this.#version) return;
    this.#version = push.version;
    this.#list = push.targets
      .filter((target) => target.state === "active")
      .map(({ key, path }) => ({ key, address: { path }, weight: 1 }));
    for (const group of this.#groups()) if (group.setup.servers === "pushed") this.apply(group);
  }

  /** The list, for a group that came later than it. */
  apply(group: Group): void {
    const { upstream } = group;
    const stays = new Set(this.#list.map(({ key }) => key));
    for (const target of upstream.targets) {
      if (!stays.has(target.key) && target.inFlight > target.tunnels) this.#busy.set(target.key, []);
    }
    upstream.retarget(this.#list);
  }

  /** For `Leaver.idle`. */
  idle({ key }: Target<Server>): void {
    const waiting = this.#busy.get(key) ?? [];
    this.#busy.delete(key);
    for (const resolve of waiting) resolve();
  }

  /** Resolves when nothing but tunnels is in flight to that target, at the latest after `deadlineMs`. */
  async whenIdle(argument: unknown): Promise<void> {
    const wish = idleWishOf(argument);
    const waiting = wish === undefined ? undefined : this.#busy.get(wish.key);
    if (wish === undefined || waiting === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    const timer = this.#clock.after(wish.deadlineMs, resolve);
    await promise;
    timer.cancel();
  }
}

function targetsPushOf(state: unknown): TargetsPush | undefined {
  if (!isTable(state) || typeof state["version"] !== "number" || !Array.isArray(state["targets"])) return undefined;
  const targets: readonly unknown[] = state["targets"];
  return targets.every(isTarget) ? { version: state["version"], targets } : undefined;
}

function isTarget(value: unknown): value is PushedTarget {
  if (!isTable(value)) return false;
  const { key, path, state } = value;
  return typeof key === "string" && typeof path === "string" && (state === "active" || state === "leaving");
}

function idleWishOf(argument: unknown): { readonly key: string; readonly deadlineMs: number } | undefined {
  if (!isTable(argument)) return undefined;
  const { key, deadlineMs } = argument;
  return typeof key === "string" && typeof deadlineMs === "number" ? { key, deadlineMs } : undefined;
}

function isTable(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
