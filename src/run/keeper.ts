/**
 * The keeper of a box: it has one steward and crews of workers, brings back the one that crashes, passes their letters on,
 * and changes them over to a new plan all or nothing. It carries no traffic and reads no input but letters, so that it
 * never dies; processes, sockets, time and memory are handed in.
 *
 * Invariant: `#children` is exactly the set of processes that live. `#plan` is the plan that a child started now gets.
 */
import type { Clock } from "../../proxy/base/clock.ts";
import type { Log } from "../../proxy/base/log.ts";
import { LIFECYCLE, State } from "../../proxy/base/state.ts";
import { asProblem, Problem } from "../problem/problem.ts";
import { ChildHandle, deathOf, type ChildKind, type Exit, type Spawn } from "./child-handle.ts";
import { Front } from "./front.ts";
import { LAST_WORDS } from "./life.ts";
import { redactProblem } from "./log-redact.ts";
import { makeOverview, type Overview } from "./overview.ts";
import { type Verb } from "./peer.ts";
import { type Crew, crewBehindFront, crewOf, type Plan } from "./plan.ts";
import { changeOver } from "./reload.ts";
import { Restarts, STEWARD_RULES, WORKER_RULES } from "./restart.ts";
import { KEEPER_SCOPE, scoped } from "./scope.ts";
import type { HeldSocket, SocketChange } from "./sockets.ts";
import { stopInOrder } from "./stopping.ts";
import { pushTo, relay } from "./switchboard.ts";

export interface KeeperSeams {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: Spawn;
  /** What it listens on for its workers. */
  readonly sockets: { readonly held: readonly HeldSocket[]; change(plan: Plan): Promise<SocketChange> };
  /** Counts binary upgrades, from 1. */
  readonly generation: number;
  /** The keeper's own number in the shared page; its children have those behind it. */
  readonly owner: number;
  /** Frees what a dead process held in the shared page. */
  reclaim(owner: number): void;
  /** The box cannot go on: a worker's place has crashed too often. Called once. */
  fatal(problem: Problem): void;
  /** Something in `overview` has changed. */
  changed(): void;
  /** What the box's steward asks of its keeper. */
  wish(name: string, value: unknown): unknown;
}

export class Keeper {
  readonly state = new State(LIFECYCLE, "new");
  readonly #seams: KeeperSeams;
  readonly #children = new Set<ChildHandle>();
  /** By its scoped name (`switchboard.ts`). */
  readonly #pushed = new Map<string, unknown>();
  readonly #restarts = new Map<string, { readonly rule: Restarts; count: number }>();
  readonly #bornMs: number;
  readonly #front: Front;
  #plan: Plan;
  #owners: number;
  #configGeneration = 1;
  #lastReload: Overview["lastReload"];
  #lastUpgrade: Overview["lastUpgrade"];
  /** Settles when nothing changes the set of children any more: reloads, replacements and returns take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  /** A next generation serves. */
  #hasHeir = false;

