/** What the steward shows of the box, as the keeper sees it; pushed to it as topic `box` at every change. Plain data. */
import { formatAddress } from "../../proxy/base/address.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import type { ProblemWire } from "../problem/problem.ts";
import type { ChildHandle, ChildKind } from "./child-handle.ts";
import { placeName, type Plan } from "./plan.ts";
import type { HeldSocket } from "./sockets.ts";

export interface Overview {
  readonly state: string;
  readonly plan: {
    readonly name: string;
    readonly role: string;
    readonly mode: string;
    /** Of the box's own crew. */
    readonly workers: number;
  };
  readonly crews: readonly { readonly name: string; readonly workers: number }[];
  readonly fronted: boolean;
  readonly listens: readonly string[];
  readonly keeperPid: number;
  /** Births are milliseconds since 1970. */
  readonly bornMs: number;
  /** Counts binary upgrades, from 1. */
  readonly generation: number;
  readonly configGeneration: number;
  readonly lastReload?: { readonly ok: boolean; readonly atMs: number; readonly problems?: readonly ProblemWire[] };
  /** The last upgrade that failed; one that does not leaves another keeper. */
  readonly lastUpgrade?: { readonly atMs: number; readonly problems: readonly ProblemWire[] };
  readonly children: readonly ChildOverview[];
}

export interface ChildOverview {
  readonly kind: ChildKind;
  /** "" of the steward. */
  readonly crew: string;
  readonly index: number;
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
  readonly bornMs: number;
}

export interface OverviewParts {
  readonly plan: Plan;
  readonly state: string;
  readonly children: readonly ChildHandle[];
  readonly sockets: readonly HeldSocket[];
  readonly clock: Clock;
  readonly bornMs: number;
  readonly generation: number;
  readonly configGeneration: number;
  readonly lastReload: Overview["lastReload"];
  readonly lastUpgrade: Overview["lastUpgrade"];
  restartsOf(child: ChildHandle): number;
}

export function makeOverview(parts: OverviewParts): Overview {
  const { plan, clock } = parts;
  // Another process has another monotonic clock.
  const wallOf = (nowMs: number): number => clock.wall() - (clock.now() - nowMs);
  return {
    state: parts.state,
    plan: { name: plan.name, role: plan.role, mode: plan.mode, workers: plan.crews[0].workers },
    crews: plan.crews.map(({ name, workers }) => ({ name, workers })),
    fronted: plan.front !== undefined,
    listens: listensOf(plan, parts.sockets),
    keeperPid: process.pid,
    bornMs: wallOf(parts.bornMs),
    generation: parts.generation,
    configGeneration: parts.configGeneration,
    ...(parts.lastReload === undefined ? {} : { lastReload: parts.lastReload }),
    ...(parts.lastUpgrade === undefined ? {} : { lastUpgrade: parts.lastUpgrade }),
    children: parts.children.map((child) => ({
      kind: child.kind,
      crew: child.crew,
      index: child.index,
      pid: child.pid,
      state: child.state.now,
      restarts: parts.restartsOf(child),
      bornMs: wallOf(child.bornMs),
    })),
  };
}

/** Where a port was left to the kernel, the one that it chose. */
export function listensOf(plan: Plan, sockets: readonly HeldSocket[]): readonly string[] {
  return plan.listens.map((text) => {
    const held = sockets.find(({ asked }) => asked.port === 0 && formatAddress(asked) === text);
    return held === undefined ? text : formatAddress(held.address);
  });
}

/** "worker 1", "lb 1", "steward". */
export function placeOf(overview: Overview, child: ChildOverview): string {
  return child.kind === "steward" ? "steward" : placeName(overview.plan, child.crew, child.index);
}
