/**
 * Our logged-in connection to a Postgres server: the wire, the framer of what the server says, and what is known of the
 * session. It carries bytes to whoever uses it just now and judges nothing: logging in is `login.ts`, who gets it next is
 * `link-pool.ts`, which answer belongs to which question is `replies.ts`.
 *
 * Invariants: a link is in exactly one state; it has a user exactly while it is "opening" (the login) or "taken"; what one
 * user did not read is never shown to the next; after "gone" nobody hears of it again.
 */
import type { Address } from "../base/address.ts";
import { assert } from "../base/assert.ts";
import type { Budget } from "../base/byte-queue.ts";
import type { Timer } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { State, type Edges } from "../base/state.ts";
import { Spill, type Sent } from "../net/spill.ts";
import type { Wire, WireEvents } from "../net/wire.ts";
import { STATUS, type Status } from "../pg/backend.ts";
import { Framer } from "../pg/framer.ts";
import type { Replies } from "./replies.ts";
import type { LinkSettings } from "./settings.ts";
import type { LinkStatements } from "./statements.ts";

/** What a CancelRequest for this link must say. */
export interface CancelKey {
  readonly processId: number;
  /** 4 bytes in protocol 3.0. */
  readonly secret: Uint8Array;
}

/**
 * Who uses a taken link. No method of the link or its pool calls back into the same user before it returns, but `give` may
 * call `linked` of another.
 */
export interface LinkUser {
  /**
   * The server sent [start, end), valid until this returns: `link.framer.feed(bytes, start, end)` and read to its end. Who
   * cannot go on calls `link.pause()` and keeps what is behind `framer.halt()`.
   */
  received(link: Link, bytes: Uint8Array, start: number, end: number): void;
  /** All that `send` said was "waiting" is with the kernel now. */
  drained(link: Link): void;
  /** The link is gone: no longer the user's, its place is being looked after. `fault` is why, of the server's side. */
  ended(link: Link, fault: Fault): void;
}

/** What one link carries of the session behind it; made by the `equip` of its pool. */
export interface LinkParts {
  readonly replies: Replies;
  readonly statements: LinkStatements;
  readonly settings: LinkSettings;
}

/** "held": given back, but a cancel request for it is still under way, which must not hit the next user. */
export type LinkState = "opening" | "idle" | "taken" | "held" | "closing" | "gone";

const EDGES = {
  opening: ["taken", "idle", "closing", "gone"],
  idle: ["taken", "closing", "gone"],
  taken: ["taken", "idle", "held", "closing", "gone"],
  held: ["idle", "taken", "closing", "gone"],
  closing: ["gone"],
  gone: [],
} as const satisfies Edges<LinkState>;

/** Who keeps links, and hears of those that nobody uses. */
export interface LinkOwner {
  /** Of a link that is idle, held or closing. */
  received(link: Link, bytes: Uint8Array, start: number, end: number): void;
  /** In any state, and before the user hears `ended`. `clean`: the server itself has closed, so no backend is left. */
  gone(link: Link, fault: Fault, clean: boolean): void;
}

export interface LinkOptions {
  readonly owner: LinkOwner;
  readonly parts: LinkParts;
  readonly budget: Budget;
  /** Most that waits for the kernel in our direction. */
  readonly spillBytesMax: number;
  /** Frames up to this size are shown whole. */
  readonly wholeBytesMax: number;
  /** Numbers the links of a worker, for logs and SHOW. */
  readonly serial: number;
  /** By the clock, in ms. */
  readonly nowMs: number;
  readonly place: number;
  readonly epoch: number;
}

const NO_KEY: CancelKey = { processId: 0, secret: new Uint8Array(0) };

