/** What links and their pools need of the process around them, and how they are set. */
import type { Budget } from "../base/byte-queue.ts";
import type { Clock } from "../base/clock.ts";
import type { Digest } from "../base/digest.ts";
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Net } from "../net/wire.ts";

export interface LinkWorld {
  readonly net: Net;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly digest: Digest;
  readonly log: Log;
  readonly limits: Limits;
  readonly budget: Budget;
}

export interface LinkKnobs {
  /** Most connections to the server, over all users, workers and generations of the box. */
  readonly size: number;
  /** How many workers of a generation share them. */
  readonly workers: number;
  /** Most who wait for a link of one user in this worker. */
  readonly waitersMax: number;
  /** How long one may wait; 0 is for ever. */
  readonly waitTimeoutMs: number;
  /** When a link that nobody has used is closed; 0 is never. */
  readonly idleTimeoutMs: number;
  /** When a link is closed however well it is; 0 is never. */
  readonly lifetimeMs: number;
  /** From the dial to the end of the login. */
  readonly loginTimeoutMs: number;
  /** How long a server has to close a connection that we have ended; then it is reset. */
  readonly closeTimeoutMs: number;
  /** How often a backend at work looks whether we are still there; 0 is never. */
  readonly checkIntervalMs: number;
  /** Most that waits for the kernel on one link in our direction. */
  readonly spillBytesMax: number;
  /** Server messages up to this size are read whole. */
  readonly wholeBytesMax: number;
}
