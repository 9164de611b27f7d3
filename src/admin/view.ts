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
  readonly config: ConfigStatus;
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
  readonly process: "keeper" | "steward" | "worker";
  /** 1 … n for workers, 0 for the others. */
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
