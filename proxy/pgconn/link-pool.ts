/**
 * The links of one user of a database in this worker: who has which, and who gets the next. Where their number is bounded
 * over users, workers and generations is `link-places.ts`, which also opens and closes them.
 *
 * Invariants: an idle link is clean (status I, nothing owed either way, no cancel under way) and has no user; a link has
 * never two users; while somebody waits no link is idle; waiters are served strictly in the order they came, and each hears
 * exactly one of `linked` and `refused`, unless it leaves.
 */
import { assert } from "../base/assert.ts";
import { faultOf, type Fault } from "../base/fault.ts";
import { STATUS } from "../pg/backend.ts";
import { hearIdle } from "./idle-link.ts";
import type { Link, LinkOwner, LinkState, LinkUser } from "./link.ts";
import type { LinkPlaces } from "./link-places.ts";
import type { LoginLane } from "./login-lane.ts";
import type { ServerLogin } from "./server-login.ts";
import { WaitingLine, type Crowd, type Ticket } from "./waiting-line.ts";

/** Who may have to wait for a link. One object is waiter and, once it has the link, its user. */
export interface LinkWaiter extends LinkUser {
  /** `new Ticket(this)`, made once. */
  readonly ticket: LinkTicket;
  /** Its turn has come: the link is taken and its own. Called within another's `give`; must not throw. */
  linked(link: Link): void;
  /** It waits no more: it took too long, the server refuses us, or we are closing. Must not throw. */
  refused(fault: Fault): void;
}

export type LinkTicket = Ticket<LinkWaiter>;

export interface LinkPoolOptions {
  readonly places: LinkPlaces;
  readonly login: ServerLogin;
  readonly lane: LoginLane;
  /** All who wait for this database in this worker. */
  readonly crowd: Crowd;
}

export class LinkPool implements LinkOwner {
  /** By which links are opened from now on. For `LinkPlaces`. */
  login: ServerLogin;
  /** When the next login of this user may be tried. For `LinkPlaces`. */
  readonly lane: LoginLane;
  readonly line: WaitingLine<LinkWaiter>;
  readonly links = new Set<Link>();
  /** How many links are in each state; those that are gone are nowhere. */
  readonly counts: Record<LinkState, number> = { opening: 0, idle: 0, taken: 0, held: 0, closing: 0, gone: 0 };
  /** What the server said of itself at the last login: what a client is welcomed with. Undefined before the first. */
  welcome: ReadonlyMap<string, string> | undefined;
  readonly #places: LinkPlaces;
  /** The one that was used last stands last, and is taken first, so that those that are not needed grow old. */
  readonly #idle: Link[] = [];
  /** Given back, and not yet handed on: only within `settle`. */
  readonly #unsettled: Link[] = [];
  #isSettling = false;

  constructor({ places, login, lane, crowd }: LinkPoolOptions) {
    this.#places = places;
    this.login = login;
    this.lane = lane;
    this.line = new WaitingLine(crowd);
  }

  get user(): string {
    return this.login.user;
  }

  /** How many links have let us in and are not being closed. */
  get living(): number {
    return this.counts.idle + this.counts.taken + this.counts.held;
  }

  /** The one that was not used for longest. */
  get oldestIdle(): Link | undefined {
    return this.#idle[0];
  }