export class Link implements WireEvents {
  readonly framer: Framer;
  /** The newest ParameterStatus of each name. Who uses the link keeps it up to date (`noteParameter`). */
  readonly parameters = new Map<string, string>();
  readonly replies: Replies;
  readonly statements: LinkStatements;
  readonly settings: LinkSettings;
  readonly serial: number;
  readonly openedMs: number;
  /** Since when it is idle, or taken. */
  sinceMs: number;
  /** Of the last ReadyForQuery that was read: whoever reads one writes it here. */
  status: Status = STATUS.idle;
  cancelKey: CancelKey = NO_KEY;
  user: LinkUser | undefined;
  /** Cancel requests under way for it. */
  cancels = 0;
  /** For the pool: its place in the limit. */
  readonly place: number;
  /** For the pool: of which RECONNECT it is. */
  readonly epoch: number;
  /** For the pool: when it is to be closed, however well it is. */
  expiresMs = Infinity;
  /** For the pool: the server was told who we are, so there may be a backend. */
  isAnnounced = false;
  /** For the pool: a cancel request for it may arrive at any time. */
  isTainted = false;
  /** For the pool: closes the wire when the server does not. */
  closing: Timer | undefined;
  readonly owner: LinkOwner;

  readonly #state = new State<LinkState>(EDGES, "opening");
  readonly #spill: Spill;
  #wire: Wire | undefined;
  #paused = false;

  constructor({ owner, parts, budget, spillBytesMax, wholeBytesMax, serial, nowMs, place, epoch }: LinkOptions) {
    this.owner = owner;
    this.place = place;
    this.epoch = epoch;
    this.replies = parts.replies;
    this.statements = parts.statements;
    this.settings = parts.settings;
    this.serial = serial;
    this.openedMs = nowMs;
    this.sinceMs = nowMs;
    this.#spill = new Spill(spillBytesMax, budget);
    this.framer = new Framer({ side: "backend", phase: "login", wholeBytesMax, budget });
  }

  get state(): LinkState {
    return this.#state.now;
  }

  get wire(): Wire {
    assert(this.#wire !== undefined, "Cannot use a link: it was not dialled");
    return this.#wire;
  }

  get remote(): Address {
    return this.wire.remote;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** How many bytes of ours wait for the kernel. */
  get waitingBytes(): number {
    return this.#spill.length;
  }

  /** Right after `net.dial(…, link)`, which fires no event before it returns. */
  attach(wire: Wire): void {
    this.#wire = wire;
  }

  /** Says [start, end) to the server, behind what waits. After "full" or "gone" the link can only be discarded. */
  send(bytes: Uint8Array, start: number, end: number): Sent {
    return this.#spill.write(this.wire, bytes, start, end);
  }

  /** Nothing more is received until `resume`. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.wire.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.wire.resume();
  }

  /** For the pool: the one way from state to state. */
  go(to: LinkState): void {
    this.#state.go(to);
  }

  /** For the pool: ends our direction behind what waits; the server closes when it has read that. */
  hangUp(): void {
    this.#spill.end(this.wire);
  }

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    const user = this.user;
    if (user === undefined) this.owner.received(this, bytes, start, end);
    else user.received(this, bytes, start, end);
  }

  drain(wire: Wire): void {
    if (this.#spill.drain(wire) === "sent") this.user?.drained(this);
  }

  /** A server that says no more has closed: nobody ends a half of its socket only. */
  end(wire: Wire): void {
    this.#finish(new Fault("SERVER_GONE", "Cannot read: the server closed"), true);
    wire.end();
  }

  close(_wire: Wire, fault?: Fault): void {
    this.#finish(fault ?? new Fault("SERVER_GONE", "Cannot read: the link was closed"), isServersDoing(fault));
  }

  #finish(fault: Fault, clean: boolean): void {
    if (this.#state.is("gone")) return;
    const user = this.user;
    this.user = undefined;
    this.#spill.clear();
    this.framer.close();
    this.owner.gone(this, fault, clean);
    user?.ended(this, fault);
  }
}

/** A reset is the kernel of the server speaking, whose process has closed; silence is nobody speaking. */
function isServersDoing(fault: Fault | undefined): boolean {
  if (fault === undefined) return false;
  const cause = fault.cause;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return fault.code === "SERVER_GONE" && !(typeof code === "string" && SILENCE.has(code));
}

/** What our own kernel says when it has heard nothing for too long. */
const SILENCE: ReadonlySet<string> = new Set(["ETIMEDOUT", "EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH", "ENETDOWN"]);
