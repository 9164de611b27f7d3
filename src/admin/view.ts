/**
 * What the admin listener may ask of a box, and the shapes it answers with. The steward of the box implements it
 * (`box-steward.ts`); nothing here knows processes.
 */
import type { ProblemWire } from "../problem/problem.ts";

export interface AdminView {
  /** Whether the box should be given traffic at this moment. */
  ready(): Promise<Readiness>;
  status(): Promise<StatusJson>;
  /** All metrics of the box in Prometheus' text format (`exposition.ts`). */
  metrics(): Promise<string>;
  /** Has the box run so many workers of its own role; resolves when all of them serve, rejects with a Problem. */
  count(workers: number): Promise<void>;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly ReadyCheck[];
}

export interface ReadyCheck {
  /** What was looked at: `worker 1`, `steward`, `box`. */
  readonly name: string;
  readonly ok: boolean;
  /** Present when not ok. */
  readonly why?: string;
}

/** The answer of /status. Names may be added, none changes its meaning. Times since 1970 are ISO texts. */
export interface StatusJson {
  readonly box: string;
  readonly role: string;
  readonly mode: "production" | "development";
  readonly version: string;
  readonly commit: string;
  readonly state: string;
  readonly ready: boolean;
  readonly uptimeMs: number;
  /** Where the box answers its clients: `host:port` or `unix:PATH`. */
  readonly listens: readonly string[];
  readonly admin: string;
  /** Where the box's own user finds the same pages, and may give commands; only of a box with a front. */
  readonly door?: string;
  readonly config: ConfigStatus;
  /** Counts binary upgrades, from 1. */
  readonly generation: number;
  /** The last upgrade that failed in this generation. */
  readonly lastUpgrade?: { readonly ok: false; readonly at: string; readonly problems: readonly ProblemWire[] };
  readonly processes: readonly ProcessStatus[];
}

export interface ConfigStatus {
  /** 1 at the start; one more for every reload that was obeyed. */
  readonly generation: number;
  readonly lastReload?: {
    readonly ok: boolean;
    readonly at: string;
    readonly problems?: readonly ProblemWire[];
  };
}

export interface ProcessStatus {
  /** "keeper", "steward", "worker", or the role of another crew of the box: "lb", "pool". */
  readonly process: string;
  /** 1 … n for the workers of a crew, 0 for the others. */
  readonly index: number;
  readonly pid: number;
  readonly state: string;
  /** How often this place was filled again after a crash. */
  readonly restarts: number;
  readonly rssBytes: number;
  readonly uptimeMs: number;
  /** Present when it has said that it is not well. */
  readonly why?: string;
}
