/**
 * The keeper's view of one child, from spawn to exit. It knows how to talk to it and how to end it; whether there should
 * be one is the keeper's business. Processes are behind `Spawn`, so that a keeper runs in a test without any.
 */
import type { Clock } from "../../proxy/base/clock.ts";
import { LIFECYCLE, State } from "../../proxy/base/state.ts";
import { type Place, Problem } from "../problem/problem.ts";
import { Peer, type Letter, type Verb } from "./peer.ts";
import type { Plan } from "./plan.ts";

export type ChildKind = "worker" | "steward";

export interface SpawnOrder extends ChildName {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  onLetter(letter: Letter): void;
  onExit(exit: Exit): void;
}

export interface Exit {
  readonly code: number | null;
  /** A name such as "SIGKILL". */
  readonly signal: string | null;
}

export interface Running {
  readonly pid: number;
  send(letter: Letter): void;
  kill(signal: "SIGKILL"): void;
}

/** The first command a child gets. */
export interface StartOrder {
  readonly plan: Plan;
  /** The last state of every topic, for one that starts later than others. */
  readonly pushed: readonly (readonly [topic: string, state: unknown])[];
}

export type Spawn = (order: SpawnOrder) => Running;

export interface ChildSeams {
  readonly clock: Clock;
  readonly spawn: Spawn;
  handle(child: ChildHandle, verb: Verb, name: string, value: unknown): unknown;
  exited(child: ChildHandle, exit: Exit): void;
}

/** How long a child may take to end after it has been told to, beyond its drain deadline. */
const END_GRACE_MS = 3_000;

export interface ChildName {
  readonly kind: ChildKind;
  /** 0 for the steward, 1 … n for workers. */
  readonly index: number;
  /** Its number in the shared page. */
  readonly owner: number;
}

export class ChildHandle implements ChildName {
  readonly kind: ChildKind;
  readonly index: number;
  readonly owner: number;
  readonly pid: number;
  readonly program: string | undefined;
  readonly bornMs: number;
  readonly exited: Promise<Exit>;
  readonly state = new State(LIFECYCLE, "new");
  readonly peer: Peer;
  /** What it said before it ended, if it knew why. */
  lastWords: Problem | undefined;
  /** Nobody is to be surprised by its exit. */
  unwanted = false;
  /** It has been ready: before that, its death is the failure of its start, and not news of its own. */
  served = false;
  readonly #running: Running;
  /** Whoever ends it later waits for the one who did first: a drain is not cut by a second wish. */
  #ended: Promise<void> | undefined;
  readonly #clock: Clock;

  constructor({ kind, index, owner }: ChildName, plan: Plan, seams: ChildSeams) {
    this.kind = kind;
    this.index = index;
    this.owner = owner;
    this.program = kind === "worker" ? plan.program : undefined;
    this.#clock = seams.clock;
    this.bornMs = seams.clock.now();
    const exit = Promise.withResolvers<Exit>();
    this.exited = exit.promise;
    this.peer = new Peer({
      clock: seams.clock,
      send: (letter) => this.#running.send(letter),
      handle: (verb, name, value) => seams.handle(this, verb, name, value),
    });
    this.#running = seams.spawn({
      kind,
      index,
      owner,
      name: plan.name,
      environment: kind === "worker" ? plan.environment : {},
      onLetter: (letter) => this.peer.receive(letter),
      onExit: (how) => {
        this.peer.lost(this.lastWords ?? deathOf(this, how));
        this.state.go("stopped");
        exit.resolve(how);
        seams.exited(this, how);
      },
    });
    this.pid = this.#running.pid;
  }

  /** Resolves when the child's duty is ready; rejects with its reason, or with how it died. */
  async start(plan: Plan, pushed: ReadonlyMap<string, unknown>): Promise<void> {
    this.state.go("starting");
    const order: StartOrder = { plan, pushed: [...pushed] };
    const { startTimeoutMs } = plan.limits;
    try {
      await this.peer.ask("command", "start", order, startTimeoutMs + END_GRACE_MS);
    } catch (error) {
      throw error instanceof Problem && error.code === "RUN_NO_ANSWER" ? tooLate(this, plan) : error;
    }
    this.state.go("ready");
    this.served = true;
  }

  /** Lets it finish what is in flight, then ends it; resolves when the process is gone. */
  end(drainMs: number): Promise<void> {
    this.#ended ??= this.#end(drainMs);
    return this.#ended;
  }

  async #end(drainMs: number): Promise<void> {
    this.unwanted = true;
    if (this.state.is("ready")) {
      this.state.go("draining");
      await this.#politely("drain", drainMs, drainMs + END_GRACE_MS);
    }
    if (!this.state.is("stopped")) await this.#politely("stop", undefined, END_GRACE_MS);
    const timer = this.#clock.after(END_GRACE_MS, () => this.kill());
    await this.exited;
    timer.cancel();
  }

  kill(): void {
    if (!this.state.is("stopped")) this.#running.kill("SIGKILL");
  }

  /** A child that cannot do as told is ended all the same, so its refusal changes nothing here. */
  async #politely(command: string, value: unknown, timeoutMs: number): Promise<void> {
    await Promise.race([this.exited, this.peer.ask("command", command, value, timeoutMs).catch((reason) => reason)]);
  }
}

/** Where a problem of a worker is to be looked for. */
export function inProgram(program: string | undefined): { readonly where?: Place } {
  return program === undefined ? {} : { where: { file: program } };
}

function tooLate(child: ChildHandle, { program, limits }: Plan): Problem {
  return new Problem("RUN_START_TIMEOUT", {
    what: `Cannot start ${child.kind} ${child.index}: it was not ready within ${limits.startTimeoutMs} ms and does not answer`,
    ...inProgram(program),
    why: "Its event loop does not turn: most likely the program computes or waits synchronously while it loads.",
    fix: "Move long work out of the program's top level, or raise start_timeout",
  });
}

export function deathOf(child: ChildHandle, exit: Exit): Problem {
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  const memory = exit.signal === "SIGKILL" ? "It may have been killed for using too much memory. " : "";
  return new Problem("RUN_CHILD_DIED", {
    what: `Cannot go on with ${child.kind} ${child.index} (pid ${child.pid}): it ended with ${how}`,
    ...inProgram(child.program),
    why: `${memory}Its own last lines are in the log just above.`,
  });
}
