/**
 * A box from start to exit: the keeper with real processes, signals, systemd's notifications, and the parent that may
 * have started it (`scale up`). It returns the exit code; it never ends the process itself.
 */
import type { Address } from "../../proxy/base/address.ts";
import type { Log } from "../../proxy/base/log.ts";
import { BunNet } from "../../proxy/net/bun-net.ts";
import { asProblem, Problem, problemsOf } from "../problem/problem.ts";
import { codes } from "../problem/codes.ts";
import { printProblems } from "../problem/print.ts";
import { activate, addressFrom } from "./activation.ts";
import { boxFolder, boxPassword, makeBoxFolder, removeBoxFolder } from "./box-folder.ts";
import { clock } from "./clock.ts";
import {
  type GenerationOrder,
  isStill,
  ownId,
  PAGE_FD,
  type Predecessor,
  reclaimAfter,
  reclaimOwners,
  takeGeneration,
} from "./generation.ts";
import { Keeper } from "./keeper.ts";
import { listenFds } from "./listen-fds.ts";
import { makeLog } from "./log.ts";
import { redactProblem } from "./log-redact.ts";
import { tellParent } from "./news.ts";
import { makeNotify, type Notify } from "./notify.ts";
import {
  closeFd,
  closeOnExec,
  dup,
  forgetProgramPages,
  listeningAddress,
  peekSeam,
  setBacklog,
  setName,
} from "./os.ts";
import { listensOf } from "./overview.ts";
import { Page } from "./page.ts";
import type { BoxSecrets, Plan, PlanSource, Wish } from "./plan.ts";
import { heldBytes } from "./proc.ts";
import { injectionWarning } from "./self.ts";
import { obeySignals } from "./signals.ts";
import { type HeldSocket, Sockets } from "./sockets.ts";
import { spawnWith } from "./spawn.ts";
import { type NextGeneration, ownCommand, type PredecessorNews, startNext } from "./upgrade.ts";
import { Watch } from "./watch.ts";
import { watchFiles } from "./watch-files.ts";

/** The first keeper's own number in the shared page. */
const FIRST_OWNER = 1;
/** Numbers that a next generation leaves to this one: as many children may still be born here while it drains. */
const OWNERS_KEPT = 4_096;
/** How much longer than its slowest worker a next generation may take. */
const UPGRADE_GRACE_MS = 10_000;

export async function runBox(source: PlanSource): Promise<number> {
  const before = takeGeneration();
  const command = ownCommand();
  const secrets = { folder: boxFolder(), password: before?.password ?? boxPassword() };
  const start = { source, before, command, secrets };
  const plan = await firstPlan(start);
  const log = await makeLog({ ...plan.log, box: plan.name, role: plan.role, process: "keeper", index: 0 });
  warnOfInjection(log);
  setName("scale keeper");
  const code = await new Box(plan, start, log).run();
  log.flush();
  return code;
}

interface BoxStart {
  readonly source: PlanSource;
  /** What the generation before has handed over. */
  readonly before: GenerationOrder | undefined;
  /** What an upgrade starts. */
  readonly command: readonly string[];
  readonly secrets: Pick<BoxSecrets, "folder" | "password">;
}

async function firstPlan({ source, before, secrets }: BoxStart): Promise<Plan> {
  try {
    return await source(wishOf(before?.workers), { ...secrets, fronted: before?.fronted });
  } catch (error) {
    tellFailed(problemsOf(error));
    throw error;
  }
}

function wishOf(workers: number | undefined): Wish {
  return workers === undefined ? {} : { workers };
}

class Box {
  readonly #start: BoxStart;
  readonly #log: Log;
  readonly #page: Page;
  readonly #sockets: Sockets;
  readonly #keeper: Keeper;
  readonly #end = Promise.withResolvers<number>();
  #notify: Notify;
  /** Asked for while the box runs. */
  #count: number | undefined;
  /** An upgrade is under way, or done. */
  #upgrading = false;
  readonly #ending = new AbortController();
  /** Of a next generation: whether the one before has given way. Until then it is nobody's, and dies with it. */
  #inherited = false;

