/**
 * The front of a box, as its keeper directs it: which workers stand behind the crew "lb". It tells the lb of one that
 * comes, and takes one out before it is told to drain, so that no request meets a worker that does not take it.
 * Invariant: the list has a version that only grows; whoever has seen a later one ignores an earlier one.
 */
import { asProblem } from "../problem/problem.ts";
import type { ChildHandle } from "./child-handle.ts";
import { scoped } from "./scope.ts";
import { pushTo } from "./switchboard.ts";

/** What the lb is told under `targets`: pushed, and as a command that is done when no new request goes to one that leaves. */
export interface Targets {
  readonly version: number;
  readonly targets: readonly FrontTarget[];
}

export interface FrontTarget {
  readonly key: string;
  readonly path: string;
  readonly state: "active" | "leaving";
}

export interface FrontSeams {
  /** The last state of every topic, by its scoped name. */
  readonly pushed: Map<string, unknown>;
  lb(): readonly ChildHandle[];
  steward(): ChildHandle | undefined;
  /** A worker of the lb did not say in time that nothing is in flight to that target. */
  late(target: string, reason: string): void;
}

const TOPIC = "targets";
const IDLE = "targets-idle";
/** How long the lb may take to put a new list to use. */
const ACK_MS = 2_000;
/** How much later than its own deadline it may answer. */
const IDLE_GRACE_MS = 1_000;

export class Front {
  readonly #seams: FrontSeams;
  readonly #targets = new Map<ChildHandle, FrontTarget>();
  #version = 0;

  constructor(seams: FrontSeams) {
    this.#seams = seams;
  }

  has(child: ChildHandle): boolean {
    return this.#targets.has(child);
  }

  /** It is ready: requests go to it from now on. */
  async join(child: ChildHandle): Promise<void> {
    if (child.socketPath === undefined) return;
    this.#targets.set(child, { key: keyOf(child), path: child.socketPath, state: "active" });
    await this.#announce();
  }

  /** Resolves when nothing is in flight to it but tunnels, or the deadline has passed. Never rejects. */
  async leave(child: ChildHandle, deadlineMs: number): Promise<void> {
    const target = this.#targets.get(child);
    if (target === undefined) return;
    this.#targets.set(child, { ...target, state: "leaving" });
    await this.#announce();
    await this.#commandAll(IDLE, { key: target.key, deadlineMs }, deadlineMs + IDLE_GRACE_MS);
  }

  /** Its process has ended, however it went. */
  gone(child: ChildHandle): void {
    if (!this.#targets.delete(child)) return;
    this.#push();
  }

  async #announce(): Promise<void> {
    await this.#commandAll(TOPIC, this.#push(), ACK_MS);
  }

  #push(): Targets {
    this.#version += 1;
    const state: Targets = { version: this.#version, targets: [...this.#targets.values()] };
    this.#seams.pushed.set(scoped("lb", TOPIC), state);
    pushTo(this.#seams.lb(), TOPIC, state);
    // The health checks are the steward's.
    const steward = this.#seams.steward();
    if (steward !== undefined && !steward.state.is("stopped")) {
      steward.peer.tell("push", scoped("lb", TOPIC), state);
    }
    return state;
  }

  /** One that drains still finishes requests; one that is dead has none. */
  async #commandAll(name: string, value: unknown, timeoutMs: number): Promise<void> {
    const serving = this.#seams.lb().filter((child) => child.state.is("ready") || child.state.is("draining"));
    await Promise.all(serving.map((child) => this.#command(child, name, value, timeoutMs)));
  }

  async #command(child: ChildHandle, name: string, value: unknown, timeoutMs: number): Promise<void> {
    try {
      await child.peer.ask("command", `role ${name}`, value, timeoutMs);
    } catch (error) {
      if (!child.state.is("stopped")) this.#seams.late(child.place, asProblem(error).message);
    }
  }
}

function keyOf(child: ChildHandle): string {
  return `${child.crew}-${child.owner}`;
}
