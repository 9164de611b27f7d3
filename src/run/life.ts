/**
 * The life of a worker or a steward, as its keeper commands it: start, prepare, commit or abort, drain, stop. What the
 * duty does belongs to the role. The process, the page and the log are handed in, so that a whole box lives in one test.
 */
import { HEALTHY } from "../../proxy/base/health.ts";
import type { Log, LogLevel } from "../../proxy/base/log.ts";
import type { Duty, Host, Note, Prepared, RoleFace } from "../../proxy/role.ts";
import { asProblem, Problem } from "../problem/problem.ts";
import type { ChildKind, StartOrder } from "./child-handle.ts";
import { ChildHost } from "./child-host.ts";
import type { Meter } from "./meter.ts";
import { Peer, type Letter, type Verb } from "./peer.ts";
import type { Plan } from "./plan.ts";

export interface LifeSeams extends Pick<Host, "clock" | "rng" | "digest" | "limits" | "leases"> {
  readonly kind: ChildKind;
  readonly index: number;
  readonly note: Note;
  readonly meter: Meter;
  send(letter: Letter): void;
  /** There is nothing left to do. */
  end(exitCode: number): void;
  openLog(plan: Plan): Promise<OpenLog>;
  loadFace(role: string): Promise<RoleFace<unknown>>;
  /** The duty of the box's steward around the role's own. */
  steward(face: RoleFace<unknown>, plan: Plan, host: Host): Promise<Duty<Plan>>;
}

export interface OpenLog extends Log {
  setLevel(level: LogLevel): void;
  flush(): void;
}

export class Life {
  readonly peer: Peer;
  readonly #seams: LifeSeams;
  #log: OpenLog | undefined;
  #host: ChildHost | undefined;
  #duty: Duty<Plan> | undefined;
  #next: { readonly plan: Plan; readonly prepared: Prepared } | undefined;

  constructor(seams: LifeSeams) {
    this.#seams = seams;
    this.peer = new Peer({
      clock: seams.clock,
      send: (letter) => seams.send(letter),
      handle: (verb, name, value) => this.#handle(verb, name, value),
    });
  }

  #handle(verb: Verb, name: string, value: unknown): unknown {
    switch (verb) {
      case "push":
        return this.#host?.takePush(name, value);
      case "report":
        return this.#host?.takeReport(name, value);
      case "gather":
        return this.#answer(name);
      case "command":
        return this.#obey(name, value);
    }
  }

  #answer(question: string): unknown {
    if (question === "metrics") return this.#seams.meter.snapshot();
    if (question === "health") return this.#duty?.health() ?? HEALTHY;
    return this.#host?.answer(question);
  }

  async #obey(name: string, value: unknown): Promise<unknown> {
    if (name === "start") return this.#start(value as StartOrder);
    if (name === "stop") return this.#stop();
    const duty = this.#duty;
    if (duty === undefined)
      throw new Problem("RUN_UNEXPECTED", { what: `Cannot ${name}: this process has not started` });
    if (name === "prepare") return this.#prepare(duty, value as Plan);
    if (name === "commit" || name === "abort") return this.#settle(name);
    if (name === "drain") return duty.drain(value as number);
    if (name.startsWith("role ") && duty.command !== undefined) return duty.command(name.slice("role ".length), value);
    throw new Problem("RUN_UNEXPECTED", { what: `Cannot obey "${name}": there is no such command` });
  }

  async #start({ plan, pushed }: StartOrder): Promise<void> {
    const seams = this.#seams;
    this.#log = await seams.openLog(plan);
    const host = new ChildHost({
      ...seams,
      peer: this.peer,
      log: this.#log,
      metrics: seams.meter,
      box: { name: plan.name, role: plan.role, index: seams.index, generation: 1 },
      fail: (reason) => this.#fail(reason),
    });
    this.#host = host;
    for (const [topic, state] of pushed) host.takePush(topic, state);
    const face = await seams.loadFace(plan.role);
    this.#duty =
      seams.kind === "worker" ? wholePlan(face.worker(plan.options, host)) : await seams.steward(face, plan, host);
    await this.#duty.start();
  }

  async #prepare(duty: Duty<Plan>, plan: Plan): Promise<Prepared["how"]> {
    const prepared = await duty.prepare(plan);
    this.#next = { plan, prepared };
    return prepared.how;
  }

  async #settle(name: "commit" | "abort"): Promise<void> {
    const next = this.#next;
    this.#next = undefined;
    if (next === undefined || next.prepared.how === "replace") return;
    await next.prepared[name]();
    if (name === "commit") this.#log?.setLevel(next.plan.log.level);
  }

  async #stop(): Promise<void> {
    await this.#duty?.stop();
    this.#log?.flush();
    this.#seams.end(0);
  }

  #fail(reason: unknown): void {
    this.#seams.send({ verb: "report", name: LAST_WORDS, value: asProblem(reason).toJSON() });
    this.#log?.flush();
    this.#seams.end(1);
  }
}

/** The report in which a child says why it ends. */
export const LAST_WORDS = "last words";

/** A role's duty is made of its options; the keeper sends whole plans. */
export function wholePlan(duty: Duty<unknown>): Duty<Plan> {
  return {
    start: () => duty.start(),
    health: () => duty.health(),
    prepare: (next) => duty.prepare(next.options),
    drain: (deadlineMs) => duty.drain(deadlineMs),
    stop: () => duty.stop(),
    ...(duty.command === undefined ? {} : { command: duty.command.bind(duty) }),
  };
}
