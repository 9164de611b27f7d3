/**
 * The keeper of a box: it has one steward and n workers, brings back the one that crashes, passes their letters on, and
 * changes them over to a new plan all or nothing. It carries no traffic and reads no input but letters, so that it never
 * dies; processes, time and memory are handed in.
 *
 * Invariant: `#children` is exactly the set of processes that live. `#plan` is the plan that a child started now gets.
 */
import type { Clock } from "../../proxy/base/clock.ts";
import type { Log } from "../../proxy/base/log.ts";
import { LIFECYCLE, State } from "../../proxy/base/state.ts";
import { asProblem, Problem, type ProblemWire } from "../problem/problem.ts";
import { ChildHandle, deathOf, type ChildKind, type Exit, type Spawn } from "./child-handle.ts";
import { LAST_WORDS } from "./life.ts";
import { redactProblem } from "./log-redact.ts";
import { type Verb } from "./peer.ts";
import type { Plan } from "./plan.ts";
import { changeOver } from "./reload.ts";
import { Restarts, STEWARD_RULES, WORKER_RULES } from "./restart.ts";
import { relay } from "./switchboard.ts";

export interface KeeperSeams {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: Spawn;
  /** Frees what a dead process held in the shared page. */
  reclaim(owner: number): void;
  /** The box cannot go on: a worker's place has crashed too often. Called once. */
  fatal(problem: Problem): void;
  /** Something in `overview` has changed. */
  changed(): void;
}

/** What the steward shows of the box; pushed to it as topic `box` at every change. */
export interface Overview {
  readonly state: string;
  readonly plan: { readonly name: string; readonly role: string; readonly mode: string; readonly workers: number };
  readonly listens: readonly string[];
  readonly keeperPid: number;
  /** Births are milliseconds since 1970. */
  readonly bornMs: number;
  readonly configGeneration: number;
  readonly lastReload?: { readonly ok: boolean; readonly atMs: number; readonly problems?: readonly ProblemWire[] };
  readonly children: readonly {
    readonly kind: ChildKind;
    readonly index: number;
    readonly pid: number;
    readonly state: string;
    readonly restarts: number;
    readonly bornMs: number;
  }[];
}

