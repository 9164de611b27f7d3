/**
 * One configured server address: where it stands, and how much of our work it has. It dials nothing and decides nothing;
 * its `Upstream` moves it. What belongs to it elsewhere (idle connections, counters) hangs on `own`.
 * Invariants: counts are never negative; a target that is leaving is told idle once, and gone once.
 */
import type { Address } from "../base/address.ts";
import { assert } from "../base/assert.ts";
import { type Edges, State } from "../base/state.ts";

/**
 * "untried" has no verdict of a check and is used like "up". "down" is a check's verdict. "ejected": connects to it failed,
 * and it rests until `restsUntilMs`; "trial": one exchange finds out whether it is back. "leaving" gets nothing new.
 */
export const TARGET_STATES = {
  untried: ["up", "down", "ejected", "leaving"],
  up: ["untried", "down", "ejected", "leaving"],
  down: ["untried", "up", "leaving"],
  ejected: ["trial", "up", "down", "leaving"],
  trial: ["ejected", "up", "down", "leaving"],
  leaving: ["gone"],
  gone: [],
} as const satisfies Edges<string>;

export type TargetState = keyof typeof TARGET_STATES;

/** A target as the file or the keeper names it; `key` is what makes it the same target at the next `retarget`. */
export interface Listed {
  readonly key: string;
  readonly address: Address;
  readonly weight: number;
}

/** Who hears how a target that is leaving ends. */
export interface Leaver<Own> {
  /** Nothing is in flight to it but tunnels. */
  idle(target: Target<Own>): void;
  /** Nothing at all is; nobody will speak of it again. */
  gone(target: Target<Own>): void;
}

export class Target<Own = unknown> {
  readonly key: string;
  readonly address: Address;
  /** The parts of its owner that go with it. */
  readonly own: Own;
  readonly state: State<TargetState>;
  weight: number;
  /** What was given to it and not taken back: exchanges, tunnels, connections. */
  inFlight = 0;
  /** How many of those are tunnels. */
  tunnels = 0;
  /** Connects that failed since one succeeded. */
  failures = 0;
  /** When an ejected one may be tried again, by the clock. */
  restsUntilMs = 0;
  /** The running sum of the smooth round robin. */
  turn = 0;
  /** How often it was picked, connects to it failed, and it was ejected, for metrics. */
  picks = 0;
  connectsFailed = 0;
  ejections = 0;
  readonly #leaver: Leaver<Own>;

  constructor(listed: Listed, leaver: Leaver<Own>, own: (listed: Listed) => Own) {
    this.key = listed.key;
    this.address = listed.address;
    this.weight = listed.weight;
    this.own = own(listed);
    this.#leaver = leaver;
    this.state = new State<TargetState>(TARGET_STATES, "untried");
  }

  /** One more is given to it. */
  take(): void {
    this.inFlight += 1;
  }

  /** One of them is over. */
  give(): void {
    assert(this.inFlight > this.tunnels, "Cannot give back: nothing but tunnels is in flight to the target");
    this.inFlight -= 1;
    if (this.state.now === "trial") this.state.go("ejected");
    else if (this.state.now === "leaving") this.#leftOne();
  }

  /** One of them has become a tunnel. */
  takeTunnel(): void {
    assert(this.inFlight > this.tunnels, "Cannot make a tunnel: nothing else is in flight to the target");
    this.tunnels += 1;
    if (this.state.now === "leaving" && this.inFlight === this.tunnels) this.#leaver.idle(this);
  }

  /** A tunnel is over. */
  giveTunnel(): void {
    assert(this.tunnels > 0, "Cannot give a tunnel back: there is none");
    this.tunnels -= 1;
    this.inFlight -= 1;
    if (this.state.now === "leaving" && this.inFlight === 0) this.#end();
  }

  /** Gets nothing new from now on. */
  leave(): void {
    this.state.go("leaving");
    if (this.inFlight === this.tunnels) this.#leaver.idle(this);
    if (this.inFlight === 0 && this.state.now === "leaving") this.#end();
  }

  #leftOne(): void {
    if (this.inFlight !== this.tunnels) return;
    this.#leaver.idle(this);
    if (this.inFlight === 0) this.#end();
  }

  #end(): void {
    this.state.go("gone");
    this.#leaver.gone(this);
  }
}
