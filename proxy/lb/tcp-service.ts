/**
 * All clients of a worker's listeners with mode = "tcp": takes them in, looks after their limits of time, and stops
 * them. What passes between a client and its server is `tcp-client.ts`.
 * Invariant: `open` clients are exactly those that hold a wire, and `ended` is told once for each.
 */
import type { Budget } from "../base/byte-queue.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Fault } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import type { Net, TlsContext, Wire, WireEvents } from "../net/wire.ts";
import type { Target } from "../upstream/target.ts";
import type { Group, Server } from "./groups.ts";
import type { LbTimeouts, ServerTls } from "./setup.ts";
import { TcpClient, type TcpDoor, type TcpHome } from "./tcp-client.ts";

export interface TcpParts {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly budget: Budget;
  /** As they are now. */
  timeouts(): LbTimeouts;
  /** A target rests from now on, since connects to it fail: to be logged and reported. */
  unreachable(group: Group, target: Target<Server>, fault: Fault): void;
  /** A client is gone, and its place is free. */
  ended(): void;
}

const SWEEP_MS = 500;

export class TcpService implements TcpHome {
  readonly parts: TcpParts;
  readonly net: Net;
  readonly budget: Budget;
  /** As old as the last sweep. */
  nowMs: number;
  timeouts: LbTimeouts;
  readonly #clients = new Set<TcpClient>();
  readonly #contexts = new WeakMap<Server, { readonly of: ServerTls; readonly context: TlsContext }>();
  #timer: Timer | undefined;

  constructor(parts: TcpParts) {
    this.parts = parts;
    this.net = parts.net;
    this.budget = parts.budget;
    this.nowMs = parts.clock.now();
    this.timeouts = parts.timeouts();
  }

  get open(): number {
    return this.#clients.size;
  }

  /** For `Net.listen`; TLS is started here. */
  accept(wire: Wire, door: TcpDoor): WireEvents {
    if (this.#clients.size === 0) this.#sweep();
    this.#timer ??= this.parts.clock.every(SWEEP_MS, () => this.#sweep());
    const client = new TcpClient(wire, door, this);
    this.#clients.add(client);
    door.counts.connections += 1;
    door.counts.open += 1;
    door.group.requests += 1;
    door.group.retries.request();
    client.start();
    return client;
  }

  /** Resets all at once. */
  stop(): void {
    for (const client of [...this.#clients]) client.reset();
  }

  // The home of its clients.

  /** How a target is spoken to in TLS, if it is; without ALPN, since nobody knows what is spoken. */
  tlsOf({ setup: { tls } }: Group, { own }: Target<Server>): TlsContext | undefined {
    if (tls === undefined) return undefined;
    const known = this.#contexts.get(own);
    if (known?.of === tls) return known.context;
    const context = { ...tls, serverName: own.host };
    this.#contexts.set(own, { of: tls, context });
    return context;
  }

  unreachable(group: Group, target: Target<Server>, fault: Fault): void {
    if (group.upstream.failed(target)) this.parts.unreachable(group, target, fault);
  }

  failed({ counts, group }: TcpDoor, fault: Fault): void {
    counts.failures += 1;
    const fields = { upstream: group.name, code: fault.code, why: fault.message };
    if (fault.code === "BUG") this.parts.log.error("bug", { ...fields, cause: fault.cause });
    else this.parts.log.debug("tcp_ended", fields);
  }

  ended(client: TcpClient, { counts }: TcpDoor): void {
    this.#clients.delete(client);
    counts.open -= 1;
    this.parts.ended();
    if (this.#clients.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #sweep(): void {
    this.nowMs = this.parts.clock.now();
    this.timeouts = this.parts.timeouts();
    for (const client of [...this.#clients]) client.sweep(this.nowMs);
  }
}