export class Keeper {
  readonly state = new State(LIFECYCLE, "new");
  readonly #seams: KeeperSeams;
  readonly #children = new Set<ChildHandle>();
  readonly #pushed = new Map<string, unknown>();
  readonly #restarts = new Map<string, { readonly rule: Restarts; count: number }>();
  readonly #bornMs: number;
  #plan: Plan;
  #owners = 1;
  #configGeneration = 1;
  #lastReload: Overview["lastReload"];
  /** Settles when nothing changes the set of children any more: reloads, replacements and returns take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(plan: Plan, seams: KeeperSeams) {
    this.#plan = plan;
    this.#seams = seams;
    this.#bornMs = seams.clock.now();
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** Resolves when the steward and every worker are ready; rejects with the first reason why one is not. */
  start(): Promise<void> {
    this.state.go("starting");
    const places = [this.#raise("steward", 0, this.#plan)];
    for (let index = 1; index <= this.#plan.workers; index += 1) places.push(this.#raise("worker", index, this.#plan));
    // The first turn: a reload that comes meanwhile is taken up when every place has started or failed.
    this.#turn = Promise.allSettled(places);
    return this.#whenReady(places);
  }

  async #whenReady(places: readonly Promise<ChildHandle>[]): Promise<void> {
    const children = await Promise.all(places);
    this.state.go("ready");
    this.#tellOverview();
    // One that was ready and died while others still started comes back like any other.
    for (const child of children) {
      if (child.state.is("stopped")) void child.exited.then((exit) => this.#exited(child, exit));
    }
  }

  /** A failed one leaves every process on the plan it had. */
  reload(next: Plan): Promise<void> {
    return this.#inTurn(() => this.#reload(next));
  }

  /** A plan that could not even be made: nothing has changed, and `overview` says why. */
  refused(problems: readonly Problem[]): void {
    this.#lastReload = {
      ok: false,
      atMs: this.#seams.clock.wall(),
      problems: problems.map((problem) => redactProblem(problem).toJSON()),
    };
    this.#tellOverview();
  }

  /** Readiness fails first, then workers finish what is in flight, then everything ends; the steward last. */
  async stop(): Promise<void> {
    if (this.state.is("draining") || this.state.is("stopped")) return;
    this.state.go(this.state.is("ready") ? "draining" : "stopped");
    this.#tellOverview();
    const drainMs = this.#plan.limits.drainTimeoutMs;
    await Promise.all(this.#of("worker").map((child) => child.end(drainMs)));
    await Promise.all(this.#of("steward").map((child) => child.end(0)));
    if (this.state.is("draining")) this.state.go("stopped");
  }

  /** Ends everything without waiting for what is in flight. */
  kill(): void {
    for (const child of this.#children) {
      child.unwanted = true;
      child.kill();
    }
  }

  /** The last state that the steward has pushed under that topic. */
  told(topic: string): unknown {
    return this.#pushed.get(topic);
  }

  /** Workers that are not ready yet. */
  starting(): readonly ChildHandle[] {
    return this.#of("worker").filter((child) => child.state.is("starting"));
  }

  workers(): readonly ChildHandle[] {
    return this.#of("worker").filter((child) => child.state.is("ready"));
  }

  /** Starts a worker of the same plan beside this one and drains it; the crash rules count it as a death. */
  replace(child: ChildHandle, why: Problem): Promise<void> {
    return this.#inTurn(() => this.#replace(child, why));
  }

  async #replace(child: ChildHandle, why: Problem): Promise<void> {
    if (!child.state.is("ready") || child.unwanted) return;
    this.#seams.log.warn("worker_replaced", {
      child: placeOf(child),
      childPid: child.pid,
      code: why.code,
      reason: why.message,
    });
    child.unwanted = true;
    const verdict = this.#restartOf(child).rule.afterDeath(this.#seams.clock.now() - child.bornMs);
    if (verdict === "crash loop") return this.#giveUp(child, why);
    try {
      await this.#raise("worker", child.index, this.#plan);
    } catch (error) {
      // It stays what it was, and is looked after as before.
      child.unwanted = false;
      if (child.state.is("stopped")) void child.exited.then((exit) => this.#exited(child, exit));
      throw error;
    }
    void child.end(this.#plan.limits.drainTimeoutMs);
  }

  overview(): Overview {
    const { name, role, mode, workers } = this.#plan;
    return {
      state: this.state.now,
      plan: { name, role, mode, workers },
      listens: this.#plan.listens,
      keeperPid: process.pid,
      bornMs: this.#wallOf(this.#bornMs),
      configGeneration: this.#configGeneration,
      ...(this.#lastReload === undefined ? {} : { lastReload: this.#lastReload }),
      children: [...this.#children].map((child) => ({
        kind: child.kind,
        index: child.index,
        pid: child.pid,
        state: child.state.now,
        restarts: this.#restarts.get(placeOf(child))?.count ?? 0,
        bornMs: this.#wallOf(child.bornMs),
      })),
    };
  }

  /** Another process has another monotonic clock. */
  #wallOf(nowMs: number): number {
    const { clock } = this.#seams;
    return clock.wall() - (clock.now() - nowMs);
  }

  async #reload(next: Plan): Promise<void> {
    try {
      await changeOver(next, {
        children: [...this.#children].filter((child) => !child.unwanted && !child.state.is("stopped")),
        raise: (kind, index) => this.#raise(kind, index, next),
        timeoutMs: next.limits.startTimeoutMs,
        // From here on a child that crashes comes back with the new plan, and nothing can refuse it any more.
        decided: () => {
          this.#plan = next;
          this.#configGeneration += 1;
        },
      });
      this.#lastReload = { ok: true, atMs: this.#seams.clock.wall() };
      for (const { rule } of this.#restarts.values()) rule.forget();
      if (this.state.is("starting")) this.state.go("ready");
    } catch (error) {
      const problem = asProblem(error);
      this.refused([problem]);
      throw problem;
    }
    this.#tellOverview();
  }

  /** A new child in a place; resolves when it is ready. If it cannot start it is ended and the reason is thrown. */
  async #raise(kind: ChildKind, index: number, plan: Plan): Promise<ChildHandle> {
    if (this.state.is("draining") || this.state.is("stopped")) {
      throw new Problem("RUN_STOPPING", { what: `Cannot start ${kind} ${index}: the box is stopping` });
    }
    this.#owners += 1;
    const child = new ChildHandle({ kind, index, owner: this.#owners }, plan, {
      clock: this.#seams.clock,
      spawn: this.#seams.spawn,
      handle: (from, verb, name, value) => this.#handle(from, verb, name, value),
      exited: (dead, exit) => this.#exited(dead, exit),
    });
    this.#children.add(child);
    try {
      await child.start(plan, this.#pushed);
    } catch (error) {
      child.unwanted = true;
      child.kill();
      throw child.lastWords ?? error;
    }
    this.#seams.log.info("child_ready", {
      child: placeOf(child),
      childPid: child.pid,
      afterMs: Math.round(this.#seams.clock.now() - child.bornMs),
    });
    this.#tellOverview();
    return child;
  }

