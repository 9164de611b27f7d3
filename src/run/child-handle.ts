/**
 * The keeper's view of one child, from spawn to exit. It knows how to talk to it and how to end it; whether there should
 * be one is the keeper's business. Processes are behind `Spawn`, so that a keeper runs in a test without any.
 */
import { formatAddress } from "../../proxy/base/address.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import { LIFECYCLE, State } from "../../proxy/base/state.ts";
import { type Place, Problem } from "../problem/problem.ts";
import type { SocketOrder } from "./inherited-net.ts";
import { Peer, type Letter, type Verb } from "./peer.ts";
import { crewOf, placeName, type Plan, planOfWorker } from "./plan.ts";
import { topicsOf } from "./scope.ts";
import type { HeldSocket } from "./sockets.ts";

export type ChildKind = "worker" | "steward";

export interface SpawnOrder extends ChildName {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What `ps` shows. */
  readonly title: string;
  readonly generation: number;
  /** The child finds them behind `FIRST_SOCKET_FD`, in this order. */
  readonly fds: readonly number[];
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
  /** Of a worker: with no crew but its own. */
  readonly plan: Plan;
  /** The last state of every topic, for one that starts later than others. */
  readonly pushed: [topic: string, state: unknown][];
  /** All that the keeper holds; those of its own crew with the descriptor that it has inherited. */
  readonly sockets: readonly SocketOrder[];
  readonly generation: number;
  /** Where it is reached behind the front. */
  readonly socketPath?: string;
}

/** The first descriptor behind standard streams and the shared page. */
export const FIRST_SOCKET_FD = 4;

export type Spawn = (order: SpawnOrder) => Running;

export interface ChildSeams {
  readonly clock: Clock;
  readonly spawn: Spawn;
  handle(child: ChildHandle, verb: Verb, name: string, value: unknown): unknown;
  exited(child: ChildHandle, exit: Exit): void;
}

/** What a child is born into. */
export interface Birth {
  readonly plan: Plan;
  readonly generation: number;
  /** All that the keeper holds. */
  readonly sockets: readonly HeldSocket[];
  readonly socketPath?: string;
}

/** How long a child may take to end after it has been told to, beyond its drain deadline. */
const END_GRACE_MS = 3_000;

export interface ChildName {
  readonly kind: ChildKind;
  /** Of a worker, the name of its crew; "" for the steward. */
  readonly crew: string;
  /** 0 for the steward, 1 … n for the workers of a crew. */
  readonly index: number;
  /** Its number in the shared page. */
  readonly owner: number;
}

export class ChildHandle implements ChildName {
  readonly kind: ChildKind;
  readonly crew: string;
  readonly index: number;
  readonly owner: number;
  /** "worker 1", "lb 1", "steward 0": what people call its place. */
  readonly place: string;
  /** Where it is reached behind the front, if there is one before its crew. */
  readonly socketPath: string | undefined;
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
  readonly #birth: Birth;
  /** Whoever ends it later waits for the one who did first: a drain is not cut by a second wish. */
  #ended: Promise<void> | undefined;
  readonly #clock: Clock;

  constructor({ kind, crew, index, owner }: ChildName, birth: Birth, seams: ChildSeams) {
    const { plan } = birth;
    const own = crewOf(plan, crew);
    this.kind = kind;
    this.crew = crew;
    this.index = index;
    this.owner = owner;
    this.place = kind === "steward" ? `steward ${index}` : placeName(plan, crew, index);
    this.socketPath = birth.socketPath;
    this.program = own?.program;
    this.#birth = birth;
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
      crew,
      index,
      owner,
      name: plan.name,
      environment: own?.environment ?? {},
      title: kind === "steward" || crew === plan.role ? kind : crew,
      generation: birth.generation,
      fds: this.#inherited().map(({ fd }) => fd),
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
  async start(pushed: ReadonlyMap<string, unknown>): Promise<void> {
    this.state.go("starting");
    const { plan } = this.#birth;
    const { startTimeoutMs } = plan.limits;
    const order = this.#orderOf(pushed);
    try {
      await this.peer.ask("command", "start", order, startTimeoutMs + END_GRACE_MS);
    } catch (error) {
      throw error instanceof Problem && error.code === "RUN_NO_ANSWER" ? tooLate(this, plan) : error;
    }
    this.state.go("ready");
    this.served = true;
  }

  /**
   * Lets it finish what is in flight, then ends it; resolves when the process is gone. `before` is what takes the traffic
   * away from it, out of the same time, and does not reject.
   */
  end(drainMs: number, before?: (deadlineMs: number) => Promise<void>): Promise<void> {
    this.#ended ??= this.#end(drainMs, before);
    return this.#ended;
  }

  async #end(drainMs: number, before?: (deadlineMs: number) => Promise<void>): Promise<void> {
    this.unwanted = true;
    if (this.state.is("ready")) {
      this.state.go("draining");
      const until = this.#clock.now() + drainMs;
      if (before !== undefined) await Promise.race([this.exited, before(drainMs)]);
      const leftMs = Math.max(0, until - this.#clock.now());
      if (!this.#isGone()) await this.#politely("drain", leftMs, leftMs + END_GRACE_MS);
    }
    if (!this.#isGone()) await this.#politely("stop", undefined, END_GRACE_MS);
    const timer = this.#clock.after(END_GRACE_MS, () => this.kill());
    await this.exited;
    timer.cancel();
  }

  kill(): void {
    if (!this.#isGone()) this.#running.kill("SIGKILL");
  }

  #isGone(): boolean {
    return this.state.is("stopped");
  }

  /** The sockets that this child gets: those of its own plan, since one that is given up must be nobody's. */
  #inherited(): readonly HeldSocket[] {
    const { plan, sockets } = this.#birth;
    const wanted = (crewOf(plan, this.crew)?.sockets ?? []).map(formatAddress);
    return sockets.filter(({ crew, asked }) => crew === this.crew && wanted.includes(formatAddress(asked)));
  }

  #orderOf(pushed: ReadonlyMap<string, unknown>): StartOrder {
    const { plan, sockets, generation, socketPath } = this.#birth;
    const inherited = this.#inherited();
    const told = sockets.map((held): SocketOrder => {
      const { crew, asked, address } = held;
      const at = inherited.indexOf(held);
      return { crew, asked, address, ...(at === -1 ? {} : { fd: FIRST_SOCKET_FD + at }) };
    });
    return {
      plan: this.kind === "worker" ? planOfWorker(plan, this.crew) : plan,
      pushed: [...(this.kind === "worker" ? topicsOf(pushed, this.crew) : pushed)],
      sockets: told,
      generation,
      ...(socketPath === undefined ? {} : { socketPath }),
    };
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

function tooLate(child: ChildHandle, { limits }: Plan): Problem {
  return new Problem("RUN_START_TIMEOUT", {
    what: `Cannot start ${child.place}: it was not ready within ${limits.startTimeoutMs} ms and does not answer`,
    ...inProgram(child.program),
    why: "Its event loop does not turn: most likely the program computes or waits synchronously while it loads.",
    fix: "Move long work out of the program's top level, or raise start_timeout",
  });
}

export function deathOf(child: ChildHandle, exit: Exit): Problem {
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  const memory = exit.signal === "SIGKILL" ? "It may have been killed for using too much memory. " : "";
  return new Problem("RUN_CHILD_DIED", {
    what: `Cannot go on with ${child.place} (pid ${child.pid}): it ended with ${how}`,
    ...inProgram(child.program),
    why: `${memory}Its own last lines are in the log just above.`,
  });
}
