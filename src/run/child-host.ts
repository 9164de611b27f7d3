/**
 * What a duty may use of the world, as its child process has it. What a duty registers (`onPush`, `onReport`,
 * `onGather`) is what the letters from the keeper look up.
 */
import type { Answer, Host } from "../../proxy/role.ts";
import { Problem } from "../problem/problem.ts";
import type { Peer } from "./peer.ts";

type Handed = Pick<
  Host,
  "clock" | "rng" | "digest" | "log" | "metrics" | "limits" | "leases" | "box" | "note" | "fail"
>;

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
  readonly box: Host["box"];
  readonly note: Host["note"];
  readonly fail: Host["fail"];
  readonly #peer: Peer;
  readonly #states = new Map<string, unknown>();
  readonly #onPush = new Map<string, (state: unknown) => void>();
  readonly #onReport = new Map<string, (seen: unknown, worker: number) => void>();
  readonly #onGather = new Map<string, () => unknown>();

  constructor(handed: Handed & { readonly peer: Peer }) {
    this.clock = handed.clock;
    this.rng = handed.rng;
    this.digest = handed.digest;
    this.log = handed.log;
    this.metrics = handed.metrics;
    this.limits = handed.limits;
    this.leases = handed.leases;
    this.box = handed.box;
    this.note = handed.note;
    this.fail = handed.fail;
    this.#peer = handed.peer;
  }

  push(topic: string, state: unknown): void {
    this.#peer.tell("push", topic, state);
  }

  onPush(topic: string, take: (state: unknown) => void): void {
    this.#onPush.set(topic, take);
    if (this.#states.has(topic)) take(this.#states.get(topic));
  }

  report(topic: string, seen: unknown): void {
    this.#peer.tell("report", topic, seen);
  }

  onReport(topic: string, take: (seen: unknown, worker: number) => void): void {
    this.#onReport.set(topic, take);
  }

  async gather(question: string): Promise<readonly Answer[]> {
    return (await this.#peer.ask("gather", question, undefined, RELAY_TIMEOUT_MS)) as readonly Answer[];
  }

  onGather(question: string, answer: () => unknown): void {
    this.#onGather.set(question, answer);
  }

  async command(name: string, argument?: unknown): Promise<readonly Answer[]> {
    return (await this.#peer.ask("command", name, argument, RELAY_TIMEOUT_MS)) as readonly Answer[];
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
}