  #exited(child: ChildHandle, exit: Exit): void {
    this.#children.delete(child);
    this.#seams.reclaim(child.owner);
    this.#tellOverview();
    if (child.unwanted || !child.served || !this.state.is("ready")) return;
    this.#bringBack(child, child.lastWords ?? deathOf(child, exit));
  }

  /** Later, by the rules of its place; over and over until it is ready, the box stops, or the rules say it is no use. */
  #bringBack(dead: ChildHandle, reason: Problem): void {
    this.#seams.log.error("child_crashed", {
      child: placeOf(dead),
      childPid: dead.pid,
      code: reason.code,
      reason: reason.message,
      ...(reason.parts.where === undefined ? {} : { where: reason.parts.where }),
      ...(reason.parts.why === undefined ? {} : { why: reason.parts.why }),
    });
    const restart = this.#restartOf(dead);
    const verdict = restart.rule.afterDeath(this.#seams.clock.now() - dead.bornMs);
    if (verdict === "crash loop") return this.#giveUp(dead, reason);
    this.#seams.clock.after(verdict.delayMs, () => void this.#inTurn(() => this.#fill(dead, restart)));
  }

  /** Whoever had the turn before may have filled the place, or decided that there is none. */
  async #fill(dead: ChildHandle, restart: { count: number }): Promise<void> {
    const taken = [...this.#children].some((child) => placeOf(child) === placeOf(dead) && !child.unwanted);
    const wanted = dead.kind === "steward" || dead.index <= this.#plan.workers;
    if (!this.state.is("ready") || taken || !wanted) return;
    restart.count += 1;
    try {
      await this.#raise(dead.kind, dead.index, this.#plan);
    } catch (error) {
      if (this.state.is("ready")) this.#bringBack(dead, asProblem(error));
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #giveUp(child: ChildHandle, reason: Problem): void {
    const { where } = reason.parts;
    this.#seams.fatal(
      new Problem("RUN_CRASH_LOOP", {
        what: `Cannot keep worker ${child.index} alive: it ended ${this.#restartOf(child).rule.shortLives} times in a row within seconds`,
        why: `The last time: ${reason.message}${reason.parts.why === undefined ? "" : `\n${reason.parts.why}`}`,
        ...(where === undefined ? {} : { where }),
        ...(reason.parts.fix === undefined ? {} : { fix: reason.parts.fix }),
      }),
    );
  }

  #handle(from: ChildHandle, verb: Verb, name: string, value: unknown): unknown {
    if (verb === "report" && name === LAST_WORDS) {
      from.lastWords = Problem.fromWire(value as ReturnType<Problem["toJSON"]>);
      return undefined;
    }
    const steward = this.#of("steward").find((child) => child.state.is("ready"));
    return relay({ from, verb, name, value, workers: this.workers(), steward, pushed: this.#pushed });
  }

  #restartOf(child: ChildHandle): { readonly rule: Restarts; count: number } {
    const place = placeOf(child);
    const known = this.#restarts.get(place);
    if (known !== undefined) return known;
    const fresh = { rule: new Restarts(child.kind === "steward" ? STEWARD_RULES : WORKER_RULES), count: 0 };
    this.#restarts.set(place, fresh);
    return fresh;
  }

  #of(kind: ChildKind): ChildHandle[] {
    return [...this.#children].filter((child) => child.kind === kind);
  }

  #tellOverview(): void {
    const overview = this.overview();
    this.#pushed.set("box", overview);
    for (const steward of this.#of("steward")) {
      if (!steward.state.is("stopped")) steward.peer.tell("push", "box", overview);
    }
    this.#seams.changed();
  }
}

function placeOf(child: ChildHandle): string {
  return `${child.kind} ${child.index}`;
}
