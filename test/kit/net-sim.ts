/**
 * A network in memory, on a fake clock and seeded chance: every run of a seed is the same. Bytes arrive in order, late and
 * cut anywhere; a direction holds no more than its window; a plan per connection says what goes wrong with it, at which byte.
 * TLS is a play of it (`net-sim-tls.ts`): real certificates are judged, the bytes stay readable.
 */
import { formatAddress, type Address } from "../../proxy/base/address.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import { Fault } from "../../proxy/base/fault.ts";
import type { Rng } from "../../proxy/base/rng.ts";
import { ListenError, type Fd, type Listener, type Net, type Wire, type WireEvents } from "../../proxy/net/wire.ts";
import { SimPipe } from "./net-sim-pipe.ts";
import { SimWire } from "./net-sim-wire.ts";

/** What goes wrong with one connection. Up is from who dialled. Bytes are counted in each direction from its start. */
export interface SimPlan {
  /** Nobody answers the dial. */
  readonly silent?: boolean;
  readonly refused?: boolean;
  /** Both sides are reset when that many bytes have arrived. */
  readonly upResetAtByte?: number;
  readonly downResetAtByte?: number;
  /** No byte behind that one ever arrives. */
  readonly upStallAtByte?: number;
  readonly downStallAtByte?: number;
}

export interface SimOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  /** Every arrival takes at most this long; 2 when absent. */
  readonly latencyMsMax?: number;
  /** What a direction holds that its reader has not read; 65 536 when absent. */
  readonly windowBytes?: number;
  /** Asked at every dial, `count` being how many there were to that address before. */
  readonly plan?: (target: Address, count: number) => SimPlan;
}

/** What the parts of a simulated network share. */
export interface SimWorld {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly latencyMsMax: number;
  readonly windowBytes: number;
}

type Accept = (wire: Wire) => WireEvents;

const PORT_FIRST = 20_000;

export class SimNet implements Net {
  readonly world: SimWorld;
  readonly #plan: (target: Address, count: number) => SimPlan;
  readonly #listeners = new Map<string, Accept>();
  readonly #dials = new Map<string, number>();
  /** All that are not closed. */
  readonly #wires = new Set<SimWire>();
  #ports = PORT_FIRST;

  constructor({ clock, rng, latencyMsMax = 2, windowBytes = 65_536, plan = () => ({}) }: SimOptions) {
    this.world = { clock, rng, latencyMsMax, windowBytes };
    this.#plan = plan;
  }

  /** How many wires are not closed yet. */
  get openWires(): number {
    for (const wire of this.#wires) if (wire.closed) this.#wires.delete(wire);
    return this.#wires.size;
  }

  listen(at: Address | Fd, accept: Accept): Listener {
    if ("fd" in at) throw new ListenError(formatAddress(at.address), "EBADF");
    const address = at.path === undefined && at.port === 0 ? { host: at.host, port: this.#port() } : at;
    const name = formatAddress(address);
    if (this.#listeners.has(name)) throw new ListenError(name, "EADDRINUSE");
    this.#listeners.set(name, accept);
    const stop = () => void (this.#listeners.get(name) === accept && this.#listeners.delete(name));
    return { address, fd: undefined, stop };
  }

  dial(target: Address, deadlineMs: number, events: WireEvents): Wire {
    const { clock } = this.world;
    const local = target.path === undefined ? { host: "127.0.0.1", port: this.#port() } : target;
    const wire = new SimWire(this.world, { origin: "dialled", local, remote: target });
    wire.hearing(events);
    this.#wires.add(wire);
    const timer = clock.after(deadlineMs, () => wire.unopened(new Fault("SERVER_DIAL_SLOW", "Cannot dial: too slow")));
    clock.after(this.world.rng.next() * this.world.latencyMsMax, () => this.#arrive(wire, timer.cancel));
    return wire;
  }

  afterTurn(run: () => void): void {
    this.world.clock.after(0, run);
  }

  /** The dial has come to its target. */
  #arrive(wire: SimWire, answered: () => void): void {
    const name = formatAddress(wire.remote);
    const count = this.#dials.get(name) ?? 0;
    this.#dials.set(name, count + 1);
    const plan = this.#plan(wire.remote, count);
    if (plan.silent === true) return;
    answered();
    const accept = plan.refused === true ? undefined : this.#listeners.get(name);
    if (accept === undefined) wire.unopened(new Fault("SERVER_UNREACHABLE", `Cannot dial: ECONNREFUSED "${name}"`));
    else if (wire.dialing) this.#join(wire, accept, plan);
  }

  #join(dialled: SimWire, accept: Accept, plan: SimPlan): void {
    const accepted = new SimWire(this.world, { origin: "accepted", local: dialled.remote, remote: dialled.local });
    this.#wires.add(accepted);
    const up = new SimPipe(this.world, dialled, accepted, { resetAt: plan.upResetAtByte, stallAt: plan.upStallAtByte });
    const down = new SimPipe(this.world, accepted, dialled, {
      resetAt: plan.downResetAtByte,
      stallAt: plan.downStallAtByte,
    });
    accepted.born(down, up, accept);
    dialled.opened(up, down);
  }

  #port(): number {
    this.#ports += 1;
    return this.#ports;
  }
}
