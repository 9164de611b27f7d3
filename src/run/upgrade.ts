/**
 * The next generation of a box, as the running one starts it: the executable that is on disk now, with the same words, the
 * same listening sockets and the same shared page. Until it is ready nothing has changed; if it does not get so far it is
 * ended, and what its processes held is freed.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Clock } from "../../proxy/base/clock.ts";
import { asProblem, Problem, type ProblemWire } from "../problem/problem.ts";
import { FIRST_SOCKET_FD } from "./child-handle.ts";
import { GENERATION_VARIABLE, type GenerationOrder, type Predecessor } from "./generation.ts";
import type { BoxNews } from "./news.ts";
import { childEnvironment, selfCommand } from "./self.ts";
import type { HeldSocket } from "./sockets.ts";

export interface UpgradeOrder {
  readonly clock: Clock;
  readonly command: readonly string[];
  readonly generation: number;
  readonly owner: number;
  readonly predecessors: readonly Predecessor[];
  readonly pageFd: number;
  readonly sockets: readonly HeldSocket[];
  readonly password: string;
  readonly workers: number | undefined;
  readonly fronted: boolean;
  readonly timeoutMs: number;
  /** The box is told to stop meanwhile. */
  readonly cancelled: AbortSignal;
}

/** A new keeper that serves already. */
export interface NextGeneration {
  readonly pid: number;
  /** What only one generation can have is its from now on. */
  takeOver(): void;
}

/** What the old keeper tells the new one. */
export type PredecessorNews = { readonly event: "yours" };

/** Of systemd's variables, those that the next main process is to have. */
const HANDED_ON = ["NOTIFY_SOCKET", "WATCHDOG_USEC"] as const;

/** Throws RUN_UPGRADE_FAILED when it does not get ready; then its process is gone. */
export async function startNext(order: UpgradeOrder): Promise<NextGeneration> {
  const outcome = Promise.withResolvers<void>();
  const child = spawnNext(order, outcome);
  const timer = order.clock.after(order.timeoutMs, () =>
    outcome.reject(new Error(`it was not ready within ${order.timeoutMs} ms`)),
  );
  // At once, since who cancels may be about to end.
  const cancel = (): void => {
    child.kill("SIGKILL");
    outcome.reject(new Error("the box is stopping"));
  };
  order.cancelled.addEventListener("abort", cancel);
  try {
    await outcome.promise;
  } catch (error) {
    child.kill("SIGKILL");
    await child.exited;
    throw failed(order, error);
  } finally {
    timer.cancel();
    order.cancelled.removeEventListener("abort", cancel);
  }
  child.unref();
  return {
    pid: child.pid,
    takeOver: () => child.send({ event: "yours" } satisfies PredecessorNews),
  };
}

function spawnNext(order: UpgradeOrder, outcome: PromiseWithResolvers<void>): Bun.Subprocess {
  const told: GenerationOrder = {
    generation: order.generation,
    owner: order.owner,
    sockets: order.sockets.map((socket, at) => ({ ...socket, fd: FIRST_SOCKET_FD + at })),
    predecessors: order.predecessors,
    password: order.password,
    fronted: order.fronted,
    ...(order.workers === undefined ? {} : { workers: order.workers }),
  };
  try {
    return Bun.spawn([...order.command], {
      stdio: ["ignore", "inherit", "inherit", order.pageFd, ...order.sockets.map(({ fd }) => fd)],
      serialization: "advanced",
      env: { ...childEnvironment(), ...handedOn(), [GENERATION_VARIABLE]: JSON.stringify(told) },
      ipc: (news: BoxNews) => {
        if (news.event === "ready") outcome.resolve();
        else outcome.reject(Problem.fromWire(news.problems[0] ?? UNKNOWN));
      },
      onExit: (_child, code, signal) =>
        outcome.reject(new Error(`it ended with ${signal === null ? `exit code ${code}` : `signal ${signal}`}`)),
    });
  } catch (error) {
    throw failed(order, error);
  }
}

const UNKNOWN: ProblemWire = new Problem("RUN_UNEXPECTED", { what: "Cannot start: no reason was given" }).toJSON();

function handedOn(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of HANDED_ON) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function failed({ command }: UpgradeOrder, error: unknown): Problem {
  const reason = asProblem(error);
  const { where } = reason.parts;
  return new Problem("RUN_UPGRADE_FAILED", {
    what: `Cannot upgrade to "${command[0]}": ${error instanceof Problem ? reason.message : String((error as Error).message)}`,
    ...(where === undefined ? {} : { where }),
    ...(reason.parts.fix === undefined ? {} : { fix: reason.parts.fix }),
  });
}

/**
 * How this box was started, by the name that a person or unit gave: what stands on disk under it at an upgrade is what will
 * run. Asked at the start, before anyone could change the folder we are in.
 */
export function ownCommand(): readonly string[] {
  const words = process.argv.slice(2);
  if (!Bun.isStandaloneExecutable) return [...selfCommand(), ...words];
  const [name = ""] = readFileSync("/proc/self/cmdline", "utf8").split("\0");
  const path = name.includes("/") ? resolve(name) : (Bun.which(name) ?? process.execPath);
  return [path, ...words];
}
