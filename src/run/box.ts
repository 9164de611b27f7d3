/**
 * A box from start to exit: the keeper with real processes, signals, systemd's notifications, and the parent that may
 * have started it (`scale up`). It returns the exit code; it never ends the process itself.
 */
import { Problem, Problems } from "../problem/problem.ts";
import { codes } from "../problem/codes.ts";
import { printProblems } from "../problem/print.ts";
import { clock } from "./clock.ts";
import { Keeper } from "./keeper.ts";
import { makeLog } from "./log.ts";
import { makeNotify, type Notify } from "./notify.ts";
import { setName } from "./os.ts";
import { Page } from "./page.ts";
import { asProblem } from "./peer.ts";
import type { Plan, PlanSource } from "./plan.ts";
import { residentBytes } from "./proc.ts";
import { obeySignals } from "./signals.ts";
import { spawnWith } from "./spawn.ts";
import { Watch } from "./watch.ts";
import { watchFiles } from "./watch-files.ts";

/** The keeper's own number in the shared page. */
const KEEPER = 1;

/** What a box tells the process that started it over IPC. */
export type BoxNews =
  | { readonly event: "ready"; readonly pid: number; readonly listens: readonly string[]; readonly admin: string }
  | { readonly event: "failed"; readonly problems: readonly ReturnType<Problem["toJSON"]>[] };

export async function runBox(source: PlanSource): Promise<number> {
  const plan = await firstPlan(source);
  const log = await makeLog({ ...plan.log, box: plan.name, role: plan.role, process: "keeper", index: 0 });
  warnOfInjection(log.warn.bind(log));
  setName("scale keeper");
  const page = Page.create(KEEPER);
  const notify = makeNotify({
    failed: (reason) => log.warn("notify_failed", { reason: asProblem(reason).message }),
  });
  const end = Promise.withResolvers<number>();
  const keeper: Keeper = new Keeper(plan, {
    clock,
    log,
    spawn: spawnWith(page.fd),
    reclaim: (owner) => page.reclaim(owner),
    fatal: (problem) => {
      tellProblems([problem], log.error.bind(log));
      void stop(codes[problem.code].exit);
    },
    changed: () => notify.status(statusLine(keeper)),
  });

  const stop = async (exitCode: number): Promise<void> => {
    log.info("box_stopping", { drainTimeoutMs: keeper.plan.limits.drainTimeoutMs });
    notify.stopping(keeper.plan.limits.drainTimeoutMs);
    await keeper.stop();
    log.info("box_stopped");
    end.resolve(exitCode);
  };
  const reload = async (): Promise<void> => {
    notify.reloading();
    try {
      const next = await source().catch((error) => {
        keeper.refused(problemsOf(error));
        throw error;
      });
      await keeper.reload(next);
      log.info("reload_done");
    } catch (error) {
      tellProblems(problemsOf(error), log.error.bind(log));
      log.error("reload_failed", { kept: "the configuration from before" });
    }
    notify.ready(statusLine(keeper));
  };
  const unlisten = obeySignals({
    stop: (exitCode) => void stop(exitCode),
    now: (exitCode) => {
      keeper.kill();
      end.resolve(exitCode);
    },
    reload: () => void reload(),
  });

  const watch = new Watch(keeper, {
    clock,
    rowOf: (owner) => page.rowOf(owner),
    residentBytes,
    failed: (error) => log.error("replace_failed", { reason: asProblem(error).message }),
  }).start();
  const files = plan.watch === undefined ? undefined : watchFiles(plan.watch, clock, () => void reload());
  try {
    await begin(keeper, notify, log.error.bind(log), end.resolve);
    return await end.promise;
  } finally {
    watch.cancel();
    files?.close();
    unlisten();
    notify.close();
    log.flush();
  }
}

async function firstPlan(source: PlanSource): Promise<Plan> {
  try {
    return await source();
  } catch (error) {
    tellParent({ event: "failed", problems: problemsOf(error).map((problem) => problem.toJSON()) });
    throw error;
  }
}

type Say = (event: string, fields: Record<string, unknown>) => void;

/** A box whose first workers cannot start has failed; in development it waits for the next change of a file. */
async function begin(keeper: Keeper, notify: Notify, say: Say, end: (code: number) => void): Promise<void> {
  try {
    await keeper.start();
    notify.ready(statusLine(keeper));
    tellParent({ event: "ready", pid: process.pid, listens: keeper.plan.listens, admin: keeper.plan.admin.listen });
  } catch (error) {
    if (keeper.state.is("draining") || keeper.state.is("stopped")) return;
    const problems = problemsOf(error);
    tellProblems(problems, say);
    tellParent({ event: "failed", problems: problems.map((problem) => problem.toJSON()) });
    if (keeper.plan.mode === "development") return;
    await keeper.stop();
    const [first] = problems;
    end(first === undefined ? 1 : codes[first.code].exit);
  }
}

export function problemsOf(error: unknown): readonly Problem[] {
  return error instanceof Problems ? error.list : [asProblem(error)];
}

/** For the log's readers a line each, and for a person the whole text. */
function tellProblems(problems: readonly Problem[], say: Say): void {
  for (const problem of problems) {
    say("problem", { code: problem.code, reason: problem.message, ...(problem.parts.where === undefined ? {} : { where: problem.parts.where }) });
  }
  process.stderr.write(printProblems(problems, { colour: process.stderr.isTTY === true }));
}

function tellParent(news: BoxNews): void {
  process.send?.(news);
}

/** It acts before any code of ours, so all that can be done is to say so and not to hand it on. */
function warnOfInjection(warn: Say): void {
  if (process.env["BUN_OPTIONS"] === undefined) return;
  warn("bun_options_set", {
    reason: "BUN_OPTIONS changes the runtime of this process before scale begins; children do not get it",
    fix: "Unset it, or use UnsetEnvironment=BUN_OPTIONS in the unit",
  });
}

function statusLine(keeper: Keeper): string {
  const { plan, state } = keeper;
  return `${state.now}, ${keeper.workers().length} of ${plan.workers} workers, ${plan.listens.join(", ")}`;
}
