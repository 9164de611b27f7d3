/**
 * Makes the conversations of clients: what all of a worker share, what those of a database share, and what is logged and
 * counted when one ends other than well.
 */
import type { Budget } from "../base/byte-queue.ts";
import type { Fault } from "../base/fault.ts";
import { Gather } from "../pgconn/gather.ts";
import type { PinReason } from "../pgconn/pins.ts";
import { Rollbacks } from "../pgconn/rollback.ts";
import type { Host } from "../role.ts";
import type { ClientHouse } from "./client-house.ts";
import { PoolClient } from "./client.ts";
import type { MakeClient } from "./clients.ts";
import type { Database } from "./databases.ts";
import type { FaultCounts } from "./fault-counts.ts";

export interface MakeClientParts {
  readonly host: Host;
  readonly budget: Budget;
  readonly faults: FaultCounts;
}

/** A client that goes is no news; that a server did, or that we were wrong, is. */
const LEVELS = { client: "debug", server: "warn", self: "warn" } as const satisfies Record<Fault["side"], string>;

export function makeClient({ host, budget, faults }: MakeClientParts): MakeClient {
  const { clock, log } = host;
  const shared = { clock, budget, up: new Gather(), down: new Gather(), rollbacks: new Rollbacks(clock) };
  const houses = new WeakMap<Database, ClientHouse>();
  const houseOf = (database: Database): ClientHouse => {
    const known = houses.get(database);
    if (known !== undefined) return known;
    const { name, traffic, statements, setup } = database;
    const house: ClientHouse = {
      ...shared,
      ...{ traffic, statements, isSession: setup.mode === "session", refusesHolds: setup.sessionState === "refuse" },
      failed: (client, fault) => {
        faults.count(fault);
        const level = fault.code === "BUG" ? "error" : LEVELS[fault.side];
        log[level]("client_failed", {
          code: fault.code,
          reason: fault.message,
          database: name,
          client: client.wire.remote,
        });
      },
      pinned: (_client, reasons: readonly PinReason[]) => {
        log.debug("link_pinned", { database: name, reasons });
      },
    };
    houses.set(database, house);
    return house;
  };
  return ({ database }, { wire, pool, settings }, closed) =>
    new PoolClient({ wire, house: houseOf(database), pool, settings, closed });
}
