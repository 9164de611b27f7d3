/**
 * What one box is to be: everything its processes need to know, made from the configuration once and sent to them
 * whole. Plain data: it crosses process boundaries. A reload makes a new plan.
 */
import type { Address } from "../../proxy/base/address.ts";
import type { LogLevel } from "../../proxy/base/log.ts";

export interface Plan {
  readonly role: string;
  /** The name of the box, `--name` or host-role. */
  readonly name: string;
  readonly mode: "production" | "development";
  /** The role's own crew first; then, behind and before it, those of its front. */
  readonly crews: readonly [Crew, ...Crew[]];
  /** There when the crew "lb" stands before the workers of the first. */
  readonly front?: FrontPlan;
  readonly listens: readonly string[];
  readonly limits: ProcessLimits;
  readonly admin: AdminPlan;
  readonly log: LogPlan;
  /** In development: the folder whose changes reload the box. */
  readonly watch?: string;
}

/** Workers of one role. */
export interface Crew {
  /** The name of the role, which no other crew of the box has. */
  readonly name: string;
  /** The role's own options, made by its `setup`. */
  readonly options: unknown;
  readonly workers: number;
  /** The file of the program that the workers run, if they run one: it stands with what goes wrong in them. */
  readonly program?: string;
  /** Additions to the workers' environment at birth. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the keeper listens on for them. */
  readonly sockets: readonly Address[];
}

/** A crew that stands with a role's own: before it ("lb") or behind it ("pool"). */
export interface CrewWish {
  readonly role: "lb" | "pool";
  /** As the `setup` of that role would make them. */
  readonly options: unknown;
}

/** What the processes of one box share, the same for its whole life; for what stands between them. */
export interface BoxSecrets {
  /** Only processes of this box, and root, find their way into it. */
  readonly folder: string;
  /** Random text that fits into a URL, for a password between processes of the box. */
  readonly password: string;
  /** Whether the running box has a front, which it keeps; undefined before its first plan. */
  readonly fronted: boolean | undefined;
}

export interface FrontPlan {
  /** Of the box alone: where the workers behind the front have their sockets. */
  readonly folder: string;
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

/** What a running box is to be, beyond what its sources say. */
export interface Wish {
  /** How many workers the first crew is to have (`scale app --count`). */
  readonly workers?: number;
}

/** Makes the plan anew from its sources; rejects with Problems when they cannot be obeyed. */
export type PlanSource = (wish: Wish, box: BoxSecrets) => Promise<Plan>;

/** The crew whose workers clients reach through the front, if there is one. */
export function crewBehindFront(plan: Plan): Crew | undefined {
  return plan.front === undefined ? undefined : plan.crews[0];
}

export function crewOf(plan: Plan, name: string): Crew | undefined {
  return plan.crews.find((crew) => crew.name === name);
}

/** What people call a place: the workers of a box's own role are its workers, the others go by their role. */
export function placeName(plan: Pick<Plan, "role">, crew: string, index: number): string {
  return `${crew === plan.role ? "worker" : crew} ${index}`;
}

/** A worker learns nothing of the other crews: their options may hold what its program is not to know. */
export function planOfWorker(plan: Plan, crew: string): Plan {
  const own = crewOf(plan, crew);
  return own === undefined ? plan : { ...plan, crews: [own] };
}
