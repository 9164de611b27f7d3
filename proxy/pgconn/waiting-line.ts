/**
 * Who waits for a link, in the order they came. Each waiter has one `Ticket` for its whole life, so that joining, leaving
 * from the middle and being served cost no allocation and no search.
 * Invariants: a ticket stands in at most one line; a line serves strictly in order.
 */
import { assert } from "../base/assert.ts";

export class Ticket<W> {
  readonly holder: W;
  /** When it joined the line, by the clock. */
  sinceMs = 0;
  line: WaitingLine<W> | undefined;
  next: Ticket<W> | undefined;
  previous: Ticket<W> | undefined;

  constructor(holder: W) {
    this.holder = holder;
  }

  get waits(): boolean {
    return this.line !== undefined;
  }
}

/** How many stand in several lines together. */
export interface Crowd {
  count: number;
}

export class WaitingLine<W> {
  readonly #crowd: Crowd;
  #first: Ticket<W> | undefined;
  #last: Ticket<W> | undefined;
  #length = 0;

  constructor(crowd: Crowd = { count: 0 }) {
    this.#crowd = crowd;
  }

  get length(): number {
    return this.#length;
  }

  /** The one that came first. */
  get first(): Ticket<W> | undefined {
    return this.#first;
  }

  join(ticket: Ticket<W>, nowMs: number): void {
    assert(ticket.line === undefined, "Cannot join a line: the ticket stands in one");
    ticket.line = this;
    ticket.sinceMs = nowMs;
    ticket.previous = this.#last;
    if (this.#last === undefined) this.#first = ticket;
    else this.#last.next = ticket;
    this.#last = ticket;
    this.#length += 1;
    this.#crowd.count += 1;
  }

  /** False when it does not stand in this line. */
  leave(ticket: Ticket<W>): boolean {
    if (ticket.line !== this) return false;
    if (ticket.previous === undefined) this.#first = ticket.next;
    else ticket.previous.next = ticket.next;
    if (ticket.next === undefined) this.#last = ticket.previous;
    else ticket.next.previous = ticket.previous;
    ticket.line = undefined;
    ticket.next = undefined;
    ticket.previous = undefined;
    this.#length -= 1;
    this.#crowd.count -= 1;
    return true;
  }

  /** All who stand here have waited since now. */
  restamp(nowMs: number): void {
    for (let ticket = this.#first; ticket !== undefined; ticket = ticket.next) ticket.sinceMs = nowMs;
  }

  /** Takes the first out. */
  shift(): Ticket<W> | undefined {
    const first = this.#first;
    if (first !== undefined) this.leave(first);
    return first;
  }
}
