/**
 * A box from start to exit: the keeper with real processes, signals, systemd's notifications, and the parent that may
 * have started it (`scale up`). It returns the exit code; it never ends the process itself.
 */
import type { Log } from "../../proxy/base/log.ts";
import { asProblem, type Problem, problemsOf } from "../problem/problem.ts";
import { codes } from "../problem/codes.ts";
import { printProblems } from "../problem/print.ts";
import { clock } from "./clock.ts";
import { Keeper } from "./keeper.ts";
import { makeLog } from "./log.ts";
import { redactProblem } from "./log-redact.ts";
import { makeNotify, type Notify } from "./notify.ts";
import { forgetProgramPages, setName } from "./os.ts";
import { Page } from "./page.ts";
import type { Plan, PlanSource } from "./plan.ts";
import { heldBytes } from "./proc.ts";
import { injectionWarning } from "./self.ts";
import { obeySignals } from "./signals.ts";
import { spawnWith } from "./spawn.ts";
import { Watch } from "./watch.ts";
import { watchFiles } from "./watch-files.ts";

/** The keeper's own number in the shared page. */
const KEEPER = 1;

/** What a box tells the process that started it over IPC. */
export type BoxNews =
  | {
      readonly event: "ready";
      readonly pid: number;
      readonly listens: readonly string[];
      /** Where its admin listener answers; absent while it cannot have its address. */
      readonly admin?: string;
    }
  | { readonly event: "failed"; readonly problems: readonly ReturnType<Problem["toJSON"]>[] };

export async function runBox(source: PlanSource): Promise<number> {
  const plan = await firstPlan(source);
  const log = await makeLog({ ...plan.log, box: plan.name, role: plan.role, process: "keeper", index: 0 });
  warnOfInjection(log);
  setName("scale keeper");
  const code = await new Box(plan, source, log).run();
  log.flush();
  return code;
}

async function firstPlan(source: PlanSource): Promise<Plan> {
  try {
    return await source();
  } catch (error) {
    tellFailed(problemsOf(error));
    throw error;
  }
}

class Box {
  readonly #source: PlanSource;
  readonly #log: Log;
  readonly #page = Page.create(KEEPER);
  readonly #notify: Notify;
  readonly #keeper: Keeper;
  readonly #end = Promise.withResolvers<number>();

  constructor(plan: Plan, source: PlanSource, log: Log) {
    this.#source = source;
    this.#log = log;
    this.#notify = makeNotify({ failed: (reason) => log.warn("notify_failed", { reason: asProblem(reason).message }) });
    this.#keeper = new Keeper(plan, {
      clock,
      log,
      spawn: spawnWith(this.#page.fd),
      reclaim: (owner) => this.#page.reclaim(owner),
      fatal: (problem) => {
        this.#tell([problem]);
        // In development the next change of a file tries again.
        if (this.#keeper.plan.mode === "production") void this.#stop(codes[problem.code].exit);
      },
      changed: () => this.#notify.status(this.#statusLine()),
    });
  }

  async run(): Promise<number> {
    const unlisten = obeySignals({
      stop: (exitCode) => void this.#stop(exitCode),
      now: (exitCode) => this.#endNow(exitCode),
      reload: () => void this.#reload(),
    });
    const watch = new Watch(this.#keeper, {
      clock,
      rowOf: (owner) => this.#page.rowOf(owner),
      heldBytes,
      failed: (error) => this.#log.error("replace_failed", { reason: asProblem(error).message }),
    }).start();
    const folder = this.#keeper.plan.watch;
    const files = folder === undefined ? undefined : watchFiles(folder, clock, () => void this.#reload());
    try {
      await this.#begin();
      return await this.#end.promise;
    } finally {
      watch.cancel();
      files?.close();
      unlisten();
      this.#notify.close();
    }
  }

  /** A box whose first workers cannot start has failed; in development it waits for the next change of a file. */
  async #begin(): Promise<void> {
    const keeper = this.#keeper;
    try {
      await keeper.start();
    } catch (error) {
      if (keeper.state.is("draining") || keeper.state.is("stopped")) return;
      const problems = problemsOf(error);
      this.#tell(problems);
      tellFailed(problems);
      if (keeper.plan.mode === "production") await this.#stop(codes[problems[0]?.code ?? "RUN_UNEXPECTED"].exit);
      return;
    }
    this.#tellReady();
    this.#rest();
  }

  /** From now on it only waits. */
  #rest(): void {
    Bun.gc(true);
    forgetProgramPages();
  }

  async #stop(exitCode: number): Promise<void> {
    if (this.#keeper.state.is("draining") || this.#keeper.state.is("stopped")) return;
    const { drainTimeoutMs } = this.#keeper.plan.limits;
    this.#log.info("box_stopping", { drainTimeoutMs });
    this.#notify.stopping(drainTimeoutMs);
    await this.#keeper.stop();
    this.#log.info("box_stopped");
    this.#end.resolve(exitCode);
  }

  #endNow(exitCode: number): void {
    this.#keeper.kill();
    this.#end.resolve(exitCode);
  }

  async #reload(): Promise<void> {
    // While it starts or stops, systemd is not to hear of a reload that waits or never comes.
    const serving = this.#keeper.state.is("ready");
    if (serving) this.#notify.reloading();
    try {
      await this.#keeper.reload(await this.#nextPlan());
      this.#log.info("reload_done");
      this.#tellReady();
      this.#rest();
    } catch (error) {
      this.#tell(problemsOf(error));
      this.#log.error("reload_failed", { kept: "the configuration from before" });
      if (serving && this.#keeper.state.is("ready")) this.#notify.ready(this.#statusLine());
    }
  }

  async #nextPlan(): Promise<Plan> {
    try {
      return await this.#source();
    } catch (error) {
      this.#keeper.refused(problemsOf(error));
      throw error;
    }
  }

  /** For the log's readers a line each, and for a person the whole text. */
  #tell(problems: readonly Problem[]): void {
    for (const { code, message, parts } of problems) {
      this.#log.error("problem", {
        code,
        reason: message,
        ...(parts.where === undefined ? {} : { where: parts.where }),
      });
    }
    process.stderr.write(printProblems(problems.map(redactProblem), { colour: process.stderr.isTTY === true }));
  }

  #tellReady(): void {
    const { plan } = this.#keeper;
    this.#notify.ready(this.#statusLine());
    const admin = this.#keeper.told("admin");
    tellParent({
      event: "ready",
      pid: process.pid,
      listens: plan.listens,
      ...(typeof admin === "string" ? { admin } : {}),
    });
  }

  #statusLine(): string {
    const { plan, state } = this.#keeper;
    return `${state.now}, ${this.#keeper.workers().length} of ${plan.workers} workers, ${plan.listens.join(", ")}`;
  }
}

function tellFailed(problems: readonly Problem[]): void {
  tellParent({ event: "failed", problems: problems.map((problem) => problem.toJSON()) });
}

/** `scale up`, if it started this box. */
function tellParent(news: BoxNews): void {
  process.send?.(news);
}

function warnOfInjection(log: Log): void {
  const reason = injectionWarning();
  if (reason !== undefined) log.warn("bun_options_set", { reason, fix: "In a unit: UnsetEnvironment=BUN_OPTIONS" });
}
