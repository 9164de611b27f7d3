/**
 * Limits that hold over all processes of a box, and over both generations of an upgrade: server connections, clients.
 * A limit is a row of places in one page of memory that every process maps. A place names its owner, so that the keeper
 * can free the places of a process that died at any instruction; the count can therefore never leak and never be exceeded.
 * The real one is `src/run/page.ts`.
 */
export interface Limits {
  /** The limit of that name, `capacity` places long. All processes that name it share it. */
  limit(name: string, capacity: number): Limit;
  /**
   * A limit whose places stand for something outside that may outlive the process: a server's backend. When the owner dies
   * its places stay taken, as orphans, until somebody knows that what stood behind them is gone.
   */
  traced(name: string, capacity: number): TracedLimit;
}

export interface Limit {
  readonly capacity: number;
  /** Takes a place if fewer than `max` (≤ capacity) are taken; returns it, or -1 when there is none. */
  take(max?: number): number;
  /** Gives back a place that `take` returned to this process. */
  give(place: number): void;
  /** How many places are taken, by all processes. */
  taken(): number;
}

export interface TracedLimit extends Limit {
  /** Writes what stands behind a place of this process. Without it the place becomes an orphan that nobody can look up. */
  trace(place: number, trace: Trace): void;
  /** What stands behind all places that are taken, the orphans' too; of those that were never traced `processId` is 0. */
  traces(): readonly TracedPlace[];
  /** How many places are orphans; much cheaper than `traces`. */
  orphaned(): number;
  /** Frees an orphan: what stood behind it is known to be gone. False when it is none any more. */
  free(orphan: TracedPlace): boolean;
}

/** What a cancel request to a Postgres backend must say, in protocol 3.0. */
export interface Trace {
  readonly processId: number;
  /** The 4 bytes of the secret, as a signed number. */
  readonly secret: number;
}

export interface TracedPlace extends Trace {
  readonly place: number;
  /** Which process holds it, or held it when it died. */
  readonly owner: number;
  readonly orphan: boolean;
}
