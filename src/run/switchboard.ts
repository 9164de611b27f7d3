/**
 * Who hears what one child says. Crews are apart: a steward's `push` goes to every worker of the crew it names and is kept
 * for those to come, a worker's `report` goes to its crew's part of the steward, and a steward's `gather` and `command` are
 * put to every worker of the crew that is ready. What names no crew is about the box: a question to all of them.
 */
import type { Answer } from "../../proxy/role.ts";
import { Problem } from "../problem/problem.ts";
import type { ChildHandle } from "./child-handle.ts";
import type { Verb } from "./peer.ts";
import { scoped, unscoped } from "./scope.ts";

export interface Call {
  readonly from: ChildHandle;
  readonly verb: Verb;
  /** Of a steward's: as `scoped` made it. */
  readonly name: string;
  readonly value: unknown;
  /** Of all crews; those that start hear what is pushed, those that are ready are asked. */
  readonly workers: readonly ChildHandle[];
  readonly steward: ChildHandle | undefined;
  /** The last state of every topic, by its scoped name. */
  readonly pushed: Map<string, unknown>;
}

/** An answer to a question that was put to all crews. */
export interface BoxAnswer extends Answer {
  readonly crew: string;
  readonly pid: number;
}

/** A worker that takes longer to answer a question is left out of the answer. */
const GATHER_TIMEOUT_MS = 1_000;
const COMMAND_TIMEOUT_MS = 30_000;

export function relay(call: Call): unknown {
  if (call.from.kind === "worker") return relayReport(call);
  const { crew, name } = unscoped(call.name);
  const crewmates = call.workers.filter((worker) => crew === "" || worker.crew === crew);
  const ready = crewmates.filter((worker) => worker.state.is("ready"));
  switch (call.verb) {
    case "push":
      call.pushed.set(call.name, call.value);
      if (crew !== "") pushTo(crewmates, name, call.value);
      return undefined;
    case "report":
      return undefined;
    case "gather":
      return gather(ready, name).then((answers) => (crew === "" ? answers : answers.map(ofCrew)));
    case "command":
      return command(ready, name, call.value).then((answers) => (crew === "" ? answers : answers.map(ofCrew)));
  }
}

function ofCrew({ worker, value }: BoxAnswer): Answer {
  return { worker, value };
}

/** To those that start as well: they may have been told the state before this one. */
export function pushTo(workers: readonly ChildHandle[], topic: string, state: unknown): void {
  for (const worker of workers) {
    if (!worker.state.is("stopped")) worker.peer.tell("push", topic, state);
  }
}

function relayReport({ from, verb, name, value, steward }: Call): unknown {
  if (verb === "report") {
    steward?.peer.tell("report", scoped(from.crew, name), { worker: from.index, seen: value });
    return undefined;
  }
  throw new Problem("RUN_UNEXPECTED", { what: `Cannot ${verb} "${name}": only a steward may` });
}

async function gather(workers: readonly ChildHandle[], question: string): Promise<readonly BoxAnswer[]> {
  const answers = workers.map(async (worker): Promise<BoxAnswer | undefined> => {
    try {
      const value = await worker.peer.ask("gather", question, undefined, GATHER_TIMEOUT_MS);
      return { crew: worker.crew, worker: worker.index, pid: worker.pid, value };
    } catch (error) {
      // A worker that is dying or does not turn has no answer: that is what the caller is to see.
      if (error instanceof Problem) return undefined;
      throw error;
    }
  });
  return (await Promise.all(answers)).filter((answer) => answer !== undefined);
}

function command(workers: readonly ChildHandle[], name: string, value: unknown): Promise<readonly BoxAnswer[]> {
  return Promise.all(
    workers.map(async (worker) => ({
      crew: worker.crew,
      worker: worker.index,
      pid: worker.pid,
      value: await worker.peer.ask("command", `role ${name}`, value, COMMAND_TIMEOUT_MS),
    })),
  );
}
