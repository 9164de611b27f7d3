/**
 * What a duty may use of the world, as its child process has it. What a duty registers (`onPush`, `onReport`,
 * `onGather`) is what the letters from the keeper look up. A steward has one of these for each crew, and one for the box.
 */
import type { Answer, Host } from "../../proxy/role.ts";
import { Problem } from "../problem/problem.ts";
import type { Peer } from "./peer.ts";
import { KEEPER_SCOPE } from "./scope.ts";

type Handed = Pick<
  Host,
  "clock" | "rng" | "digest" | "log" | "metrics" | "limits" | "leases" | "net" | "box" | "note" | "fail"
>;

export interface HostParts extends Handed {
  readonly peer: Peer;
  /** Stands before the name of what is said: of a steward the crew that it is said to. */
  readonly scope: string;
}

/** Longer than the keeper waits for any worker, so that its verdict comes first. */
const RELAY_TIMEOUT_MS = 35_000;

export class ChildHost implements Host {
  readonly clock: Host["clock"];
  readonly rng: Host["rng"];
  readonly digest: Host["digest"];
  readonly log: Host["log"];
  readonly metrics: Host["metrics"];
  readonly limits: Host["limits"];
  readonly leases: Host["leases"];
  readonly net: Host["net"];
  readonly box: Host["box"];
  readonly note: Host["note"];
  readonly fail: Host["fail"];
  readonly #peer: Peer;
  readonly #scope: string;
  readonly #states = new Map<string, unknown>();
  readonly #onPush = new Map<string, (state: unknown) => void>();
  readonly #onReport = new Map<string, (seen: unknown, worker: number) => void>();
  readonly #onGather = new Map<string, () => unknown>();

  constructor(parts: HostParts) {
    this.clock = parts.clock;
    this.rng = parts.rng;
    this.digest = parts.digest;
    this.log = parts.log;
    this.metrics = parts.metrics;
    this.limits = parts.limits;
    this.leases = parts.leases;
    this.net = parts.net;
    this.box = parts.box;
    this.note = parts.note;
    this.fail = parts.fail;
    this.#peer = parts.peer;
    this.#scope = parts.scope;
  }

  push(topic: string, state: unknown): void {
    this.#peer.tell("push", this.#scope + topic, state);
  }

  onPush(topic: string, take: (state: unknown) => void): void {
    this.#onPush.set(topic, take);
    if (this.#states.has(topic)) take(this.#states.get(topic));
  }

  report(topic: string, seen: unknown): void {
    this.#peer.tell("report", this.#scope + topic, seen);
  }

  onReport(topic: string, take: (seen: unknown, worker: number) => void): void {
    this.#onReport.set(topic, take);
  }

  async gather(question: string): Promise<readonly Answer[]> {
    return (await this.#ask("gather", question, undefined)) as readonly Answer[];
  }

  onGather(question: string, answer: () => unknown): void {
    this.#onGather.set(question, answer);
  }

  async command(name: string, argument?: unknown): Promise<readonly Answer[]> {
    return (await this.#ask("command", name, argument)) as readonly Answer[];
  }

  reload(): void {
    this.#peer.tell("report", `${KEEPER_SCOPE}reload`, undefined);
  }

  /** A `push` from the keeper. */
  takePush(topic: string, state: unknown): void {
    this.#states.set(topic, state);
    this.#onPush.get(topic)?.(state);
  }

  /** A worker's `report`, passed on by the keeper. */
  takeReport(topic: string, value: unknown): void {
    const { worker, seen } = value as { worker: number; seen: unknown };
    this.#onReport.get(topic)?.(seen, worker);
  }

  /** A `gather` from the keeper. */
  answer(question: string): unknown {
    const answer = this.#onGather.get(question);
    if (answer === undefined) {
      throw new Problem("RUN_UNEXPECTED", { what: `Cannot answer "${question}": nobody in this process knows it` });
    }
    return answer();
  }

  #ask(verb: "gather" | "command", name: string, value: unknown): Promise<unknown> {
    return this.#peer.ask(verb, this.#scope + name, value, RELAY_TIMEOUT_MS);
  }
}
