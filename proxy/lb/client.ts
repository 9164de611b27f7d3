/**
 * One client's conversation: its wire, its codec, the exchanges that come of it one after the other, and how long it may
 * take for what. Which server answers is the exchange's affair.
 * Invariants: every limit of time is looked at by `sweep`, and there is always one that holds; when the wire has closed,
 * nothing of the conversation is left.
 */
import { formatAddress } from "../base/address.ts";
import type { Budget } from "../base/byte-queue.ts";
import { Fault, faultOf } from "../base/fault.ts";
import { ClientCodec, type ClientOwner } from "../http/client-codec.ts";
import type { Sender } from "../http/forwarding.ts";
import type { HttpHead } from "../http/head.ts";
import type { HttpLimits } from "../http/limits.ts";
import type { HttpStream, HttpStreamEvents } from "../http/stream.ts";
import type { TlsContext, Wire, WireEvents } from "../net/wire.ts";
import type { Exchange, ExchangeOwner } from "./exchange.ts";
import type { FrontCounts } from "./metrics.ts";
import type { LbTimeouts } from "./setup.ts";
import type { Turns } from "./turns.ts";

/** How long a client may take to close behind the last response. */
export const LINGER_MS = 2_000;

export interface ClientParts {
  readonly limits: HttpLimits;
  readonly budget: Budget;
  readonly turns: Turns;
  readonly timeouts: () => LbTimeouts;
  /** While draining: who has not sent a request for so long since then is not in the middle of sending one. */
  readonly drainIdleMs: () => number;
  takeExchange(): Exchange;
  giveExchange(exchange: Exchange): void;
  /** The conversation is over. */
  ended(client: LbClient): void;
  /** Why it, or an exchange of it, ended other than well. */
  failed(client: LbClient, fault: Fault): void;
}

export interface ClientDoor {
  readonly tls: TlsContext | undefined;
  readonly counts: FrontCounts;
}

export class LbClient implements WireEvents, ClientOwner, ExchangeOwner {
  readonly sender: Sender;
  readonly #parts: ClientParts;
  readonly #wire: Wire;
  readonly #counts: FrontCounts;
  readonly #codec: ClientCodec;
  #exchange: Exchange | undefined;
  #scaleClient: string | undefined;
  /** TLS does not stand yet. */
  #securing: boolean;
  #draining = false;
  /** Since when nothing is under way. */
  #idleSinceMs: number;
  /** Since when a head is under way; 0 when none is. */
  #headSinceMs = 0;
  #lingersSinceMs = 0;
  #failure: Fault | undefined;

  constructor(wire: Wire, door: ClientDoor, parts: ClientParts) {
    const { limits, budget, turns } = parts;
    this.#wire = wire;
    this.#parts = parts;
    this.#counts = door.counts;
    this.#securing = door.tls !== undefined;
    this.#idleSinceMs = turns.nowMs;
    this.#counts.connections += 1;
    this.#counts.open += 1;
    this.sender = { address: wire.remote.host ?? "unix", secure: this.#securing, trusted: false };
    this.#codec = new ClientCodec(this, { wire, limits, budget, turn: turns });
    if (door.tls !== undefined) wire.startTls(door.tls, "server");
  }

  get scaleClient(): string {
    this.#scaleClient ??= formatAddress(this.#wire.remote) + (this.sender.secure ? ";tls" : "");
    return this.#scaleClient;
  }

  /** Whether an exchange is under way that is no tunnel. */
  get busy(): boolean {
    return this.#exchange !== undefined && !this.#exchange.tunnels;
  }

  get remote(): string {
    return formatAddress(this.#wire.remote);
  }

  /** Ends what has taken too long. */
  sweep(nowMs: number): void {
    const { headMs, idleMs } = this.#parts.timeouts();
    const silentMs = this.#draining ? this.#parts.drainIdleMs() : Number.POSITIVE_INFINITY;
    if (this.#securing) {
      if (nowMs - this.#idleSinceMs > Math.min(headMs, silentMs)) this.abort();
      return;
    }
    switch (this.#codec.state) {
      case "idle":
        return this.#sweepIdle(nowMs, headMs, Math.min(idleMs, silentMs));
      case "lingering":
        if (nowMs - this.#lingersSinceMs > LINGER_MS) this.#codec.close();
        return;
      case "discarding":
        // Its response is said; the rest of its request is nobody's business for long.
        if (nowMs - this.#idleSinceMs > headMs) this.#codec.close();
        return;
      case "exchange":
      case "tunnel":
        return this.#exchange?.sweep(nowMs);
      case "closed":
    }
  }

  /** The exchange that is under way is the last one; a client that may be sending the next one is waited for. */
  finish(): void {
    this.#draining = true;
    const codec = this.#codec;
    if (codec.state === "exchange" || codec.state === "discarding") return codec.finish();
    // However long it has been silent: its next request may be under way to us, or lie unread in the kernel.
    if (codec.state === "idle") this.#idleSinceMs = this.#parts.turns.nowMs;
  }

  /** Closes both ways now. */
  abort(): void {
    this.#codec.close();
    this.#wire.close();
  }

  // What the wire says.

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    if (this.#headSinceMs === 0) this.#headSinceMs = this.#parts.turns.nowMs;
    this.#counts.bytesIn += end - start;
    this.#codec.receive(bytes, start, end);
  }

  drain(): void {
    this.#securing = false;
    this.#codec.drain();
  }

  end(): void {
    this.#codec.ended();
  }

  close(_wire: Wire, fault?: Fault): void {
    if (fault !== undefined && (this.#securing || fault.code === "BUG")) this.failed(fault);
    this.#codec.closed();
    this.#counts.open -= 1;
    this.#parts.ended(this);
  }

  // What the codec says.

  accept(stream: HttpStream, head: HttpHead): HttpStreamEvents {
    this.#headSinceMs = 0;
    this.#counts.requests += 1;
    if (this.#draining) this.#codec.finish();
    const exchange = this.#parts.takeExchange();
    this.#exchange = exchange;
    try {
      exchange.begin(stream, head, this);
    } catch (thrown) {
      // The codec tells the client; nothing of the exchange may be left behind.
      exchange.reset(stream, faultOf(thrown));
      throw thrown;
    }
    return exchange;
  }

  idle(): void {
    this.#idleSinceMs = this.#parts.turns.nowMs;
    this.#headSinceMs = 0;
  }

  lingers(): void {
    this.#lingersSinceMs = this.#parts.turns.nowMs;
  }

  /** The codec and the exchange may both speak of the same one. */
  failed(fault: Fault): void {
    if (fault === this.#failure) return;
    this.#failure = fault;
    this.#counts.failures += 1;
    this.#parts.failed(this, fault);
  }

  // What an exchange says.

  ended(exchange: Exchange, fault: Fault | undefined): void {
    this.#exchange = undefined;
    this.#idleSinceMs = this.#parts.turns.nowMs;
    if (fault !== undefined) this.failed(fault);
    this.#parts.giveExchange(exchange);
  }

  #sweepIdle(nowMs: number, headMs: number, idleMs: number): void {
    if (this.#codec.quiet) {
      if (nowMs - this.#idleSinceMs > idleMs) this.#codec.finish();
    } else if (this.#headSinceMs === 0) this.#headSinceMs = nowMs;
    else if (nowMs - this.#headSinceMs > headMs) {
      this.#codec.fail(new Fault("CLIENT_SLOW", `Cannot read the request: its head took longer than ${headMs} ms`));
    }
  }
}
