/**
 * Limits that hold over all processes of a box, and over both generations of an upgrade: server connections, clients.
 * A limit is a row of places in one page of memory that every process maps. A place names its owner, so that the keeper
 * can free the places of a process that died at any instruction; the count can therefore never leak and never be exceeded.
 * The real one is `src/run/page.ts`.
 */
export interface Limits {
  /** The limit of that name, `capacity` places long. All processes that name it share it. */
  limit(name: string, capacity: number): Limit;
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
