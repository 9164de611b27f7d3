/**
 * The keeper's eye on its workers: one whose event loop has stopped turning is killed, one that has grown too large is
 * replaced. It counts its own looks and not milliseconds, so that a machine that was asleep accuses nobody.
 */
import type { Clock, Timer } from "../../proxy/base/clock.ts";
import { Problem } from "../problem/problem.ts";
import { type ChildHandle, inProgram } from "./child-handle.ts";
import type { Plan } from "./plan.ts";

export interface Watched {
  readonly plan: Plan;
  workers(): readonly ChildHandle[];
  starting(): readonly ChildHandle[];
  replace(child: ChildHandle, why: Problem): Promise<void>;
}

export interface WatchSeams {
  readonly clock: Clock;
  /** The row of a process in the shared page. */
  rowOf(owner: number): { beats(): number; readNote(): string } | undefined;
  /** What a process holds for itself; 0 when it is gone. */
  heldBytes(pid: number): number;
  failed(error: unknown): void;
}

export const LOOK_MS = 1_000;
/** Beyond this times the limit there is no time to drain. */
const FAR_TOO_LARGE = 1.5;

export class Watch {
  readonly #keeper: Watched;
  readonly #seams: WatchSeams;
  readonly #lastBeats = new Map<number, { readonly beats: number; readonly still: number }>();
  readonly #leaving = new Set<number>();

  constructor(keeper: Watched, seams: WatchSeams) {
    this.#keeper = keeper;
    this.#seams = seams;
  }

  start(): Timer {
    return this.#seams.clock.every(LOOK_MS, () => this.look());
  }

  look(): void {
    const workers = this.#keeper.workers();
    for (const owner of this.#lastBeats.keys()) {
      if (!workers.some((child) => child.owner === owner)) this.#lastBeats.delete(owner);
    }
    for (const child of workers) {
      if (!this.#stalled(child)) this.#sized(child);
    }
    for (const child of this.#keeper.starting()) this.#grown(child);
  }

  /** One that grows before it is ready serves nobody yet: there is nothing to drain. */
  #grown(child: ChildHandle): void {
    const bytes = this.#seams.heldBytes(child.pid);
    if (bytes <= this.#keeper.plan.limits.memoryMaxBytes) return;
    child.lastWords = this.#tooLarge(child, bytes);
    child.kill();
  }

  #tooLarge(child: ChildHandle, bytes: number): Problem {
    const { memoryMaxBytes } = this.#keeper.plan.limits;
    return new Problem("RUN_WORKER_TOO_LARGE", {
      what: `Cannot go on with ${child.place} (pid ${child.pid}): it uses ${mib(bytes)} MiB of memory, and may use ${mib(memoryMaxBytes)}`,
      ...inProgram(child.program),
      fix: "Look for what the program keeps and never lets go, or raise memory_max",
    });
  }

  #stalled(child: ChildHandle): boolean {
    const row = this.#seams.rowOf(child.owner);
    const { stallTimeoutMs } = this.#keeper.plan.limits;
    if (row === undefined || stallTimeoutMs === 0) return false;
    const beats = row.beats();
    const last = this.#lastBeats.get(child.owner);
    const still = last?.beats === beats ? last.still + 1 : 0;
    this.#lastBeats.set(child.owner, { beats, still });
    if (still * LOOK_MS < stallTimeoutMs) return false;
    const doing = row.readNote();
    child.lastWords = new Problem("RUN_WORKER_STALLED", {
      what: `Cannot go on with ${child.place} (pid ${child.pid}): its event loop has not turned for ${stallTimeoutMs} ms`,
      ...inProgram(child.program),
      ...(doing === "" ? {} : { why: `The last thing it began: ${doing}` }),
      fix: "Find the synchronous loop or call in that handler; move it to a Worker or make it asynchronous",
    });
    child.kill();
    return true;
  }

  #sized(child: ChildHandle): void {
    const max = this.#keeper.plan.limits.memoryMaxBytes;
    const bytes = this.#seams.heldBytes(child.pid);
    if (bytes <= max) return;
    const why = this.#tooLarge(child, bytes);
    if (bytes > max * FAR_TOO_LARGE) {
      child.lastWords = why;
      child.kill();
    } else if (!this.#leaving.has(child.owner)) {
      this.#leaving.add(child.owner);
      this.#keeper
        .replace(child, why)
        .catch((error) => this.#seams.failed(error))
        .finally(() => this.#leaving.delete(child.owner));
    }
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}
