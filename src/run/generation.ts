/**
 * What a keeper inherits from the one before it at a binary upgrade: the shared page, the listening sockets, and numbers
 * that no process of the box has had. Not how it is started: that is `upgrade.ts`.
 */
import type { Clock, Timer } from "../../proxy/base/clock.ts";
import { FIRST_SOCKET_FD } from "./child-handle.ts";
import { closeOnExec } from "./os.ts";
import type { Page } from "./page.ts";
import { isAlive, startTicks } from "./proc.ts";
import type { HeldSocket } from "./sockets.ts";

/** Marks the keeper of a next generation; its value is the JSON of a `GenerationOrder`. */
export const GENERATION_VARIABLE = "SCALE_GENERATION";

/** Where the new keeper finds the shared page; the sockets stand behind it. */
export const PAGE_FD = FIRST_SOCKET_FD - 1;

export interface GenerationOrder {
  readonly generation: number;
  /** The new keeper's number in the shared page. Its children have those behind it, the old box has those before it. */
  readonly owner: number;
  readonly sockets: readonly HeldSocket[];
  /** The keepers before this one that may still live, the last one last. */
  readonly predecessors: readonly Predecessor[];
  /** Of `BoxSecrets`: while both are there a client of one generation's pool may meet a worker of the other's. */
  readonly password: string;
  /** The number of workers that somebody has asked for since the start. */
  readonly workers?: number;
  /** Of `BoxSecrets`: with one worker left a box still has the front that it began with, and its sockets. */
  readonly fronted: boolean;
}

/** A pid may be given again; with the time of its birth it names a process for good. */
export interface ProcessId {
  readonly pid: number;
  readonly ticks: string | undefined;
}

export interface Predecessor extends ProcessId {
  /** The numbers of its processes begin with this one, and end before those of the next generation. */
  readonly owner: number;
}

/** What this process was told, if it is a next generation. The variable is gone afterwards: no child is to see it. */
export function takeGeneration(env: NodeJS.ProcessEnv = process.env): GenerationOrder | undefined {
  const text = env[GENERATION_VARIABLE];
  if (text === undefined) return undefined;
  delete env[GENERATION_VARIABLE];
  const order = JSON.parse(text) as GenerationOrder;
  closeOnExec(PAGE_FD);
  for (const { fd } of order.sockets) closeOnExec(fd);
  return order;
}

export function ownId(): ProcessId {
  return { pid: process.pid, ticks: startTicks(process.pid) };
}

const LOOK_MS = 1_000;

/**
 * When a generation before is gone, however it went, frees what its processes held in the shared page, and only that: another
 * one may still drain. A killed keeper's children die with it, so one look later nobody of them is there any more.
 */
export function reclaimAfter({ predecessors, owner }: GenerationOrder, page: Page, clock: Clock): Timer {
  let living = predecessors.map((one, at) => ({ ...one, end: predecessors[at + 1]?.owner ?? owner, isGone: false }));
  const timer = clock.every(LOOK_MS, () => {
    for (const one of living) {
      if (one.isGone) reclaimOwners(page, (held) => held >= one.owner && held < one.end);
    }
    living = living.filter((one) => !one.isGone).map((one) => ({ ...one, isGone: !isStill(one) }));
    if (living.length === 0) timer.cancel();
  });
  return timer;
}

export function isStill({ pid, ticks }: ProcessId): boolean {
  return isAlive(pid) && startTicks(pid) === ticks;
}

export function reclaimOwners(page: Page, isTheirs: (owner: number) => boolean): void {
  for (const owner of page.owners()) if (isTheirs(owner)) page.reclaim(owner);
}
