/**
 * What workers and steward of a pool tell each other. A worker asks by `report`, which may be lost with the steward, so it
 * asks again; the steward answers by the command `told`, to all workers, of which one knows the number.
 */
import type { TableName, TableRow } from "../pgconn/console-tables.ts";
import type { Verb } from "../pgconn/console-words.ts";

/** Topics of `report`. */
export const REPORT = { ask: "ask", cancel: "cancel", starving: "starving" } as const;
/** Names of `command`. */
export const COMMAND = { told: "told", cancel: "cancel", yield: "yield" } as const;
/** Questions of `gather`. */
export const GATHER = {
  view: "pool view",
  clients: "pool clients",
  servers: "pool servers",
  pause: "pool pause",
} as const;
/** Topics of `push`. */
export const PUSH = { paused: "paused" } as const;

export type Asked =
  | { readonly id: number; readonly table: TableName }
  | { readonly id: number; readonly verb: Verb; readonly database: string | undefined };

export interface Told {
  readonly worker: number;
  readonly id: number;
  readonly reply: Reply;
}

export type Reply =
  | { readonly kind: "rows"; readonly rows: readonly TableRow[] }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly message: string; readonly why: "database" | "state" | "steward" };

/** A cancel request whose key another worker gave. */
export interface CancelAsked {
  readonly processId: number;
  readonly secret: Uint8Array;
}

/** Which databases are paused; the newest version stands. */
export interface Paused {
  readonly version: number;
  readonly databases: readonly string[];
}

/** How far a worker is with it. */
export interface PauseState {
  readonly version: number;
  readonly paused: readonly string[];
  /** Of those the ones whose links are all closed. */
  readonly quiet: readonly string[];
}

/** A worker has clients that wait, and no place of the limit is free. */
export interface StarvingReport {
  readonly database: string;
  readonly waiting: number;
  /** How many links it has. */
  readonly held: number;
}

/** One worker is to close a link, so that its place becomes free for who starves. */
export interface YieldOrder {
  readonly database: string;
  readonly giver: number;
  /** So many it keeps, unless some are idle. */
  readonly share: number;
}
