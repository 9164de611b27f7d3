/**
 * The life of a worker or a steward, as its keeper commands it: start, prepare, commit or abort, drain, stop. What the
 * duty does belongs to the role. The process, the page and the log are handed in, so that a whole box lives in one test.
 */
import { HEALTHY } from "../../proxy/base/health.ts";
import type { Log, LogLevel } from "../../proxy/base/log.ts";
import type { Net } from "../../proxy/net/wire.ts";
import type { Box, Duty, Host, Note, Prepared, RoleFace } from "../../proxy/role.ts";
import { asProblem, Problem } from "../problem/problem.ts";
import type { ChildKind, StartOrder } from "./child-handle.ts";
import { ChildHost } from "./child-host.ts";
import { type SocketOrder } from "./inherited-net.ts";
import type { Meter } from "./meter.ts";
import { Peer, type Letter, type Verb } from "./peer.ts";
import { crewOf, type Plan } from "./plan.ts";
import { BOX_SCOPE, scoped, unscoped } from "./scope.ts";
import type { BoxAnswer } from "./switchboard.ts";

export interface LifeSeams extends Pick<Host, "clock" | "rng" | "digest" | "limits" | "leases"> {
  readonly kind: ChildKind;
  /** Of a worker: the crew it belongs to. */
  readonly crew: string;
  readonly index: number;
  readonly owner: number;
  readonly note: Note;
  readonly meter: Meter;
  send(letter: Letter): void;
  /** There is nothing left to do. */
  end(exitCode: number): void;
  openLog(plan: Plan): Promise<OpenLog>;
  loadFace(role: string): Promise<RoleFace<unknown>>;
  /** The sockets of this process, given those that the keeper handed it. */
  openNet(sockets: readonly SocketOrder[]): ChildNet;
  /** The duty of the box's steward around those of its crews. */
  steward(faces: ReadonlyMap<string, RoleFace<unknown>>, plan: Plan, host: StewardHost): Promise<Duty<Plan>>;
}

export interface ChildNet extends Net {
  /** The process drains: it holds no listening socket any more but those that its duty has open. */
  release?(): void;
}

export interface OpenLog extends Log {
  setLevel(level: LogLevel): void;
  flush(): void;
}

/** What the box's own steward is given: it may ask every worker of the box, and makes the hosts of the crews' parts. */
export interface StewardHost extends Host {
  gather(question: string): Promise<readonly BoxAnswer[]>;
  ofCrew(name: string): Host;
}

