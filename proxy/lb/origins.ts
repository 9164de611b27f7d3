/**
 * Connections to servers: dialled when they are needed, kept between exchanges, and closed before their server does it. Each
 * belongs to one target and serves one exchange at a time; what it says to the exchange it says as a stream.
 * Invariants: a connection in `Server.idle` is open, has nothing outstanding and is not counted in flight; one whose target
 * leaves is not kept; one that was given up in the middle is closed.
 */
import { assert } from "../base/assert.ts";
import type { Budget } from "../base/byte-queue.ts";
import { Fault } from "../base/fault.ts";
import { type Edges, State } from "../base/state.ts";
import { FIELD } from "../http/fields.ts";
import type { HttpHead } from "../http/head.ts";
import type { HttpLimits } from "../http/limits.ts";
import { OriginCodec, type OriginOwner } from "../http/origin-codec.ts";
import type { HttpStream } from "../http/stream.ts";
import type { Net, TlsContext, Wire, WireEvents } from "../net/wire.ts";
import type { Target } from "../upstream/target.ts";
import type { Line, Lines, LineUser } from "./exchange.ts";
import type { Group, IdleOrigin, Server } from "./groups.ts";
import type { Turns } from "./turns.ts";

/** Most that are kept of one target, in one worker. */
export const IDLE_MAX = 1_024;
/** How long one is kept whose server does not say how long it would; many close after 5 s (node:http, uvicorn). */
export const IDLE_MS = 4_000;
/** However long its server would. */
export const IDLE_MS_MAX = 60_000;
/** So much earlier than the server: what is on its way by then still arrives. */
const IDLE_MARGIN_MS = 1_000;

export interface OriginsParts {
  readonly net: Net;
  readonly limits: HttpLimits;
  readonly budget: Budget;
  readonly turns: Turns;
  /** A server spoke wrongly, or left in the middle: to be logged. */
  failed(target: Target<Server>, fault: Fault): void;
  /** A dial failed, and its target rests from now on. */
  unreachable(upstream: string, key: string): void;
}

const STATES = {
  dialing: ["securing", "taken", "closed"],
  securing: ["taken", "closed"],
  taken: ["idle", "closed"],
  idle: ["taken", "closed"],
  closed: [],
} as const satisfies Edges<string>;

export class Origins implements Lines {
  readonly parts: OriginsParts;
  /** All that are not closed. */
  readonly #open = new Set<Origin>();

  constructor(parts: OriginsParts) {
    this.parts = parts;
  }

  get open(): number {
    return this.#open.size;
  }

  take(group: Group, target: Target<Server>, fresh: boolean): Line {
    const { own } = target;
    // A trial is of whether it can be connected to: what was kept from before would say nothing of that.
    const kept = fresh || target.state.is("trial") ? undefined : own.idle.pop();
    if (kept !== undefined) {
      own.reuses += 1;
      return kept as Origin;
    }
    own.connections += 1;
    const origin = new Origin(this, group, target);
    this.#open.add(origin);
    origin.dial();
    return origin;
  }

