/**
 * Changes a box over to a new plan, all or nothing. First everyone gets ready for it and may refuse; a child that cannot
 * change in place gets a successor, which must be ready. Only when all of that has worked does anything change.
 */
import { asProblem, Problem } from "../problem/problem.ts";
import type { ChildHandle, ChildKind } from "./child-handle.ts";

import type { Plan } from "./plan.ts";

export interface ChangeOver {
  readonly children: readonly ChildHandle[];
  readonly timeoutMs: number;
  /** Starts a child of the new plan in that place, beside the one that is there. */
  raise(kind: ChildKind, index: number): Promise<ChildHandle>;
  /** The point of no return. */
  decided(): void;
}

export async function changeOver(next: Plan, change: ChangeOver): Promise<void> {
  const kept = change.children.filter((child) => child.kind === "steward" || child.index <= next.workers);
  const surplus = change.children.filter((child) => !kept.includes(child));
  const prepared: ChildHandle[] = [];
  const outgoing: ChildHandle[] = [...surplus];
  const incoming: ChildHandle[] = [];
  try {
    for (const { child, how } of await askAll(kept, next, change.timeoutMs, prepared)) {
      if (how === "in place") continue;
      outgoing.push(child);
      incoming.push(await change.raise(child.kind, child.index));
    }
    if (!kept.some((child) => child.kind === "steward")) incoming.push(await change.raise("steward", 0));
    for (let index = 1; index <= next.workers; index += 1) {
      const there = kept.some((child) => child.kind === "worker" && child.index === index);
      if (!there) incoming.push(await change.raise("worker", index));
    }
  } catch (error) {
    await undo(prepared, incoming, change.timeoutMs);
    throw asProblem(error);
  }
  change.decided();
  const staying = prepared.filter((child) => !outgoing.includes(child));
  await Promise.all(staying.map((child) => commit(child, change.timeoutMs)));
  // Nobody waits for a drain: it may take long, and what comes next need not.
  for (const child of outgoing) void child.end(next.limits.drainTimeoutMs);
}

type How = { readonly child: ChildHandle; readonly how: string };

/** All are asked, and all have answered before this settles, so that an abort meets nobody who is still preparing. */
async function askAll(
  kept: readonly ChildHandle[],
  next: Plan,
  timeoutMs: number,
  prepared: ChildHandle[],
): Promise<How[]> {
  const answers = await Promise.allSettled(
    kept.map(async (child): Promise<How> => {
      const how = await child.peer.ask("command", "prepare", next, timeoutMs);
      prepared.push(child);
      return { child, how: String(how) };
    }),
  );
  const refused = answers.find((answer) => answer.status === "rejected");
  if (refused !== undefined) throw refused.reason;
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
}

async function undo(
  prepared: readonly ChildHandle[],
  incoming: readonly ChildHandle[],
  timeoutMs: number,
): Promise<void> {
  await Promise.all(prepared.map((child) => obey(child, "abort", timeoutMs)));
  await Promise.all(incoming.map((child) => child.end(0)));
}

/** A child that fails to do what it said it could is not on either plan: it is killed, and comes back on the new one. */
async function commit(child: ChildHandle, timeoutMs: number): Promise<void> {
  await obey(child, "commit", timeoutMs);
}

async function obey(child: ChildHandle, command: "commit" | "abort", timeoutMs: number): Promise<void> {
  try {
    await child.peer.ask("command", command, undefined, timeoutMs);
  } catch (error) {
    child.lastWords ??= new Problem("RUN_RELOAD_BROKEN", {
      what: `Cannot ${command} a reload in ${child.kind} ${child.index}: ${asProblem(error).message}`,
    });
    child.kill();
  }
}
