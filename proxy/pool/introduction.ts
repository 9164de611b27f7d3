/**
 * Has a link opened and given back at once, for a client that comes before any: what the server says of itself is what the
 * client is welcomed with, and why the server refuses us is what the client hears.
 */
import type { Fault } from "../base/fault.ts";
import type { Link } from "../pgconn/link.ts";
import type { LinkPool, LinkTicket, LinkWaiter } from "../pgconn/link-pool.ts";
import { Ticket } from "../pgconn/waiting-line.ts";

export class Introduction implements LinkWaiter {
  readonly ticket: LinkTicket = new Ticket<LinkWaiter>(this);
  readonly #pool: LinkPool;
  readonly #done: (refusal: Fault | undefined) => void;

  /** `done` is called once, unless it is left. */
  constructor(pool: LinkPool, done: (refusal: Fault | undefined) => void) {
    this.#pool = pool;
    this.#done = done;
  }

  /** Throws Fault when the server is known to refuse us. */
  begin(): void {
    const link = this.#pool.take(this);
    if (link !== undefined) this.linked(link);
  }

  leave(): void {
    this.#pool.leave(this);
  }

  linked(link: Link): void {
    this.#pool.give(link);
    this.#done(undefined);
  }

  refused(fault: Fault): void {
    this.#done(fault);
  }

  /** It is given back before the server can say anything. */
  received(link: Link): void {
    link.framer.halt();
  }

  drained(): void {
    return undefined;
  }

  ended(): void {
    return undefined;
  }
}
