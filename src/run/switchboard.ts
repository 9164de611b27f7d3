/**
 * Who hears what one child says: a steward's `push` goes to every worker and is kept for those to come, a worker's
 * `report` goes to the steward, and a steward's `gather` and `command` are put to every worker that is ready.
 */
import type { Answer } from "../../proxy/role.ts";
import { Problem } from "../problem/problem.ts";
import type { ChildHandle } from "./child-handle.ts";
import type { Verb } from "./peer.ts";

export interface Call {
  readonly from: ChildHandle;
  readonly verb: Verb;
  readonly name: string;
  readonly value: unknown;
  /** Those that are ready. */
  readonly workers: readonly ChildHandle[];
  readonly steward: ChildHandle | undefined;
  /** The last state of every topic. */
  readonly pushed: Map<string, unknown>;
}

/** A worker that takes longer to answer a question is left out of the answer. */
const GATHER_TIMEOUT_MS = 1_000;
const COMMAND_TIMEOUT_MS = 30_000;

export function relay(call: Call): unknown {
  switch (call.verb) {
    case "push":
      call.pushed.set(call.name, call.value);
      for (const worker of call.workers) worker.peer.tell("push", call.name, call.value);
      return undefined;
    case "report":
      call.steward?.peer.tell("report", call.name, { worker: call.from.index, seen: call.value });
      return undefined;
    case "gather":
      return gather(call);
    case "command":
      return command(call);
  }
}

async function gather(call: Call): Promise<readonly Answer[]> {
  const answers = call.workers.map(async (worker): Promise<Answer | undefined> => {
    try {
      return { worker: worker.index, value: await worker.peer.ask("gather", call.name, undefined, GATHER_TIMEOUT_MS) };
    } catch (error) {
      // A worker that is dying or does not turn has no answer: that is what the caller is to see.
      if (error instanceof Problem) return undefined;
      throw error;
    }
  });
  return (await Promise.all(answers)).filter((answer) => answer !== undefined);
}

function command(call: Call): Promise<readonly Answer[]> {
  return Promise.all(
    call.workers.map(async (worker) => ({
      worker: worker.index,
      value: await worker.peer.ask("command", `role ${call.name}`, call.value, COMMAND_TIMEOUT_MS),
    })),
  );
}
