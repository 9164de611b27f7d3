/**
 * Leases kept in memory, on a fake clock: `FakeLeases` is what all boxes see, `of(holder)` what one of them does.
 * Invariant: the token of a name grows with every holder that was not the one before, and is kept by one that renews.
 */
import type { Clock } from "../../proxy/base/clock.ts";
import type { Leases } from "../../proxy/base/lease.ts";

interface Held {
  holder: string | undefined;
  token: number;
  untilMs: number;
}

export class FakeLeases {
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(holder: string): Leases {
    return {
      acquire: (name, ttlMs) => {
        const held = this.#take(name, holder, ttlMs);
        if (held === undefined) return Promise.resolve(undefined);
        const { token } = held;
        return Promise.resolve({ token, release: () => Promise.resolve(release(held, token)) });
      },
    };
  }

  /** Who holds it now. */
  holder(name: string): string | undefined {
    const held = this.#held.get(name);
    return held !== undefined && held.untilMs > this.#clock.now() ? held.holder : undefined;
  }

  #take(name: string, holder: string, ttlMs: number): Held | undefined {
    const now = this.#clock.now();
    const held = this.#held.get(name) ?? { holder: undefined, token: 0, untilMs: now };
    this.#held.set(name, held);
    const expired = held.untilMs <= now;
    if (!expired && held.holder !== holder) return undefined;
    if (expired || held.holder !== holder) held.token += 1;
    held.holder = holder;
    held.untilMs = now + ttlMs;
    return held;
  }
}

/** Of a lease that someone else has taken meanwhile, nothing. */
function release(held: Held, token: number): void {
  if (held.token === token) held.untilMs = 0;
}