  /** Ends what was kept for long enough, and what does not get ready. */
  sweep(nowMs: number): void {
    for (const origin of this.#open) origin.sweep(nowMs);
  }

  close(): void {
    for (const origin of [...this.#open]) origin.discard();
  }

  forget(origin: Origin): void {
    this.#open.delete(origin);
  }
}

export class Origin implements Line, WireEvents, OriginOwner, IdleOrigin {
  idleUntilMs = 0;
  readonly #all: Origins;
  readonly #group: Group;
  readonly #target: Target<Server>;
  readonly #state = new State<keyof typeof STATES>(STATES, "dialing");
  readonly #tls: TlsContext | undefined;
  #wire: Wire | undefined;
  #codec: OriginCodec | undefined;
  #user: LineUser | undefined;
  #idleMs = IDLE_MS;
  #dialUntilMs = 0;
  #told = false;

  constructor(all: Origins, group: Group, target: Target<Server>) {
    this.#all = all;
    this.#group = group;
    this.#target = target;
    this.#tls = group.tlsOf(target);
  }

  dial(): void {
    const { net, limits, budget, turns } = this.#all.parts;
    const { own, address } = this.#target;
    const { connectTimeoutMs } = this.#group.setup;
    this.#dialUntilMs = turns.nowMs + connectTimeoutMs;
    const wire = net.dial(address, connectTimeoutMs, this);
    this.#wire = wire;
    this.#codec = new OriginCodec(this, { wire, limits, budget, turn: turns, fallbackHost: own.fallbackHost });
  }

  get reused(): boolean {
    return this.#mustCodec().exchanges > 1;
  }

  get answered(): boolean {
    return this.#codec?.answered === true;
  }

  open(user: LineUser): HttpStream | undefined {
    this.#user = user;
    if (!this.#state.is("idle")) return undefined;
    this.#state.go("taken");
    return this.#mustCodec().open(user);
  }

  abandon(): void {
    this.#user = undefined;
    this.discard();
  }

  discard(): void {
    this.#leave();
    this.#codec?.close();
    this.#wire?.close();
  }

  sweep(nowMs: number): void {
    if (this.#state.is("idle") && nowMs >= this.idleUntilMs) this.discard();
    // That a dial takes too long the wire says; that TLS does, nobody else.
    if (this.#state.is("securing") && nowMs >= this.#dialUntilMs) {
      this.#refused(new Fault("SERVER_DIAL_SLOW", "Cannot dial: TLS took too long"));
    }
  }

  // What the wire says.

  drain(wire: Wire): void {
    if (this.#state.is("dialing") && this.#tls !== undefined) {
      this.#state.go("securing");
      return wire.startTls(this.#tls, "client");
    }
    if (this.#state.is("dialing") || this.#state.is("securing")) return this.#opened();
    this.#mustCodec().drain();
  }

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    this.#mustCodec().receive(bytes, start, end);
  }

  end(): void {
    if (this.#unopened) return this.#refused(new Fault("SERVER_UNREACHABLE", "Cannot dial: the server ended at once"));
    this.#mustCodec().ended();
  }

  close(_wire: Wire, fault?: Fault): void {
    if (this.#unopened && !this.#gone) {
      this.#refused(fault ?? new Fault("SERVER_UNREACHABLE", "Cannot dial: the connection was closed"));
    }
    this.#leave();
    this.#all.forget(this);
    this.#codec?.closed();
  }

  // What the codec says.

  idle(): void {
    const { turns } = this.#all.parts;
    const { own, state } = this.#target;
    const leaves = state.is("leaving") || state.is("gone");
    if (leaves || own.idle.length >= IDLE_MAX || this.#idleMs <= 0) return this.discard();
    this.#user = undefined;
    this.#state.go("idle");
    this.idleUntilMs = turns.nowMs + this.#idleMs;
    own.idle.push(this);
  }

  over(): void {
    this.#leave();
  }

  failed(fault: Fault): void {
    this.#leave();
    this.#all.parts.failed(this.#target, fault);
  }

  /** What the server says of how long it keeps a connection, in the head of a response. */
  heard(head: HttpHead): void {
    if (this.#told || !head.has(KEEP_ALIVE)) return;
    this.#told = true;
    const [, seconds] = /(?:^|[ \t,])timeout=([0-9]{1,6})(?:$|[ \t,])/i.exec(head.value(head.find(KEEP_ALIVE))) ?? [];
    if (seconds === undefined) return;
    this.#idleMs = Math.min(Number(seconds) * 1_000 - IDLE_MARGIN_MS, IDLE_MS_MAX);
  }

  #opened(): void {
    this.#state.go("taken");
    this.#group.upstream.connected(this.#target);
    const user = this.#user;
    if (user === undefined) return this.discard();
    user.opened(this.#mustCodec().open(user));
  }

  #refused(fault: Fault): void {
    const { parts } = this.#all;
    const rests = this.#group.upstream.failed(this.#target);
    if (rests) parts.unreachable(this.#group.name, this.#target.key);
    parts.failed(this.#target, fault);
    const user = this.#user;
    this.discard();
    this.#user = undefined;
    user?.refused(fault);
  }

  get #unopened(): boolean {
    return this.#state.is("dialing") || this.#state.is("securing");
  }

  get #gone(): boolean {
    return this.#state.is("closed");
  }

  /** It is no longer of use to anyone. */
  #leave(): void {
    if (this.#state.is("closed")) return;
    if (this.#state.is("idle")) remove(this.#target.own.idle, this);
    this.#state.go("closed");
  }

  #mustCodec(): OriginCodec {
    assert(this.#codec !== undefined, "Cannot use a server connection: it was not dialled");
    return this.#codec;
  }
}

function remove(list: IdleOrigin[], origin: IdleOrigin): void {
  const index = list.indexOf(origin);
  if (index !== -1) list.splice(index, 1);
}

const KEEP_ALIVE = FIELD["keep-alive"];
