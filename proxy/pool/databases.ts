/**
 * The databases that clients of this worker may name: each a cluster, what its clients do, and how it is set.
 * Invariant: a database that is reset while it serves keeps its links; only its sizes and times change.
 */
import type { LinkKnobs, LinkWorld } from "../pgconn/link-world.ts";
import type { Starving } from "../pgconn/link-places.ts";
import { Statements, LinkStatements } from "../pgconn/statements.ts";
import { LinkSettings } from "../pgconn/settings.ts";
import { Replies } from "../pgconn/replies.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { DatabaseSetup, PoolSetup } from "./setup.ts";
import { Traffic } from "./traffic.ts";

/** A worker's share of memory for clients that wait. */
const WAITERS_MAX = 100_000;
const CLOSE_TIMEOUT_MS = 2_000;
const CHECK_INTERVAL_MS = 1_000;
const SPILL_BYTES_MAX = 0x100000;
const WHOLE_BYTES_MAX = 16_384;
/** PgBouncer's server_lifetime: long enough to cost nothing, short enough that a backend's caches do not grow for ever. */
const LIFETIME_MS = 3_600_000;

export interface Database {
  readonly name: string;
  readonly cluster: Cluster;
  readonly traffic: Traffic;
  readonly statements: Statements;
  setup: DatabaseSetup;
}

export interface DatabasesParts {
  readonly world: LinkWorld;
  readonly starving: (database: string, seen: Starving) => void;
}

export class Databases {
  readonly #parts: DatabasesParts;
  readonly #all = new Map<string, Database>();

  constructor(parts: DatabasesParts) {
    this.#parts = parts;
  }

  get(name: string): Database | undefined {
    return this.#all.get(name);
  }

  all(): IterableIterator<Database> {
    return this.#all.values();
  }

  /** Databases that are new are added, the others set anew. */
  obey(setup: PoolSetup): void {
    for (const [name, database] of Object.entries(setup.databases)) {
      const known = this.#all.get(name);
      if (known === undefined) {
        this.#all.set(name, this.#make(name, database, setup));
        continue;
      }
      known.setup = database;
      known.cluster.primary.setKnobs(knobsOf(database, setup));
    }
  }

  /** Resolves when every link has been closed in order: then its place is free, and nobody has to ask for its backend. */
  async close(): Promise<void> {
    await Promise.all([...this.#all.values()].map(({ cluster }) => cluster.primary.close()));
  }

  stop(): void {
    for (const { cluster } of this.#all.values()) cluster.primary.stop();
  }

  #make(name: string, setup: DatabaseSetup, all: PoolSetup): Database {
    const { world, starving } = this.#parts;
    const statements = new Statements();
    const entriesMax = all.preparedStatementsMax;
    const cluster = new Cluster({
      setup: setup.cluster,
      limit: `pool ${name}`,
      knobs: knobsOf(setup, all),
      world,
      equip: () => ({
        replies: new Replies(),
        statements: new LinkStatements(statements, entriesMax),
        settings: new LinkSettings(),
      }),
      starving: (seen) => starving(name, seen),
    });
    return { name, cluster, traffic: new Traffic(), statements, setup };
  }
}

/** Why a worker cannot change over from one setup to the other while it serves; undefined when it can. */
export function whyReplace(from: PoolSetup, to: PoolSetup): string | undefined {
  if (JSON.stringify(from.sockets) !== JSON.stringify(to.sockets)) return "sockets";
  if (from.preparedStatementsMax !== to.preparedStatementsMax) return "prepared_statements_max";
  for (const [name, database] of Object.entries(from.databases)) {
    const next = to.databases[name];
    if (next === undefined) return `${name} is gone`;
    if (next.mode !== database.mode || next.sessionState !== database.sessionState) return name;
    if (JSON.stringify(next.cluster) !== JSON.stringify(database.cluster)) return name;
  }
  return undefined;
}

function knobsOf({ size, idleTimeoutMs, cluster }: DatabaseSetup, { waitTimeoutMs, workers }: PoolSetup): LinkKnobs {
  return {
    size,
    workers,
    waitersMax: WAITERS_MAX,
    waitTimeoutMs,
    idleTimeoutMs,
    lifetimeMs: LIFETIME_MS,
    loginTimeoutMs: cluster.primary.connectTimeoutMs,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    checkIntervalMs: CHECK_INTERVAL_MS,
    spillBytesMax: SPILL_BYTES_MAX,
    wholeBytesMax: WHOLE_BYTES_MAX,
  };
}
