/**
 * What one box is to be: everything its processes need to know, made from the configuration once and sent to them
 * whole. Plain data: it crosses process boundaries. A reload makes a new plan.
 */
import type { LogLevel } from "../../proxy/base/log.ts";

export interface Plan {
  readonly role: string;
  /** The name of the box, `--name` or host-role. */
  readonly name: string;
  readonly mode: "production" | "development";
  /** The role's own options, made by its `setup`. */
  readonly options: unknown;
  readonly workers: number;
  /** The file of the program that the workers run, if they run one: it stands with what goes wrong in them. */
  readonly program?: string;
  readonly listens: readonly string[];
  /** Additions to the workers' environment at birth. */
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: ProcessLimits;
  readonly admin: AdminPlan;
  readonly log: LogPlan;
  /** In development: the folder whose changes reload the box. */
  readonly watch?: string;
}

export interface ProcessLimits {
  readonly startTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** A worker whose event loop has not turned for so long is killed; 0 turns the watchdog off. */
  readonly stallTimeoutMs: number;
  /** A worker larger than this is replaced. */
  readonly memoryMaxBytes: number;
}

export interface AdminPlan {
  /** `host:port` or `unix:PATH`. */
  readonly listen: string;
  readonly token?: string;
}

export interface LogPlan {
  readonly level: LogLevel;
  readonly format: "auto" | "json" | "pretty";
}

/** Makes the plan anew from its sources; rejects with Problems when they cannot be obeyed. */
export type PlanSource = () => Promise<Plan>;
