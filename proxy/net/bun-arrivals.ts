/**
 * Looks for the first bytes of wires that nobody reads yet. Bun tells of bytes only by reading them, and TLS cannot start
 * once its first bytes were read: so the kernel is asked, at once and then ever more seldom. A wire is seen at the latest
 * after twice the time that its peer took; a thousand silent ones cost about four thousand system calls a second.
 * Invariant: a wire is looked at only while it is watched, so that a descriptor used anew is never taken for an old one.
 */
import type { Clock } from "../base/clock.ts";

/** Looks each level takes before it hands a wire to the next, which looks half as often. */
const LOOKS_PER_LEVEL = 2;
/** Level n looks every 2ⁿ milliseconds. */
const LEVEL_MAX = 8;

export interface Arriving {
  /** False when there is no need to look again. */
  look(): boolean;
}

interface Level {
  readonly looks: Map<Arriving, number>;
  ticking: boolean;
}

export class Arrivals {
  readonly #clock: Clock;
  readonly #levels: readonly Level[] = Array.from({ length: LEVEL_MAX + 1 }, () => ({
    looks: new Map<Arriving, number>(),
    ticking: false,
  }));

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wires are watched. */
  get waiting(): number {
    return this.#levels.reduce((sum, { looks }) => sum + looks.size, 0);
  }

  watch(one: Arriving): void {
    this.#clock.after(0, () => this.#lookFirst(one));
    this.#levels[0]?.looks.set(one, 0);
  }

  forget(one: Arriving): void {
    for (const { looks } of this.#levels) if (looks.delete(one)) return;
  }

  #lookFirst(one: Arriving): void {
    const level = this.#levels[0];
    if (level === undefined || !level.looks.has(one)) return;
    if (one.look()) this.#tick(0);
    else level.looks.delete(one);
  }

  #tick(index: number): void {
    const level = this.#levels[index];
    if (level === undefined || level.ticking || level.looks.size === 0) return;
    level.ticking = true;
    this.#clock.after(2 ** index, () => {
      level.ticking = false;
      for (const [one, looks] of [...level.looks]) if (level.looks.has(one)) this.#lookAgain(index, one, looks + 1);
      this.#tick(index);
    });
  }

  #lookAgain(index: number, one: Arriving, looks: number): void {
    const level = this.#levels[index];
    const above = this.#levels[index + 1];
    const stays = looks < LOOKS_PER_LEVEL || above === undefined;
    if (!one.look()) this.forget(one);
    else if (stays) level?.looks.set(one, looks);
    else {
      level?.looks.delete(one);
      above.looks.set(one, 0);
      this.#tick(index + 1);
    }
  }
}
