/**
 * Changes a box over to a new plan, all or nothing. First everyone gets ready for it and may refuse. A child that cannot
 * change in place gets a successor, which must be ready before it leaves; of each crew only some are replaced at a time, so
 * that a box never holds two of everything. Only when all successors are there does the rest change. When one is refused on
 * the way, those that have left already come back on the old plan.
 */
import type { Clock } from "../../proxy/base/clock.ts";
import { asProblem, Problem } from "../problem/problem.ts";
import type { ChildHandle, ChildKind } from "./child-handle.ts";
import { type Plan, planOfWorker } from "./plan.ts";
import { orAfter } from "./stopping.ts";

export interface ChangeOver {
  readonly clock: Clock;
  readonly children: readonly ChildHandle[];
  readonly timeoutMs: number;
  /** Starts a child of the new plan in that place, beside the one that is there. */
  raise(kind: ChildKind, crew: string, index: number): Promise<ChildHandle>;
  /** Starts a child of the old plan in the place of one that has left. */
  restore(child: ChildHandle): Promise<void>;
  /** Lets a child finish, then ends it. */
  retire(child: ChildHandle, drainMs: number): Promise<void>;
  /** The point of no return. */
  decided(): void;
}

/** What part of a crew may be there twice. */
const SURGE = 0.25;
/** How long a successor's successor waits for the first predecessor to be gone; a long drain holds nobody up. */
const LEAVE_PATIENCE_MS = 1_000;

export async function changeOver(next: Plan, change: ChangeOver): Promise<void> {
  const kept = change.children.filter((child) => isWanted(next, child));
  const surplus = change.children.filter((child) => !kept.includes(child));
  const prepared: ChildHandle[] = [];
  const roll = new Roll(next, change);
  try {
    const answers = await askAll({ kept, next, timeoutMs: change.timeoutMs, prepared });
    await roll.fill(missingIn(next, kept));
    await roll.replace(answers.filter(({ how }) => how !== "in place").map(({ child }) => child));
  } catch (error) {
    await Promise.all(prepared.filter((child) => !roll.left.has(child)).map((child) => obey(child, "abort", change)));
    await roll.undo();
    throw asProblem(error);
  }
  change.decided();
  const staying = prepared.filter((child) => !roll.left.has(child));
  await Promise.all(staying.map((child) => obey(child, "commit", change)));
  // Nobody waits for a drain: it may take long, and what comes next need not.
  for (const child of surplus) void change.retire(child, next.limits.drainTimeoutMs);
}

interface PlaceOf {
  readonly kind: ChildKind;
  readonly crew: string;
  readonly index: number;
}

/** The successors of one change, and who has left for them. */
class Roll {
  readonly left = new Set<ChildHandle>();
  readonly #next: Plan;
  readonly #change: ChangeOver;
  readonly #incoming: ChildHandle[] = [];

  constructor(next: Plan, change: ChangeOver) {
    this.#next = next;
    this.#change = change;
  }

  /** Places that are empty. */
  async fill(places: readonly PlaceOf[]): Promise<void> {
    await this.#raiseAll(places);
  }

  /** Crew by crew and some at a time: successors are ready, then the predecessors leave. The steward is the last. */
  async replace(outgoing: readonly ChildHandle[]): Promise<void> {
    const crews = [...this.#next.crews.map(({ name }) => name), ""];
    for (const crew of crews) {
      const own = outgoing.filter((child) => child.crew === crew);
      const size = Math.max(1, Math.ceil(own.length * SURGE));
      for (let at = 0; at < own.length; at += size) await this.#replaceSome(own.slice(at, at + size));
    }
  }

  /** Whoever has left comes back on the old plan, and only then its successor goes. */
  async undo(): Promise<void> {
    const restored = await Promise.allSettled([...this.left].map((child) => this.#change.restore(child)));
    const lost = [...this.left].filter((_, at) => restored[at]?.status === "rejected");
    const kept = this.#incoming.filter((child) => lost.some((one) => one.place === child.place));
    const drainMs = this.#next.limits.drainTimeoutMs;
    for (const child of this.#incoming) if (!kept.includes(child)) void this.#change.retire(child, drainMs);
  }

  async #replaceSome(outgoing: readonly ChildHandle[]): Promise<void> {
    await this.#raiseAll(outgoing);
    const leaving = outgoing.map((child) => {
      this.left.add(child);
      return this.#change.retire(child, this.#next.limits.drainTimeoutMs);
    });
    await orAfter(this.#change.clock, Promise.all(leaving), LEAVE_PATIENCE_MS);
  }

  /** All have started or failed before this settles, so that an undo meets nobody who is still starting. */
  async #raiseAll(places: readonly PlaceOf[]): Promise<void> {
    const raised = await Promise.allSettled(
      places.map(({ kind, crew, index }) => this.#change.raise(kind, crew, index)),
    );
    for (const one of raised) if (one.status === "fulfilled") this.#incoming.push(one.value);
    const failed = raised.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}

function isWanted(next: Plan, child: ChildHandle): boolean {
  if (child.kind === "steward") return true;
  return next.crews.some(({ name, workers }) => name === child.crew && child.index <= workers);
}

function missingIn(next: Plan, kept: readonly ChildHandle[]): PlaceOf[] {
  const places: PlaceOf[] = kept.some((child) => child.kind === "steward")
    ? []
    : [{ kind: "steward", crew: "", index: 0 }];
  for (const { name, workers } of next.crews) {
    for (let index = 1; index <= workers; index += 1) {
      const there = kept.some((child) => child.crew === name && child.kind === "worker" && child.index === index);
      if (!there) places.push({ kind: "worker", crew: name, index });
    }
  }
  return places;
}

type How = { readonly child: ChildHandle; readonly how: string };

interface Asking {
  readonly kept: readonly ChildHandle[];
  readonly next: Plan;
  readonly timeoutMs: number;
  /** Takes those that have agreed. */
  readonly prepared: ChildHandle[];
}

/** All are asked, and all have answered before this settles, so that an abort meets nobody who is still preparing. */
async function askAll({ kept, next, timeoutMs, prepared }: Asking): Promise<How[]> {
  const answers = await Promise.allSettled(
    kept.map(async (child): Promise<How> => {
      const how = await child.peer.ask(
        "command",
        "prepare",
        child.kind === "worker" ? planOfWorker(next, child.crew) : next,
        timeoutMs,
      );
      prepared.push(child);
      return { child, how: String(how) };
    }),
  );
  const refused = answers.find((answer) => answer.status === "rejected");
  if (refused !== undefined) throw refused.reason;
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
}

/** A child that fails to do what it said it could is not on either plan: it is killed, and comes back on the one that holds. */
async function obey(child: ChildHandle, command: "commit" | "abort", { timeoutMs }: ChangeOver): Promise<void> {
  try {
    await child.peer.ask("command", command, undefined, timeoutMs);
  } catch (error) {
    child.lastWords ??= new Problem("RUN_RELOAD_BROKEN", {
      what: `Cannot ${command} a reload in ${child.place}: ${asProblem(error).message}`,
    });
    child.kill();
  }
}
