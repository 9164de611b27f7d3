/**
 * What a contract test stands on: a Net of some engine, a way to let its time pass, and the peers that were made, whose
 * watch over the rules is asked at the end. The kernel's rig has real sockets, the simulated one a fake clock.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../proxy/base/address.ts";
import { BunNet } from "../../proxy/net/bun-net.ts";
import type { Fd, Listener, Net } from "../../proxy/net/wire.ts";
import { clock as realClock } from "../../src/run/clock.ts";
import { peekSeam } from "../../src/run/os.ts";
import { FakeClock } from "./clock.ts";
import { Peer, type Reactions } from "./net-peer.ts";
import { SimNet, type SimOptions } from "./net-sim.ts";
import { SeededRng } from "./rng.ts";
import { StingyNet } from "./net-stingy.ts";
import { until } from "./until.ts";

export interface Engine {
  readonly name: string;
  /** Largest content that a row may send; the stingy engine needs an event for each byte. */
  readonly bytesMax: number;
  /** Whether there are real descriptors. */
  readonly kernel: boolean;
  make(): Rig;
}

export abstract class Rig {
  abstract readonly net: Net;
  readonly peers: Peer[] = [];
  readonly #listeners: Listener[] = [];
  #folder: string | undefined;
  #paths = 0;

  /** Resolves when it holds; what must happen for it happens meanwhile. */
  abstract until(what: string, condition: () => boolean): Promise<void>;
  /** Lets what is on its way arrive. */
  abstract settle(): Promise<void>;

  /** Where nobody listens yet. */
  fresh(kind: "tcp" | "unix"): Address {
    if (kind === "tcp") return { host: "127.0.0.1", port: 0 };
    this.#folder ??= mkdtempSync(join(tmpdir(), "net-"));
    this.#paths += 1;
    return { path: join(this.#folder, `${this.#paths}.sock`) };
  }

  listen(at: Address | Fd, reactions: Reactions = {}, seen?: (peer: Peer) => void): Listener {
    const listener = this.net.listen(at, (wire) => {
      const peer = this.#keep(new Peer(reactions).on(wire));
      seen?.(peer);
      return peer.events;
    });
    this.#listeners.push(listener);
    return listener;
  }

  dial(target: Address, reactions: Reactions = {}, deadlineMs = 5_000): Peer {
    return this.#keep(Peer.dial(this.net, target, reactions, deadlineMs));
  }

  /** A client and its server, both open. */
  async pair(options: PairOptions = {}): Promise<{ client: Peer; server: Peer; listener: Listener }> {
    const accepted: Peer[] = [];
    const at = this.fresh(options.kind ?? "tcp");
    const listener = this.listen(at, options.server, (peer) => accepted.push(peer));
    const client = this.dial(listener.address, options.client);
    await this.until("the pair is open", () => client.drains > 0 && accepted.length > 0);
    return { client, server: accepted[0] as Peer, listener };
  }

  /** Closes all and says which rules were broken. */
  async end(): Promise<readonly string[]> {
    for (const listener of this.#listeners) listener.stop();
    for (const peer of this.peers) peer.close();
    await this.until("all are closed", () => this.peers.every(({ closed }) => closed));
    await this.settle();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
    return this.peers.flatMap(({ broken }) => broken);
  }

  #keep(peer: Peer): Peer {
    this.peers.push(peer);
    return peer;
  }
}

export interface PairOptions {
  readonly kind?: "tcp" | "unix";
  readonly client?: Reactions;
  readonly server?: Reactions;
}

/** Turns of the loop that bring all that is on its way over loopback. */
const TURNS_TO_SETTLE = 20;

export class KernelRig extends Rig {
  readonly net: Net;

  constructor(dress: (net: Net) => Net = (net) => net) {
    super();
    this.net = dress(new BunNet({ clock: realClock, seam: peekSeam }));
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    for (let turns = 0; turns < TURNS_TO_SETTLE; turns += 1) {
      if (condition()) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(what, condition, 10_000);
  }

  async settle(): Promise<void> {
    for (let turns = 0; turns < TURNS_TO_SETTLE; turns += 1) await Bun.sleep(1);
  }
}

const SIM_MS_MAX = 20_000;

export class SimRig extends Rig {
  readonly clock = new FakeClock();
  readonly sim: SimNet;
  readonly net: Net;

  constructor(seed: number, dress: (net: Net) => Net = (net) => net, options: Partial<SimOptions> = {}) {
    super();
    this.sim = new SimNet({ clock: this.clock, rng: new SeededRng(seed), ...options });
    this.net = dress(this.sim);
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const endMs = this.clock.now() + SIM_MS_MAX;
    while (!condition()) {
      if (this.clock.now() > endMs)
        throw new Error(`Cannot wait any longer until ${what}: ${SIM_MS_MAX} ms have passed`);
      await this.clock.advanceAsync(1);
    }
  }

  async settle(): Promise<void> {
    await this.clock.advanceAsync(50);
  }
}

/** One seed a row, so that a failure names the one it needs. */
const SEED = 20_251;
const stingy = (net: Net): Net => new StingyNet(net, { rng: new SeededRng(SEED) });
const MEBIBYTE = 1_048_576;

export const engines: Readonly<Record<"bun" | "stingy" | "simulated" | "stingySimulated", Engine>> = {
  bun: { name: "bun", bytesMax: 8 * MEBIBYTE, kernel: true, make: () => new KernelRig() },
  stingy: { name: "stingy bun", bytesMax: 30_000, kernel: true, make: () => new KernelRig(stingy) },
  simulated: { name: "simulated", bytesMax: 8 * MEBIBYTE, kernel: false, make: () => new SimRig(SEED) },
  stingySimulated: { name: "stingy simulated", bytesMax: 3_000, kernel: false, make: () => new SimRig(SEED, stingy) },
};