export class Life {
  readonly peer: Peer;
  readonly #seams: LifeSeams;
  /** By crew; a worker has only its own. The box's has the name "". */
  readonly #hosts = new Map<string, ChildHost>();
  /** What was pushed before there was anyone to take it, by its name in the letter. */
  readonly #early = new Map<string, unknown>();
  #log: OpenLog | undefined;
  #net: ChildNet | undefined;
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
        return this.#takePush(name, value);
      case "report": {
        const topic = unscoped(name);
        return this.#hosts.get(topic.crew)?.takeReport(topic.name, value);
      }
      case "gather":
        return this.#answer(name);
      case "command":
        return this.#obey(name, value);
    }
  }

  #takePush(text: string, state: unknown): void {
    const topic = this.#seams.kind === "worker" ? { crew: this.#seams.crew, name: text } : unscoped(text);
    const host = this.#hosts.get(topic.crew);
    if (host === undefined) this.#early.set(text, state);
    else host.takePush(topic.name, state);
  }

  #answer(question: string): unknown {
    if (question === "metrics") return this.#seams.meter.snapshot();
    if (question === "health") return this.#duty?.health() ?? HEALTHY;
    return this.#hosts.get(this.#seams.crew)?.answer(question);
  }

  async #obey(name: string, value: unknown): Promise<unknown> {
    if (name === "start") return this.#start(value as StartOrder);
    if (name === "stop") return this.#stop();
    const duty = this.#duty;
    if (duty === undefined)
      throw new Problem("RUN_UNEXPECTED", { what: `Cannot ${name}: this process has not started` });
    if (name === "prepare") return this.#prepare(duty, value as Plan);
    if (name === "commit" || name === "abort") return this.#settle(name);
    if (name === "drain") return this.#drain(duty, value as number);
    if (name.startsWith("role ") && duty.command !== undefined) return duty.command(name.slice("role ".length), value);
    throw new Problem("RUN_UNEXPECTED", { what: `Cannot obey "${name}": there is no such command` });
  }

  async #start(order: StartOrder): Promise<void> {
    const { plan } = order;
    this.#log = await this.#seams.openLog(plan);
    const makeHost = this.#hostMaker(order, this.#log);
    for (const [name, state] of this.#early) order.pushed.push([name, state]);
    this.#early.clear();
    this.#duty = this.#seams.kind === "worker" ? await this.#workerDuty(order, makeHost) : undefined;
    this.#duty ??= await this.#stewardDuty(order, makeHost);
    await this.#duty.start();
  }

  async #workerDuty({ plan, pushed }: StartOrder, makeHost: MakeHost): Promise<Duty<Plan>> {
    const { crew } = this.#seams;
    const options = crewOf(plan, crew)?.options;
    const host = makeHost(crew, "");
    for (const [topic, state] of pushed) host.takePush(topic, state);
    const face = await this.#seams.loadFace(crew);
    return wholePlan(face.worker(options, host), crew);
  }

  async #stewardDuty({ plan, pushed }: StartOrder, makeHost: MakeHost): Promise<Duty<Plan>> {
    const faces = new Map<string, RoleFace<unknown>>();
    for (const { name } of plan.crews) {
      faces.set(name, await this.#seams.loadFace(name));
      makeHost(name, scoped(name, ""));
    }
    const hosts = this.#hosts;
    const host = Object.assign(makeHost("", BOX_SCOPE), {
      ofCrew(name: string): Host {
        const found = hosts.get(name);
        if (found === undefined) throw new Error(`Cannot find the host of crew "${name}": the box has no such crew`);
        return found;
      },
    });
    for (const [name, state] of pushed) this.#takePush(name, state);
    return this.#seams.steward(faces, plan, host as unknown as StewardHost);
  }

  #hostMaker(order: StartOrder, log: OpenLog): MakeHost {
    const seams = this.#seams;
    const net = seams.openNet(order.sockets);
    this.#net = net;
    const sockets = order.sockets.map(({ crew, asked, address }) => ({ crew, asked, address }));
    return (crew, scope) => {
      const box: Box = {
        name: order.plan.name,
        role: crew === "" ? order.plan.role : crew,
        index: seams.index,
        owner: seams.owner,
        generation: order.generation,
        sockets,
        ...(order.socketPath === undefined ? {} : { socketPath: order.socketPath }),
      };
      const { peer } = this;
      const { meter: metrics } = seams;
      const fail = (reason: unknown): void => this.#fail(reason);
      const host = new ChildHost({ ...seams, peer, log, net, metrics, box, scope, fail });
      this.#hosts.set(crew, host);
      return host;
    };
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

  #drain(duty: Duty<Plan>, deadlineMs: number): Promise<void> {
    this.#net?.release?.();
    return duty.drain(deadlineMs);
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

type MakeHost = (crew: string, scope: string) => ChildHost;

/** The report in which a child says why it ends. */
export const LAST_WORDS = "last words";

/** A role's duty is made of its options; the keeper sends whole plans. */
export function wholePlan(duty: Duty<unknown>, crew: string): Duty<Plan> {
  return {
    start: () => duty.start(),
    health: () => duty.health(),
    prepare: (next) => duty.prepare(crewOf(next, crew)?.options),
    drain: (deadlineMs) => duty.drain(deadlineMs),
    stop: () => duty.stop(),
    ...(duty.command === undefined ? {} : { command: duty.command.bind(duty) }),
  };
}
