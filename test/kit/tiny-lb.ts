/**
 * The smallest lb that a front needs: it takes its targets as the keeper tells them, sends requests to them all the time, and
 * notes each that a right order of things would have spared. A request is an entry in a list; the network is left out.
 */
import { HEALTHY } from "../../proxy/base/health.ts";
import type { Duty, Host, RoleFace } from "../../proxy/role.ts";
import type { FrontTarget, Targets } from "../../src/run/front.ts";
import type { TinyDuties, TinyWorker } from "./tiny-role.ts";

export interface TinyLbOptions {
  readonly workers: number;
  /** A request every so often, from each worker. */
  readonly everyMs: number;
  /** A request takes up to so long. */
  readonly takesMsMax: number;
}

/** What happened to the requests of all workers. */
export interface TinyTraffic {
  answered: number;
  /** Nobody was there to take it. */
  unserved: number;
  /** Given to a worker that drains already: a real one would have refused the connection. */
  late: number;
  /** Cut off because its worker was told to stop. */
  cut: number;
}

export interface TinyWorld {
  readonly duties: TinyDuties;
  readonly traffic: TinyTraffic;
  /** Whether the process with that number lives. */
  isAlive(owner: number): boolean;
}

interface Flight {
  readonly key: string;
  readonly worker: TinyWorker;
}

const LOOK_MS = 5;

export class TinyLb implements Duty<TinyLbOptions> {
  readonly #options: TinyLbOptions;
  readonly #host: Host;
  readonly #world: TinyWorld;
  readonly #flights = new Set<Flight>();
  #targets: Targets = { version: 0, targets: [] };
  #draining = false;
  #stopped = false;

  constructor(options: TinyLbOptions, host: Host, world: TinyWorld) {
    this.#options = options;
    this.#host = host;
    this.#world = world;
  }

  start(): Promise<void> {
    this.#host.onPush("targets", (state) => this.#take(state as Targets));
    this.#host.clock.every(this.#options.everyMs, () => this.#send());
    return Promise.resolve();
  }

  health(): typeof HEALTHY {
    return HEALTHY;
  }

  prepare(): ReturnType<Duty<TinyLbOptions>["prepare"]> {
    return Promise.resolve({ how: "in place", commit: () => undefined, abort: () => undefined });
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true;
    await this.#until(() => this.#flights.size === 0, deadlineMs);
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#world.traffic.cut += this.#flights.size;
    this.#flights.clear();
    return Promise.resolve();
  }

  async command(name: string, argument: unknown): Promise<unknown> {
    if (name === "targets") this.#take(argument as Targets);
    if (name === "targets-idle") {
      const { key, deadlineMs } = argument as { key: string; deadlineMs: number };
      await this.#until(() => ![...this.#flights].some((flight) => flight.key === key), deadlineMs);
    }
    return undefined;
  }

  #take(next: Targets): void {
    if (next.version > this.#targets.version) this.#targets = next;
  }

  #isGone(): boolean {
    return this.#stopped || !this.#world.isAlive(this.#host.box.owner);
  }

  #send(): void {
    if (this.#isGone() || this.#draining) return;
    const { traffic } = this.#world;
    const active = this.#targets.targets.filter(({ state }) => state === "active");
    const start = Math.floor(this.#host.rng.next() * active.length);
    // A dead one refuses the connection, and the next is tried.
    const found = active.map((_, at) => active[(start + at) % active.length]).find((one) => this.#workerOf(one));
    const worker = this.#workerOf(found);
    if (found === undefined || worker === undefined) {
      traffic.unserved += 1;
      return;
    }
    if (worker.draining) traffic.late += 1;
    const flight = { key: found.key, worker };
    this.#flights.add(flight);
    this.#host.clock.after(this.#host.rng.next() * this.#options.takesMsMax, () => this.#land(flight));
  }

  #workerOf(target: FrontTarget | undefined): TinyWorker | undefined {
    const worker = this.#world.duties.workers.find(({ host }) => host.box.socketPath === target?.path);
    return worker !== undefined && this.#world.isAlive(worker.host.box.owner) ? worker : undefined;
  }

  #land(flight: Flight): void {
    if (!this.#flights.delete(flight) || this.#isGone()) return;
    const { traffic } = this.#world;
    if (flight.worker.stopped) traffic.cut += 1;
    else if (this.#world.isAlive(flight.worker.host.box.owner)) traffic.answered += 1;
  }

  #until(holds: () => boolean, deadlineMs: number): Promise<void> {
    const { clock } = this.#host;
    const until = clock.now() + deadlineMs;
    return new Promise((resolve) => {
      const timer = clock.every(LOOK_MS, () => {
        if (!holds() && clock.now() < until) return;
        timer.cancel();
        resolve();
      });
    });
  }
}

export function tinyLb(world: TinyWorld): RoleFace<TinyLbOptions> {
  return {
    workers: ({ workers }) => workers,
    listens: () => [],
    worker: (options, host) => new TinyLb(options, host, world),
  };
}
