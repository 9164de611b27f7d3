/**
 * The contract between a role and the processes that run it. A role knows nothing of processes, signals or files: it is
 * given its options and a `Host`, and makes one duty per process. `src/run` calls the methods of a duty in the order of
 * its lifecycle: new → starting → ready → draining → stopped.
 */
import type { Address } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import type { Digest } from "./base/digest.ts";
import type { Health } from "./base/health.ts";
import type { Leases } from "./base/lease.ts";
import type { Limits } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import type { Metrics } from "./base/metrics.ts";
import type { Rng } from "./base/rng.ts";
import type { Net } from "./net/wire.ts";

export interface RoleFace<Options> {
  /** How many workers carry the traffic. */
  workers(options: Options): number;
  /** Additions to the environment of the workers at birth, for what must be there before any code runs (NODE_ENV). */
  environment?(options: Options): { readonly [name: string]: string };
  /** The file of the program that the workers run, for a role that runs one. */
  program?(options: Options): string | undefined;
  /** In development: the folder whose changes call for a reload. */
  sources?(options: Options): string | undefined;
  /** Addresses this box answers on, for people and for `up --json`; `host:port` or `unix:PATH`. */
  listens(options: Options): readonly string[];
  /**
   * The listening sockets that the keeper opens once, before any worker, and hands to every worker: `host.net.listen` of
   * such an address adopts the inherited one, so that no connection is lost while workers come and go. A change that adds
   * or removes one is answered by "replace"; whoever has it then is a successor.
   */
  sockets?(options: Options): readonly Address[];
  worker(options: Options, host: Host): Duty<Options>;
  /** Absent when the role has no duty that is not traffic; the steward of the box has its own all the same. */
  steward?(options: Options, host: Host): Duty<Options>;
}

/** What one process of a role does, from birth to death. */
export interface Duty<Options> {
  /** Resolves when it can take traffic; rejects with a Problem or Fault that says why it never will. */
  start(): Promise<void>;
  health(): Health;
  /** Looks whether `next` can be obeyed, and gets ready to; nothing changes before `commit`. Rejects when it cannot. */
  prepare(next: Options): Promise<Prepared>;
  /** Finishes what is in flight, accepts nothing new; resolves at the latest after `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>;
  /** Lets go of everything at once. */
  stop(): Promise<void>;
  /** Answers to `host.command` and to the keeper's commands other than the lifecycle's. */
  command?(name: string, argument: unknown): Promise<unknown>;
}

/**
 * "in place": this process can change over. "replace": it cannot (a program loads only once), so the keeper starts a new
 * process with the next options beside it, and drains this one when that is ready.
 */
export type Prepared =
  | { readonly how: "in place"; commit(): void | Promise<void>; abort(): void | Promise<void> }
  | { readonly how: "replace" };

/** What a duty may use of the world. The SQL grammar (`sql`) joins with the role that needs it. */
export interface Host {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly digest: Digest;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: Limits;
  readonly leases: Leases;
  readonly net: Net;
  readonly box: Box;
  /** Steward to workers: state `topic`, whole; a worker that starts later gets the last one. */
  push(topic: string, state: unknown): void;
  /** Worker side of `push`. Called at once when there is a state already. */
  onPush(topic: string, take: (state: unknown) => void): void;
  /** Worker to steward: something seen (an ejected server, a starving limit). Lost when there is no steward just now. */
  report(topic: string, seen: unknown): void;
  /** Steward side of `report`. */
  onReport(topic: string, take: (seen: unknown, worker: number) => void): void;
  /** Every worker's answer to a question; those that died or did not answer in time are left out. */
  gather(question: string): Promise<readonly Answer[]>;
  /** Worker side of `gather`. */
  onGather(question: string, answer: () => unknown): void;
  /** Has every worker do `name` and resolves when all have; rejects if one cannot. */
  command(name: string, argument?: unknown): Promise<readonly Answer[]>;
  /** Of a steward: has the box read its sources again, as SIGHUP does; how that ends is in its log. */
  reload(): void;
  /** This process cannot go on, and why: it ends, and the keeper decides what comes next. */
  fail(reason: unknown): void;
  /**
   * Where a worker may leave, in at most `bytes.length` bytes of UTF-8, what it is doing just now; `noteLength` says how
   * many of them count. The keeper quotes it when the process stops turning.
   */
  readonly note: Note;
}

export interface Note {
  readonly bytes: Uint8Array;
  setLength(length: number): void;
}

export interface Answer {
  readonly worker: number;
  readonly value: unknown;
}

export interface Box {
  /** The name of the box in logs and metrics, `--name` or host-role. */
  readonly name: string;
  /** The role of this crew: in a box with a front, "lb" or "pool" beside "app". */
  readonly role: string;
  /** 0 for the steward, 1 … n for workers, each crew counted from 1. */
  readonly index: number;
  /** Counts binary upgrades, from 1. */
  readonly generation: number;
  /** Names this process in the shared page; never used twice in the life of a box, over all its generations. */
  readonly owner: number;
  /** All listening sockets that the keeper holds, of every crew, with the ports that the kernel chose. */
  readonly sockets: readonly BoxSocket[];
  /** Behind a front: the unix socket on which this worker answers, a path that is never used twice. */
  readonly socketPath?: string;
}

export interface BoxSocket {
  /** The crew whose workers accept on it. */
  readonly crew: string;
  /** As `RoleFace.sockets` said it. */
  readonly asked: Address;
  readonly address: Address;
}