  constructor(plan: Plan, seams: KeeperSeams) {
    this.#plan = plan;
    this.#seams = seams;
    this.#owners = seams.owner;
    this.#bornMs = seams.clock.now();
    this.#front = new Front({
      pushed: this.#pushed,
      lb: () => this.#of("worker", "lb"),
      steward: () => this.#of("steward")[0],
      late: (target, reason) => seams.log.warn("target_not_idle", { target, reason }),
    });
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** Resolves when the steward and every worker are ready; rejects with the first reason why one is not. */
  async start(): Promise<void> {
    this.state.go("starting");
    const begun = Promise.withResolvers<unknown>();
    // The first turn: a reload that comes meanwhile is taken up when every place has started or failed.
    this.#turn = begun.promise;
    try {
      (await this.#seams.sockets.change(this.#plan)).commit();
      if (this.#isEnding()) throw stoppingProblem("the box");
      const places = [this.#raise("steward", { name: "" }, 0, this.#plan)];
      for (const crew of this.#plan.crews) {
        for (let index = 1; index <= crew.workers; index += 1) {
          places.push(this.#raise("worker", crew, index, this.#plan));
        }
      }
      void Promise.allSettled(places).then(begun.resolve);
      await this.#whenReady(places);
    } finally {
      // Whoever waits for the places still does; this is for a start that never came so far.
      if (this.#children.size === 0) begun.resolve(undefined);
    }
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

  /** A next generation that did not come to be; this one goes on. */
  upgradeFailed(problem: Problem): void {
    this.#lastUpgrade = { atMs: this.#seams.clock.wall(), problems: [redactProblem(problem).toJSON()] };
    this.#tellOverview();
  }

  /** So many workers in the box's own crew from now on. Those that stay are left alone; resolves when all are ready. */
  count(workers: number): Promise<void> {
    return this.#inTurn(() => this.#count(workers));
  }

  /** Readiness fails first, then workers finish what is in flight, then everything ends; the steward last. */
  async stop(): Promise<void> {
    if (this.#isEnding()) return;
    this.state.go(this.state.is("ready") ? "draining" : "stopped");
    this.#tellOverview();
    // Whoever is sent away finds nobody else, so there is nothing to be patient for.
    if (!this.#hasHeir) pushTo(this.#of("worker", "lb"), "last", true);
    await stopInOrder({
      clock: this.#seams.clock,
      drainMs: this.#plan.limits.drainTimeoutMs,
      workers: (crew) => this.#of("worker", crew),
      others: () => this.#of("worker"),
      stewards: () => this.#of("steward"),
      behind: crewBehindFront(this.#plan)?.name,
    });
    if (this.state.is("draining")) this.state.go("stopped");
  }

  /** Lets go of what a next generation takes over at once: the steward with its admin listener and its duties. */
  async handOver(): Promise<void> {
    this.#hasHeir = true;
    await Promise.all(this.#of("steward").map((child) => child.end(0)));
  }

  /** Ends everything without waiting for what is in flight. */
  kill(): void {
    for (const child of this.#children) {
      child.unwanted = true;
      child.kill();
    }
  }

  /** The last state that the box's steward has pushed under that topic. */
  told(topic: string): unknown {
    return this.#pushed.get(scoped("", topic));
  }

  /** Something for the box's steward. */
  tell(topic: string, state: unknown): void {
    this.#pushed.set(scoped("", topic), state);
    for (const steward of this.#of("steward")) {
      if (!steward.state.is("stopped")) steward.peer.tell("push", scoped("", topic), state);
    }
  }

  /** Workers that are not ready yet. */
  starting(): readonly ChildHandle[] {
    return this.#of("worker").filter((child) => child.state.is("starting"));
  }

  workers(): readonly ChildHandle[] {
    return this.#of("worker").filter((child) => child.state.is("ready"));
  }

  /** The numbers of the shared page that its children do not have and will not get. */
  get nextOwner(): number {
    return this.#owners;
  }

  /** Starts a worker of the same plan beside this one and drains it; the crash rules count it as a death. */
  replace(child: ChildHandle, why: Problem): Promise<void> {
    return this.#inTurn(() => this.#replace(child, why));
  }

  async #replace(child: ChildHandle, why: Problem): Promise<void> {
    if (!child.state.is("ready") || child.unwanted) return;
    this.#seams.log.warn("worker_replaced", {
      child: child.place,
      childPid: child.pid,
      code: why.code,
      reason: why.message,
    });
    child.unwanted = true;
    const verdict = this.#restartOf(child).rule.afterDeath(this.#seams.clock.now() - child.bornMs);
    if (verdict === "crash loop") return this.#giveUp(child, why);
    try {
      await this.#raise("worker", { name: child.crew }, child.index, this.#plan);
    } catch (error) {
      // It stays what it was, and is looked after as before.
      child.unwanted = false;
      if (child.state.is("stopped")) void child.exited.then((exit) => this.#exited(child, exit));
      throw error;
    }
    void this.#retire(child, this.#plan.limits.drainTimeoutMs);
  }

  overview(): Overview {
    return makeOverview({
      plan: this.#plan,
      state: this.state.now,
      children: [...this.#children],
      sockets: this.#seams.sockets.held,
      restartsOf: (child) => this.#restarts.get(child.place)?.count ?? 0,
      clock: this.#seams.clock,
      bornMs: this.#bornMs,
      generation: this.#seams.generation,
      configGeneration: this.#configGeneration,
      lastReload: this.#lastReload,
      lastUpgrade: this.#lastUpgrade,
    });
  }

  async #reload(next: Plan): Promise<void> {
    let sockets: SocketChange | undefined;
    try {
      sockets = await this.#seams.sockets.change(next);
      await this.#changeOver(next, this.#plan);
      sockets.commit();
      this.#lastReload = { ok: true, atMs: this.#seams.clock.wall() };
      for (const { rule } of this.#restarts.values()) rule.forget();
      if (this.state.is("starting")) this.state.go("ready");
    } catch (error) {
      sockets?.abort();
      const problem = asProblem(error);
      this.refused([problem]);
      throw problem;
    }
    this.#tellOverview();
  }

  #changeOver(next: Plan, before: Plan): Promise<void> {
    return changeOver(next, {
      clock: this.#seams.clock,
      children: [...this.#children].filter((child) => !child.unwanted && !child.state.is("stopped")),
      raise: (kind, crew, index) => this.#raise(kind, { name: crew }, index, next),
      restore: async (child) => {
        await this.#raise(child.kind, { name: child.crew }, child.index, before);
      },
      retire: (child, drainMs) => this.#retire(child, drainMs),
      timeoutMs: next.limits.startTimeoutMs,
      // From here on a child that crashes comes back with the new plan, and nothing can refuse it any more.
      decided: () => {
        this.#plan = next;
        this.#configGeneration += 1;
      },
    });
  }

  async #count(workers: number): Promise<void> {
    const [crew, ...others] = this.#plan.crews;
    if (!this.state.is("ready")) throw stoppingProblem("more workers");
    const next: Plan = { ...this.#plan, crews: [{ ...crew, workers }, ...others] };
    const living = this.#of("worker", crew.name).filter((child) => !child.unwanted);
    const missing: number[] = [];
    for (let index = 1; index <= workers; index += 1) {
      if (!living.some((child) => child.index === index)) missing.push(index);
    }
    const raised = await Promise.allSettled(missing.map((index) => this.#raise("worker", crew, index, next)));
    const failed = raised.find((one) => one.status === "rejected");
    const { drainTimeoutMs } = next.limits;
    if (failed !== undefined) {
      for (const one of raised) if (one.status === "fulfilled") void this.#retire(one.value, drainTimeoutMs);
      throw asProblem(failed.reason);
    }
    this.#plan = next;
    for (const child of living) if (child.index > workers) void this.#retire(child, drainTimeoutMs);
    this.#tellOverview();
  }

  /** A new child in a place; resolves when it is ready. If it cannot start it is ended and the reason is thrown. */
  async #raise(kind: ChildKind, crew: Pick<Crew, "name">, index: number, plan: Plan): Promise<ChildHandle> {
    if (this.#isEnding()) throw stoppingProblem(`${kind} ${index}`);
    this.#owners += 1;
    const owner = this.#owners;
    const behind = kind === "worker" && crewBehindFront(plan)?.name === crew.name ? plan.front : undefined;
    const birth = {
      plan,
      generation: this.#seams.generation,
      sockets: this.#seams.sockets.held,
      ...(behind === undefined ? {} : { socketPath: `${behind.folder}/${crew.name}-${owner}` }),
    };
    const child = new ChildHandle({ kind, crew: crew.name, index, owner }, birth, {
      clock: this.#seams.clock,
      spawn: this.#seams.spawn,
      handle: (from, verb, name, value) => this.#handle(from, verb, name, value),
      exited: (dead, exit) => this.#exited(dead, exit),
    });
    this.#children.add(child);
    try {
      await child.start(this.#pushed);
      if (behind !== undefined) await this.#front.join(child);
    } catch (error) {
      child.unwanted = true;
      child.kill();
      throw child.lastWords ?? error;
    }
    this.#seams.log.info("child_ready", {
      child: child.place,
      childPid: child.pid,
      afterMs: Math.round(this.#seams.clock.now() - child.bornMs),
    });
    this.#tellOverview();
    return child;
  }

  /** Takes the traffic away from a child, then lets it finish and ends it. */
  #retire(child: ChildHandle, drainMs: number): Promise<void> {
    if (!this.#front.has(child)) return child.end(drainMs);
    return child.end(drainMs, (deadlineMs) => this.#front.leave(child, deadlineMs));
  }

  #exited(child: ChildHandle, exit: Exit): void {
    this.#children.delete(child);
    this.#front.gone(child);
    this.#seams.reclaim(child.owner);
    this.#tellOverview();
    if (child.unwanted || !child.served || !this.state.is("ready")) return;
    this.#bringBack(child, child.lastWords ?? deathOf(child, exit));
  }

  /** Later, by the rules of its place; over and over until it is ready, the box stops, or the rules say it is no use. */
  #bringBack(dead: ChildHandle, reason: Problem): void {
    this.#seams.log.error("child_crashed", {
      child: dead.place,
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
    const taken = [...this.#children].some((child) => child.place === dead.place && !child.unwanted);
    const wanted = dead.kind === "steward" || dead.index <= (crewOf(this.#plan, dead.crew)?.workers ?? 0);
    if (!this.state.is("ready") || taken || !wanted) return;
    restart.count += 1;
    try {
      await this.#raise(dead.kind, { name: dead.crew }, dead.index, this.#plan);
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
        what: `Cannot keep ${child.place} alive: it ended ${this.#restartOf(child).rule.shortLives} times in a row within seconds`,
        why: `The last time: ${reason.message}${reason.parts.why === undefined ? "" : `\n${reason.parts.why}`}`,
        ...(where === undefined ? {} : { where }),
        ...(reason.parts.fix === undefined ? {} : { fix: reason.parts.fix }),
      }),
    );
  }

  #handle(from: ChildHandle, verb: Verb, name: string, value: unknown): unknown {
    if (verb === "report" && name.endsWith(LAST_WORDS)) {
      from.lastWords = Problem.fromWire(value as ReturnType<Problem["toJSON"]>);
      return undefined;
    }
    if (from.kind === "steward" && name.startsWith(KEEPER_SCOPE)) {
      return this.#seams.wish(name.slice(KEEPER_SCOPE.length), value);
    }
    const steward = this.#of("steward").find((child) => child.state.is("ready"));
    return relay({ from, verb, name, value, workers: this.#of("worker"), steward, pushed: this.#pushed });
  }

  #restartOf(child: ChildHandle): { readonly rule: Restarts; count: number } {
    const known = this.#restarts.get(child.place);
    if (known !== undefined) return known;
    const fresh = { rule: new Restarts(child.kind === "steward" ? STEWARD_RULES : WORKER_RULES), count: 0 };
    this.#restarts.set(child.place, fresh);
    return fresh;
  }

  #of(kind: ChildKind, crew?: string): ChildHandle[] {
    return [...this.#children].filter((child) => child.kind === kind && (crew === undefined || child.crew === crew));
  }

  #isEnding(): boolean {
    return this.state.is("draining") || this.state.is("stopped");
  }

  #tellOverview(): void {
    this.tell("box", this.overview());
    this.#seams.changed();
  }
}

function stoppingProblem(what: string): Problem {
  return new Problem("RUN_STOPPING", { what: `Cannot start ${what}: the box is stopping` });
}
