/**
 * Where clients come in: the listeners, what each of them leads to, and how many clients there may be. A reload changes what
 * a door leads to; the listening socket stays.
 */
import { type Address, formatAddress } from "../base/address.ts";
import type { Metrics } from "../base/metrics.ts";
import type { Listener, Net, TlsContext, Wire, WireEvents } from "../net/wire.ts";
import { ALPN } from "./groups.ts";
import { countFront, type FrontCounts, noCounts } from "./metrics.ts";
import type { ListenerSetup } from "./setup.ts";
import { TurnedAway, TURNED_AWAY_MAX } from "./turned-away.ts";

export class Door {
  readonly counts: FrontCounts = noCounts();
  setup: ListenerSetup;
  tls: TlsContext | undefined;
  listener: Listener | undefined;

  constructor(setup: ListenerSetup) {
    this.setup = setup;
    this.tls = contextOf(setup);
  }

  configure(setup: ListenerSetup): void {
    const same = this.setup.tls?.cert === setup.tls?.cert && this.setup.tls?.key === setup.tls?.key;
    this.setup = setup;
    if (!same) this.tls = contextOf(setup);
  }
}

export interface DoorsParts {
  readonly net: Net;
  readonly metrics: Metrics;
  readonly turns: { readonly nowMs: number };
  /** A client has come through that door, and there is room for it. */
  enter(door: Door, wire: Wire): WireEvents;
}

export class Doors {
  /** Most connections at once. */
  clientsMax = 0;
  readonly #parts: DoorsParts;
  readonly #doors: Door[] = [];
  readonly #away = new Set<TurnedAway>();
  readonly #forget = (one: TurnedAway): void => void this.#away.delete(one);
  #clients = 0;

  constructor(parts: DoorsParts) {
    this.#parts = parts;
  }

  get clients(): number {
    return this.#clients;
  }

  /** Where clients come in, with the ports that the kernel chose. */
  get listens(): readonly string[] {
    return this.#doors.flatMap(({ listener }) => (listener === undefined ? [] : [formatAddress(listener.address)]));
  }

  get open(): boolean {
    return this.#doors.every(({ listener }) => listener !== undefined);
  }

  /** The setups have the addresses that they had before, if there was a before. */
  configure(setups: readonly ListenerSetup[]): void {
    for (const setup of setups) {
      const known = this.#doors.find((door) => isSame(door.setup.address, setup.address));
      if (known === undefined) this.#doors.push(new Door(setup));
      else known.configure(setup);
    }
  }

  /** Throws a ListenError when an address cannot be had. */
  listen(): void {
    for (const door of this.#doors) {
      door.listener = this.#parts.net.listen(door.setup.address, (wire) => this.#accept(door, wire));
      countFront(this.#parts.metrics, formatAddress(door.listener.address), door.counts);
    }
  }

  /** A client that came through one of them is gone. */
  left(): void {
    this.#clients -= 1;
  }

  sweep(nowMs: number): void {
    for (const one of this.#away) one.sweep(nowMs);
  }

  /** Nobody comes in any more. */
  close(): void {
    for (const door of this.#doors) {
      door.listener?.stop();
      door.listener = undefined;
    }
  }

  abort(): void {
    for (const one of this.#away) one.abort();
  }

  #accept(door: Door, wire: Wire): WireEvents {
    if (this.#clients >= this.clientsMax) return this.#turnAway(door, wire);
    this.#clients += 1;
    return this.#parts.enter(door, wire);
  }

  #turnAway(door: Door, wire: Wire): WireEvents {
    door.counts.refused += 1;
    const speaks = door.setup.mode === "http" && door.tls === undefined && this.#away.size < TURNED_AWAY_MAX;
    if (!speaks) {
      wire.close();
      return NOBODY;
    }
    const one = new TurnedAway(wire, this.#parts.turns.nowMs, this.#forget);
    this.#away.add(one);
    return one;
  }
}

export function isSame(one: Address, other: Address): boolean {
  return formatAddress(one) === formatAddress(other);
}

/** Of whole connections nobody knows which protocol is spoken. */
function contextOf({ tls, mode }: ListenerSetup): TlsContext | undefined {
  if (tls === undefined) return undefined;
  return { cert: tls.cert, key: tls.key, verify: "none", ...(mode === "http" ? { alpn: ALPN } : {}) };
}

const NOBODY: WireEvents = { data: ignore, drain: ignore, end: ignore, close: ignore };

function ignore(): void {
  // It was closed at once.
}