  constructor(plan: Plan, start: BoxStart, log: Log) {
    const { before } = start;
    const owner = before?.owner ?? FIRST_OWNER;
    this.#start = start;
    this.#log = log;
    this.#count = before?.workers;
    this.#page = before === undefined ? Page.create(owner) : Page.adopt(PAGE_FD, owner);
    this.#sockets = new Sockets({
      net: new BunNet({ clock, seam: peekSeam }),
      clock,
      dup,
      close: closeFd,
      setBacklog,
      random: () => Math.random(),
    });
    this.#notify = makeNotify({ failed: (reason) => log.warn("notify_failed", { reason: asProblem(reason).message }) });
    this.#keeper = new Keeper(plan, {
      clock,
      log,
      spawn: spawnWith(this.#page.fd),
      sockets: this.#sockets,
      generation: before?.generation ?? 1,
      owner,
      reclaim: (dead) => this.#page.reclaim(dead),
      fatal: (problem) => {
        this.#tell([problem]);
        // In development the next change of a file tries again.
        if (this.#keeper.plan.mode === "production") void this.#stop(codes[problem.code].exit);
      },
      changed: () => this.#notify.status(this.#statusLine()),
      wish: (name, value) => this.#wish(name, value),
    });
  }

  async run(): Promise<number> {
    const unlisten = obeySignals({
      stop: (exitCode) => void this.#stop(exitCode),
      now: (exitCode) => this.#endNow(exitCode),
      reload: () => void this.#reload(),
      upgrade: () => void this.#upgrade(),
    });
    const watch = new Watch(this.#keeper, {
      clock,
      rowOf: (owner) => this.#page.rowOf(owner),
      heldBytes,
      failed: (error) => this.#log.error("replace_failed", { reason: asProblem(error).message }),
    }).start();
    const { watch: sources, front } = this.#keeper.plan;
    const files = sources === undefined ? undefined : watchFiles(sources, clock, () => void this.#reload());
    const { before } = this.#start;
    const reclaiming = before === undefined ? undefined : reclaimAfter(before, this.#page, clock);
    if (before !== undefined) {
      process.on("message", (news) => this.#hearPredecessor(news as PredecessorNews));
      process.on("disconnect", () => this.#inherited || this.#endNow(1));
    }
    try {
      await this.#begin();
      return await this.#end.promise;
    } finally {
      reclaiming?.cancel();
      watch.cancel();
      files?.close();
      unlisten();
      this.#notify.close();
      this.#sockets.closeAll({ keepPaths: this.#upgrading });
      if (front !== undefined) removeBoxFolder(front.folder);
    }
  }

  /** What the box finds open already, and where its own sockets will be. */
  #settleIn(): void {
    const { plan } = this.#keeper;
    const { before } = this.#start;
    if (plan.front !== undefined) makeBoxFolder(plan.front.folder);
    if (before !== undefined) this.#sockets.adopt(before.sockets);
    else this.#sockets.adopt(activate(listenFds(process.env, process.pid), plan, { addressOf: openAddress }));
  }

  /** A box whose first workers cannot start has failed; in development it waits for the next change of a file. */
  async #begin(): Promise<void> {
    const keeper = this.#keeper;
    try {
      this.#settleIn();
      await keeper.start();
    } catch (error) {
      if (keeper.state.is("draining") || keeper.state.is("stopped")) return;
      const problems = problemsOf(error);
      this.#tell(problems);
      tellFailed(problems);
      const isHeir = this.#start.before !== undefined;
      if (isHeir || keeper.plan.mode === "production")
        await this.#stop(codes[problems[0]?.code ?? "RUN_UNEXPECTED"].exit);
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
    this.#ending.abort();
    const { drainTimeoutMs } = this.#keeper.plan.limits;
    this.#log.info("box_stopping", { drainTimeoutMs });
    this.#notify.stopping(drainTimeoutMs);
    await this.#keeper.stop();
    this.#log.info("box_stopped");
    this.#end.resolve(exitCode);
  }

  #endNow(exitCode: number): void {
    this.#ending.abort();
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
    const fronted = this.#keeper.plan.front !== undefined;
    try {
      return await this.#start.source(wishOf(this.#count), { ...this.#start.secrets, fronted });
    } catch (error) {
      this.#keeper.refused(problemsOf(error));
      throw error;
    }
  }

  #wish(name: string, value: unknown): unknown {
    if (name === "count") return this.#changeCount(value);
    if (name === "reload") return void this.#reload();
    throw new Problem("RUN_UNEXPECTED", { what: `Cannot obey "${name}": the keeper knows no such wish` });
  }

  async #changeCount(value: unknown): Promise<void> {
    const { plan } = this.#keeper;
    const workers = demandCount(value);
    if (plan.role === "app" && plan.front === undefined && workers !== 1) throw noFront(workers);
    await this.#keeper.count(workers);
    this.#count = workers;
    this.#log.info("count_changed", { workers });
    this.#notify.status(this.#statusLine());
  }

  async #upgrade(): Promise<void> {
    const keeper = this.#keeper;
    try {
      this.#demandUpgradable();
      this.#upgrading = true;
      const next = await this.#startNext();
      await this.#leaveTo(next);
    } catch (error) {
      this.#upgrading = false;
      const problem = asProblem(error);
      this.#tell([problem]);
      this.#log.error("upgrade_failed", { kept: "the generation from before" });
      keeper.upgradeFailed(problem);
    }
  }

  #demandUpgradable(): void {
    const why = this.#whyNoUpgrade();
    if (why !== undefined) throw new Problem("RUN_UPGRADE_REFUSED", { what: `Cannot upgrade: ${why}` });
  }

  #whyNoUpgrade(): string | undefined {
    if (process.pid === 1) return "this is the first process of its container, which ends with it";
    if (process.send !== undefined && this.#start.before === undefined) return '"scale up" watches over this box';
    if (this.#upgrading) return "another upgrade is under way";
    return this.#keeper.state.is("ready") ? undefined : `the box is ${this.#keeper.state.now}`;
  }

  async #startNext(): Promise<NextGeneration> {
    const keeper = this.#keeper;
    const owner = keeper.nextOwner + OWNERS_KEPT;
    const generation = (this.#start.before?.generation ?? 1) + 1;
    this.#log.info("upgrade_started", { generation, executable: this.#start.command[0] });
    try {
      return await startNext({
        clock,
        command: this.#start.command,
        generation,
        owner,
        predecessors: this.#generations(),
        pageFd: this.#page.fd,
        sockets: this.#forNext(),
        password: this.#start.secrets.password,
        workers: this.#count,
        fronted: keeper.plan.front !== undefined,
        timeoutMs: keeper.plan.limits.startTimeoutMs + UPGRADE_GRACE_MS,
        cancelled: this.#ending.signal,
      });
    } catch (error) {
      // Its children die with it; a moment later what they held is free again.
      clock.after(UPGRADE_GRACE_MS, () => reclaimOwners(this.#page, (one) => one >= owner));
      throw error;
    }
  }

  /** Those that still live, with this one. */
  #generations(): readonly Predecessor[] {
    const { before } = this.#start;
    const self = { ...ownId(), owner: before?.owner ?? FIRST_OWNER };
    return [...(before?.predecessors ?? []).filter(isStill), self];
  }

  /**
   * What the next generation listens on, too. Not what stands between the processes of this box, behind its front: they go on
   * to use that while they drain, with a password that only they know.
   */
  #forNext(): readonly HeldSocket[] {
    const isFronted = this.#keeper.plan.front !== undefined;
    return this.#sockets.held.filter(({ crew }) => !isFronted || crew === "lb");
  }

  /** The next generation serves: what only one can have goes to it, then this one finishes what it has. */
  async #leaveTo(next: NextGeneration): Promise<void> {
    this.#log.info("upgrade_ready", { keeperPid: next.pid });
    this.#notify.mainPid(next.pid);
    this.#notify.close();
    this.#notify = makeNotify({ env: {} });
    await this.#keeper.handOver();
    next.takeOver();
    await this.#stop(0);
  }

  #hearPredecessor(news: PredecessorNews): void {
    if (news.event !== "yours") return;
    this.#inherited = true;
    this.#keeper.tell("takeover", true);
    this.#notify.ready(this.#statusLine());
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
    this.#notify.ready(this.#statusLine());
    const admin = this.#keeper.told("admin");
    tellParent({
      event: "ready",
      pid: process.pid,
      listens: this.#listens(),
      ...(typeof admin === "string" ? { admin } : {}),
    });
  }

  #listens(): readonly string[] {
    return listensOf(this.#keeper.plan, this.#sockets.held);
  }

  #statusLine(): string {
    const { plan, state } = this.#keeper;
    const [own] = plan.crews;
    const ready = this.#keeper.workers().filter(({ crew }) => crew === own.name);
    return `${state.now}, ${ready.length} of ${own.workers} workers, ${this.#listens().join(", ")}`;
  }
}

function tellFailed(problems: readonly Problem[]): void {
  tellParent({ event: "failed", problems: problems.map((problem) => problem.toJSON()) });
}

const COUNT_MAX = 256;

function demandCount(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= COUNT_MAX) return value;
  throw new Problem("RUN_COUNT", { what: `Cannot run ${String(value)} workers: a box has 1 to ${COUNT_MAX}` });
}

function noFront(workers: number): Problem {
  return new Problem("RUN_NEEDS_FRONT", {
    what: `Cannot run ${workers} workers: this box began with one, which owns its port itself`,
    fix: `Restart the box with workers = ${workers}`,
  });
}

function openAddress(fd: number): Address | undefined {
  closeOnExec(fd);
  const name = listeningAddress(fd);
  return name === undefined ? undefined : addressFrom(name);
}

function warnOfInjection(log: Log): void {
  const reason = injectionWarning();
  if (reason !== undefined) log.warn("bun_options_set", { reason, fix: "In a unit: UnsetEnvironment=BUN_OPTIONS" });
}