  /**
   * A link that is now the waiter's, or undefined: it waits, and hears `linked` or `refused` later. Throws Fault when it
   * may not even wait: OVERLOADED, DRAINING, or why the server refuses us.
   */
  take(waiter: LinkWaiter): Link | undefined {
    const link = this.#idle.pop();
    if (link !== undefined) {
      this.#handTo(waiter, link);
      return link;
    }
    this.#places.checkMayWait(this);
    this.line.join(waiter.ticket, this.#places.nowMs());
    this.#places.joined();
    return undefined;
  }

  /** Waits no more; harmless when it does not wait. */
  leave(waiter: LinkWaiter): void {
    this.line.leave(waiter.ticket);
  }

  /**
   * Gives a taken link back: status I, nothing owed in either direction, all that came in was read. Otherwise a Bug, and
   * the link stays the user's, to be discarded.
   */
  give(link: Link): void {
    assert(link.owner === this && link.state === "taken", "Cannot give a link: it is not taken of this pool");
    assert(link.status === STATUS.idle, "Cannot give a link: it is inside of a transaction");
    assert(link.replies.quiet, "Cannot give a link: the server owes an answer");
    assert(link.framer.unread === 0, "Cannot give a link: not all that came in was read");
    link.user = undefined;
    if (link.isPaused) link.resume();
    this.settle(link);
  }

  /** Closes a taken link: its server is told to stop what it does. The user hears nothing more of it. */
  discard(link: Link, why: string): void {
    assert(link.owner === this, "Cannot discard a link: it is not of this pool");
    if (link.state !== "taken") return;
    if (link.status !== STATUS.idle || !link.replies.quiet) this.#places.cancel(link);
    this.#places.retire(link, why);
  }

  /**
   * Asks the server to stop what it does for the user of a taken link. Until that request is through, the link is given to
   * nobody else. False when too many such requests are under way.
   */
  cancel(link: Link): boolean {
    assert(link.owner === this, "Cannot cancel: the link is not of this pool");
    return link.state === "taken" && this.#places.cancel(link);
  }

  received(link: Link, bytes: Uint8Array, start: number, end: number): void {
    if (link.state === "closing") return;
    try {
      link.framer.feed(bytes, start, end);
      hearIdle(link);
    } catch (thrown) {
      this.#places.distrust(link, faultOf(thrown));
    }
  }

  gone(link: Link, fault: Fault, clean: boolean): void {
    const hasFailed = link.state === "opening";
    this.move(link, "gone");
    this.links.delete(link);
    link.replies.abandon();
    link.statements.clear();
    this.#places.left(link, fault, { clean, hasFailed });
  }

  /**
   * For `LinkPlaces`: a clean link without a user goes to who waits, or is idle; or it is closed. Who is given one may give
   * it back at once: then it is dealt with behind the call, so that a long line is no deep stack.
   */
  settle(link: Link): void {
    this.#unsettled.push(link);
    if (this.#isSettling) return;
    this.#isSettling = true;
    for (let next = this.#unsettled.pop(); next !== undefined; next = this.#unsettled.pop()) this.#settle(next);
    this.#isSettling = false;
  }

  /** For `LinkPlaces`: the one door from state to state. */
  move(link: Link, to: LinkState): void {
    const from = link.state;
    link.go(to);
    this.counts[from] -= 1;
    if (to !== "gone") this.counts[to] += 1;
    if (from === "idle" && to !== "taken") this.#idle.splice(this.#idle.indexOf(link), 1);
  }

  /** For `LinkPlaces`: a new link. */
  add(link: Link): void {
    this.links.add(link);
    this.counts.opening += 1;
  }

  /** For `LinkPlaces`: all who wait now hear that it is in vain. */
  refuseAll(fault: Fault): void {
    for (let left = this.line.length; left > 0; left--) this.line.shift()?.holder.refused(fault);
  }

  /** For `LinkPlaces`: as `refuseAll`, of those who came before that time. */
  refuseOld(sinceMs: number, fault: () => Fault): void {
    for (let left = this.line.length; left > 0; left--) {
      const first = this.line.first;
      if (first === undefined || first.sinceMs > sinceMs) return;
      this.line.shift();
      first.holder.refused(fault());
    }
  }

  #settle(link: Link): void {
    if (link.state === "closing" || link.state === "gone") return;
    const why = this.#places.whyRetire(this, link);
    if (why !== undefined) return this.#places.retire(link, why);
    if (link.cancels > 0) return this.move(link, "held");
    const ticket = this.line.shift();
    if (ticket !== undefined) return this.#serve(ticket.holder, link);
    this.move(link, "idle");
    link.sinceMs = this.#places.coarseMs;
    this.#idle.push(link);
    this.#places.idled();
  }

  /** A bug of the one who is served is not the bug of the one who gives. */
  #serve(waiter: LinkWaiter, link: Link): void {
    this.#handTo(waiter, link);
    try {
      waiter.linked(link);
    } catch (thrown) {
      this.#places.distrust(link, faultOf(thrown));
    }
  }

  #handTo(waiter: LinkWaiter, link: Link): void {
    assert(link.user === undefined, "Cannot hand a link on: it has a user");
    this.move(link, "taken");
    link.sinceMs = this.#places.coarseMs;
    link.user = waiter;
  }
}

export function poolOf({ owner }: Link): LinkPool {
  assert(owner instanceof LinkPool, "Cannot find the pool of a link: it has another owner");
  return owner;
}
