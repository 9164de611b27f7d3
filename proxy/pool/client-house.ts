/** What clients of a database are given of the process around them. */
import type { Budget } from "../base/byte-queue.ts";
import type { Clock } from "../base/clock.ts";
import type { Fault } from "../base/fault.ts";
import type { Gather } from "../pgconn/gather.ts";
import type { PinReason } from "../pgconn/pins.ts";
import type { Rollbacks } from "../pgconn/rollback.ts";
import type { Statements } from "../pgconn/statements.ts";
import type { PoolClient } from "./client.ts";
import type { Traffic } from "./traffic.ts";

/** What the clients of one database share in this worker. */
export interface ClientHouse {
  readonly clock: Clock;
  readonly budget: Budget;
  /** Of the database. */
  readonly traffic: Traffic;
  readonly statements: Statements;
  /** Of the worker: one for what goes to servers, one for what goes to clients. */
  readonly up: Gather;
  readonly down: Gather;
  readonly rollbacks: Rollbacks;
  /** A link is kept until the client leaves. */
  readonly isSession: boolean;
  /** What only a session can hold is refused, instead of pinning the link. */
  readonly refusesHolds: boolean;
  /** The conversation has ended in a Fault; to be logged and counted. */
  failed(client: PoolClient, fault: Fault): void;
  /** What pins the client's link has changed; none is none. */
  pinned(client: PoolClient, reasons: readonly PinReason[]): void;
}
