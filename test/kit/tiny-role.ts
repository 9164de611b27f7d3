/**
 * The smallest role that uses every part of the contract: it proves the processes of a box before any real role needs
 * them. A worker greets; the steward tells all workers whom to greet, and hears from them.
 */
import { HEALTHY } from "../../proxy/base/health.ts";
import type { Duty, Host, RoleFace } from "../../proxy/role.ts";

export interface TinyOptions {
  readonly greeting: string;
  readonly workers: number;
  /** Whether a change is taken in place, needs a successor, or is refused by that worker. */
  readonly change: "in place" | "replace";
  readonly refusedBy?: number;
  /** A worker with this index cannot start. */
  readonly startsNot?: number;
  /** A worker with this index is ready a second later than the others. */
  readonly startsLate?: number;
  /** The second worker with this index cannot start. */
  readonly startsNotAgain?: number;
  readonly drainsForMs?: number;
  /** A worker with this index fails at commit. */
  readonly breaksAtCommit?: number;
}

export class TinyWorker implements Duty<TinyOptions> {
  greeting: string;
  whom = "nobody";
  draining = false;
  drained = false;
  stopped = false;
  prepared = false;
  readonly host: Host;
  readonly #options: TinyOptions;

  constructor(options: TinyOptions, host: Host) {
    this.#options = options;
    this.greeting = options.greeting;
    this.host = host;
  }

  async start(): Promise<void> {
    const { index } = this.host.box;
    if (this.#options.startsNot === index) throw new Error("Cannot start: told not to");
    if (this.#options.startsLate === index) await new Promise<void>((ready) => this.host.clock.after(1_000, ready));
    this.host.onPush("whom", (state) => {
      this.whom = String(state);
    });
    this.host.onGather("greeting", () => `${this.greeting}, ${this.whom}`);
    this.host.limits.limit("tiny", 8).take();
    this.host.report("started", index);
  }

  health(): typeof HEALTHY {
    return HEALTHY;
  }

  prepare(next: TinyOptions): ReturnType<Duty<TinyOptions>["prepare"]> {
    const { index } = this.host.box;
    if (next.refusedBy === index) return Promise.reject(new Error("Cannot prepare: told not to"));
    if (next.change === "replace") return Promise.resolve({ how: "replace" });
    this.prepared = true;
    return Promise.resolve({
      how: "in place",
      commit: () => {
        this.prepared = false;
        if (next.breaksAtCommit === index) throw new Error("Cannot commit: told not to");
        this.greeting = next.greeting;
      },
      abort: () => {
        this.prepared = false;
      },
    });
  }

  async drain(): Promise<void> {
    const { drainsForMs } = this.#options;
    this.draining = true;
    if (drainsForMs !== undefined) {
      await new Promise<void>((resolve) => void this.host.clock.after(drainsForMs, resolve));
    }
    this.drained = true;
  }

  stop(): Promise<void> {
    this.stopped = true;
    return Promise.resolve();
  }

  command(name: string, argument: unknown): Promise<unknown> {
    if (name === "fail") this.host.fail(new Error(String(argument)));
    return Promise.resolve(`${name} done`);
  }
}

export class TinySteward implements Duty<TinyOptions> {
  readonly heard: { readonly worker: number; readonly seen: unknown }[] = [];
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  start(): Promise<void> {
    this.host.onReport("started", (seen, worker) => this.heard.push({ worker, seen }));
    return Promise.resolve();
  }

  health(): typeof HEALTHY {
    return HEALTHY;
  }

  prepare(): ReturnType<Duty<TinyOptions>["prepare"]> {
    return Promise.resolve({ how: "in place", commit: () => undefined, abort: () => undefined });
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

export interface TinyDuties {
  readonly workers: TinyWorker[];
  readonly stewards: TinySteward[];
}

/** The face, and where its duties can be looked at, oldest first. */
export function tinyRole(): { readonly face: RoleFace<TinyOptions>; readonly duties: TinyDuties } {
  const duties: TinyDuties = { workers: [], stewards: [] };
  return {
    duties,
    face: {
      workers: (options) => options.workers,
      listens: () => [],
      worker: (options, host) => {
        const again = duties.workers.some((before) => before.host.box.index === host.box.index);
        const startsNot = again ? options.startsNotAgain : undefined;
        const worker = new TinyWorker(startsNot === undefined ? options : { ...options, startsNot }, host);
        duties.workers.push(worker);
        return worker;
      },
      steward: (_options, host) => {
        const steward = new TinySteward(host);
        duties.stewards.push(steward);
        return steward;
      },
    },
  };
}
