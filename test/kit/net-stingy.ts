/**
 * A Net that gives as little as the contract allows, over another engine: chunks of one byte, writes that take a few bytes
 * or none, and ends and closes that come turns later. What passes on it does not count on the kernel's kindness.
 * Seeded; invariant: it keeps the contract, and what the other engine said is told in its order.
 */
import type { Address } from "../../proxy/base/address.ts";
import { faultOf, type Fault } from "../../proxy/base/fault.ts";
import type { Rng } from "../../proxy/base/rng.ts";
import { FULL, type Fd, type Listener, type Net, type TlsContext, type TlsInfo } from "../../proxy/net/wire.ts";
import type { TlsSide, Wire, WireEvents } from "../../proxy/net/wire.ts";

export interface StingyOptions {
  readonly rng: Rng;
  /** Most that one write takes; 37 when absent. */
  readonly writeBytesMax?: number;
  /** Most turns that an end or a close is late; 3 when absent. */
  readonly turnsLateMax?: number;
}

interface Stinginess {
  readonly net: Net;
  readonly rng: Rng;
  readonly writeBytesMax: number;
  readonly turnsLateMax: number;
}

export class StingyNet implements Net {
  readonly #ways: Stinginess;

  constructor(net: Net, { rng, writeBytesMax = 37, turnsLateMax = 3 }: StingyOptions) {
    this.#ways = { net, rng, writeBytesMax, turnsLateMax };
  }

  listen(at: Address | Fd, accept: (wire: Wire) => WireEvents): Listener {
    return this.#ways.net.listen(at, (inner) => {
      const wire = new StingyWire(this.#ways, inner);
      return wire.hearing(accept(wire));
    });
  }

  dial(target: Address, deadlineMs: number, events: WireEvents): Wire {
    const wire = new StingyWire(this.#ways);
    return wire.over(this.#ways.net.dial(target, deadlineMs, wire.hearing(events)));
  }

  afterTurn(run: () => void): void {
    this.#ways.net.afterTurn(run);
  }
}

/** What the other engine said and we have not told yet. */
type Said =
  | { readonly what: "data"; readonly bytes: Uint8Array; at: number }
  | { readonly what: "end"; turnsLate: number }
  | { readonly what: "close"; turnsLate: number; readonly fault: Fault | undefined };

class StingyWire implements Wire {
  readonly #ways: Stinginess;
  readonly #said: Said[] = [];
  #inner: Wire | undefined;
  #events: WireEvents | undefined;
  #paused = false;
  #pumping = false;
  /** By our own `close`, or because an event threw: only `close` is still told. */
  #over = false;
  #blame: Fault | undefined;
  /** Otherwise the other engine answers every write: not open yet, in a handshake, or ended by us. */
  #open: boolean;
  #ended = false;
  /** We took less than the other engine would have: `drain` is ours to tell. */
  #owesDrain = false;

  constructor(ways: Stinginess, inner?: Wire) {
    this.#ways = ways;
    this.#inner = inner;
    this.#open = inner !== undefined;
  }

  over(inner: Wire): this {
    this.#inner = inner;
    return this;
  }

  get local(): Address {
    return this.#wire.local;
  }

  get remote(): Address {
    return this.#wire.remote;
  }

  get peerUid(): number | undefined {
    return this.#wire.peerUid;
  }

  get tls(): TlsInfo | undefined {
    return this.#wire.tls;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    if (!this.#open || this.#over) return this.#wire.write(bytes, start, end);
    const count = Math.min(end - start, Math.floor(this.#ways.rng.next() * (this.#ways.writeBytesMax + 1)));
    if (count === 0) {
      this.#drainLater();
      return FULL;
    }
    const taken = this.#wire.write(bytes, start, start + count);
    if (taken === count && count < end - start) this.#drainLater();
    return taken;
  }

  pause(): void {
    this.#paused = true;
    this.#wire.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#wire.resume();
    if (this.#said.length > 0) this.#pumpLater();
  }

  end(): void {
    this.#ended = true;
    this.#open = false;
    this.#wire.end();
  }

  close(): void {
    this.#over = true;
    this.#wire.close();
  }

  peek(max: number): Uint8Array {
    return this.#wire.peek(max);
  }

  startTls(context: TlsContext, side: TlsSide): void {
    this.#open = false;
    this.#wire.startTls(context, side);
  }

  get #wire(): Wire {
    if (this.#inner === undefined) throw new Error("Cannot use the wire: it is not there yet");
    return this.#inner;
  }

  /** Our ears at the other engine. */
  hearing(events: WireEvents): WireEvents {
    this.#events = events;
    return {
      data: (_wire, bytes, start, end) => this.#hear({ what: "data", bytes: bytes.slice(start, end), at: 0 }),
      drain: () => {
        this.#open = !this.#ended;
        this.#tell(() => events.drain(this));
      },
      end: () => this.#hear({ what: "end", turnsLate: this.#turns() }),
      close: (_wire, fault) => this.#hear({ what: "close", turnsLate: this.#turns(), fault }),
      ...(events.arrive === undefined ? {} : { arrive: () => this.#tell(() => events.arrive?.(this)) }),
    };
  }

  #turns(): number {
    return Math.floor(this.#ways.rng.next() * (this.#ways.turnsLateMax + 1));
  }

  #hear(said: Said): void {
    this.#said.push(said);
    this.#pump();
  }

  #pumpLater(): void {
    this.#ways.net.afterTurn(() => this.#pump());
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let said = this.#next(); said !== undefined; said = this.#next()) this.#step(said);
    this.#pumping = false;
  }

  /** The oldest that may be told now. */
  #next(): Said | undefined {
    if (this.#over) this.#said.splice(0, this.#said.findIndex(({ what }) => what === "close") >>> 0);
    const said = this.#said[0];
    if (said === undefined || (this.#paused && said.what !== "close")) return undefined;
    if (said.what === "data" || said.turnsLate === 0) return said;
    said.turnsLate -= 1;
    this.#pumpLater();
    return undefined;
  }

  #step(said: Said): void {
    if (said.what === "data") {
      said.at += 1;
      if (said.at === said.bytes.length) this.#said.shift();
      this.#tell(() => this.#events?.data(this, said.bytes, said.at - 1, said.at));
      return;
    }
    this.#said.shift();
    if (said.what === "end") this.#tell(() => this.#events?.end(this));
    else this.#events?.close(this, ...this.#faults(said.fault));
  }

  #faults(fault: Fault | undefined): [] | [Fault] {
    const told = this.#blame ?? fault;
    return told === undefined ? [] : [told];
  }

  #drainLater(): void {
    if (this.#owesDrain) return;
    this.#owesDrain = true;
    this.#ways.net.afterTurn(() => {
      this.#owesDrain = false;
      if (this.#open && !this.#over && !this.#said.some(({ what }) => what === "close"))
        this.#tell(() => this.#events?.drain(this));
    });
  }

  #tell(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#blame = faultOf(thrown);
      this.close();
    }
  }
}
