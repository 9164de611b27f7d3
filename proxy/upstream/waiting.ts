/**
 * Those that wait for a target, the longest first, and bounded. A place is a link that its waiter keeps for its whole life,
 * so that waiting makes nothing, and leaving from the middle costs no search.
 * Invariant: a place stands in at most one queue, and is called at most once for each time it was put there.
 */
import { assert } from "../base/assert.ts";

export interface Waiter {
  /** There may be a target now. It no longer waits, and may wait again. */
  targetReady(): void;
  /** It has waited too long, and no longer waits. */
  targetLate(): void;
}

export class Place {
  readonly waiter: Waiter;
  /** For `Waiting` alone. */
  queue: Waiting | undefined;
  next: Place | undefined;
  before: Place | undefined;
  untilMs = 0;

  constructor(waiter: Waiter) {
    this.waiter = waiter;
  }

  get waits(): boolean {
    return this.queue !== undefined;
  }

  /** Harmless when it does not wait. */
  leave(): void {
    this.queue?.leave(this);
  }
}

export class Waiting {
  /** Most that may wait; those that do already stay when it becomes less. */
  placesMax: number;
  #first: Place | undefined;
  #last: Place | undefined;
  #length = 0;

  constructor(placesMax: number) {
    this.placesMax = placesMax;
  }

  get length(): number {
    return this.#length;
  }

  /** `untilMs` is a moment by the clock, for `sweep`. */
  join(place: Place, untilMs: number): "waiting" | "full" {
    assert(place.queue === undefined, "Cannot wait: it does already");
    if (this.#length >= this.placesMax) return "full";
    place.queue = this;
    place.untilMs = untilMs;
    place.before = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.#length += 1;
    return "waiting";
  }

  leave(place: Place): void {
    assert(place.queue === this, "Cannot leave: it waits elsewhere");
    if (place.before === undefined) this.#first = place.next;
    else place.before.next = place.next;
    if (place.next === undefined) this.#last = place.before;
    else place.next.before = place.before;
    place.queue = undefined;
    place.next = undefined;
    place.before = undefined;
    this.#length -= 1;
  }

  /** Calls all that wait now, the longest first; whoever waits again meanwhile is not called twice. */
  wake(): void {
    for (let left = this.#length; left > 0 && this.#first !== undefined; left -= 1) {
      const place = this.#first;
      this.leave(place);
      place.waiter.targetReady();
    }
  }

  /** Sends away all whose time is over. */
  sweep(nowMs: number): void {
    let place = this.#first;
    for (let left = this.#length; left > 0 && place !== undefined; left -= 1) {
      const { next } = place;
      if (place.untilMs <= nowMs) {
        this.leave(place);
        place.waiter.targetLate();
      }
      // The one behind may have left when the one before it was told.
      place = next === undefined || next.queue === this ? next : this.#first;
    }
  }
}
