/**
 * A box in memory: one steward and n workers that share a fake clock, page of limits, leases and log, wired with the four
 * verbs of `Host`. What one process tells another is copied as it is on the way between real processes, arrives on a
 * later turn and in order. There is no keeper: the test says which process dies, and which comes.
 */
import type { Net } from "../../proxy/net/wire.ts";
import type { Duty, Answer, Box, Host, Note } from "../../proxy/role.ts";
import { digest } from "../../src/run/digest.ts";
import { FakeClock, turn } from "./clock.ts";
import { FakeLeases } from "./leases.ts";
import { FakePage } from "./limits.ts";
import { RecordingLog } from "./log.ts";
import { FakeMetrics } from "./metrics.ts";
import { SimNet } from "./net-sim.ts";
import { SeededRng } from "./rng.ts";

/** As long as the keeper waits for a worker's answer, by the box's clock. */
const GATHER_TIMEOUT_MS = 1_000;
const COMMAND_TIMEOUT_MS = 30_000;
const NOTE_BYTES_MAX = 176;

export interface BoxOptions {
  readonly role?: string;
  readonly name?: string;
  readonly workers?: number;
  readonly seed?: number;
  /** What the processes dial and listen on, all the same one; a simulated network of that seed when absent. */
  readonly net?: Net;
  readonly sockets?: Box["sockets"];
}

/** What of a duty the box itself calls. */
type Commanded = Pick<Duty<never>, "command">;

export class FakeBox {
  readonly clock = new FakeClock();
  readonly page = new FakePage();
  readonly leases = new FakeLeases(this.clock);
  readonly log = new RecordingLog();
  /** What processes said by `fail`, in order. */
  readonly failures: unknown[] = [];
  /** How often a process asked for a reload. */
  reloads = 0;
  readonly seed: number;
  readonly net: Net;
  readonly #names: Pick<Box, "role" | "name" | "sockets">;
  readonly #pushed = new Map<string, unknown>();
  readonly #workers = new Set<FakeHost>();
  #steward: FakeHost | undefined;
  #born = 0;
  #lastIndex = 0;

  constructor(options: BoxOptions = {}) {
    const { role = "test", name = `host-${role}`, workers = 1, seed = 1, sockets = [] } = options;
    this.seed = seed;
    this.net = options.net ?? new SimNet({ clock: this.clock, rng: new SeededRng(seed) });
    this.#names = { role, name, sockets };
    this.raiseSteward();
    for (let count = 0; count < workers; count += 1) this.raiseWorker();
  }

  /** The one that lives; an error when there is none. */
  get steward(): FakeHost {
    if (this.#steward === undefined) throw new Error("Cannot find the steward: it is dead");
    return this.#steward;
  }

  /** Those that live, oldest first. */
  get workers(): readonly FakeHost[] {
    return [...this.#workers];
  }

  /** A new steward in the place of the dead one. */
  raiseSteward(): FakeHost {
    if (this.#steward !== undefined) throw new Error("Cannot raise a steward: there is one");
    this.#steward = this.#raise(0);
    return this.#steward;
  }

  /** One more worker; it gets the last state of every topic. */
  raiseWorker(): FakeHost {
    this.#lastIndex += 1;
    const worker = this.#raise(this.#lastIndex);
    this.#workers.add(worker);
    for (const [topic, state] of this.#pushed) post(() => worker.takePush(topic, structuredClone(state)));
    return worker;
  }

  /** The process is gone at this instruction: it hears and says nothing more, and its places are free again. */
  kill(host: FakeHost): void {
    if (!host.alive) return;
    host.die();
    this.#workers.delete(host);
    if (this.#steward === host) this.#steward = undefined;
    this.page.reclaim(host.owner);
  }

  /** Resolves when all that was said has been heard, and every promise that could settle has settled. */
  settled(): Promise<void> {
    return turn();
  }

  push(topic: string, state: unknown): void {
    this.#pushed.set(topic, structuredClone(state));
    for (const worker of this.#workers) {
      const copy = structuredClone(state);
      post(() => worker.takePush(topic, copy));
    }
  }

  report(from: FakeHost, topic: string, seen: unknown): void {
    const copy = structuredClone(seen);
    const steward = this.#steward;
    post(() => steward?.takeReport(topic, copy, from.box.index));
  }

  /** Without those that died, do not know the question, failed, or took too long. */
  async gather(question: string): Promise<readonly Answer[]> {
    const asked = this.workers.map((worker) => this.#ask(worker, GATHER_TIMEOUT_MS, () => worker.answer(question)));
    const answers = await Promise.allSettled(asked);
    return answers.filter((answer) => answer.status === "fulfilled").map((answer) => answer.value);
  }

  command(name: string, argument: unknown): Promise<readonly Answer[]> {
    const copies = this.workers.map((worker) => ({ worker, copy: structuredClone(argument) }));
    return Promise.all(
      copies.map(({ worker, copy }) => this.#ask(worker, COMMAND_TIMEOUT_MS, () => worker.obey(name, copy))),
    );
  }

  #raise(index: number): FakeHost {
    this.#born += 1;
    return new FakeHost(this, { ...this.#names, index, generation: 1, owner: this.#born });
  }

  async #ask(worker: FakeHost, timeoutMs: number, run: () => unknown): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = this.clock.after(timeoutMs, () =>
      reject(new Error(`Cannot ask worker ${worker.box.index}: no answer`)),
    );
    const forget = worker.onDeath(() => reject(new Error(`Cannot ask worker ${worker.box.index}: it died`)));
    post(() => {
      if (worker.alive) void Promise.try(run).then(resolve, reject);
    });
    try {
      return { worker: worker.box.index, value: structuredClone(await promise) };
    } finally {
      timer.cancel();
      forget();
    }
  }
}

/** One process of the box, as its duty sees it. */
export class FakeHost implements Host {
  readonly clock: FakeClock;
  readonly rng: SeededRng;
  readonly digest = digest;
  readonly log: RecordingLog;
  readonly metrics = new FakeMetrics();
  readonly limits: Host["limits"];
  readonly leases: Host["leases"];
  readonly net: Net;
  readonly note = new FakeNote();
  readonly box: Box;
  /** Names this process on the page of limits; never used twice. */
  readonly owner: number;
  /** Whom `command` reaches here. */
  duty: Commanded | undefined;
  readonly #all: FakeBox;
  readonly #onPush = new Map<string, (state: unknown) => void>();
  readonly #onReport = new Map<string, (seen: unknown, worker: number) => void>();
  readonly #onGather = new Map<string, () => unknown>();
  readonly #states = new Map<string, unknown>();
  readonly #mourners = new Set<() => void>();
  #alive = true;

  constructor(all: FakeBox, box: Box) {
    const { owner } = box;
    this.#all = all;
    this.box = box;
    this.owner = owner;
    this.net = all.net;
    this.clock = all.clock;
    this.rng = new SeededRng(all.seed + owner);
    this.log = all.log.with({ process: box.index === 0 ? "steward" : `worker ${box.index}` });
    this.limits = all.page.of(owner);
    this.leases = all.leases.of(box.name);
  }

  get alive(): boolean {
    return this.#alive;
  }

  push(topic: string, state: unknown): void {
    this.#mustBe("steward", "push");
    if (this.#alive) this.#all.push(topic, state);
  }

  onPush(topic: string, take: (state: unknown) => void): void {
    this.#onPush.set(topic, take);
    if (this.#states.has(topic)) take(this.#states.get(topic));
  }

  report(topic: string, seen: unknown): void {
    this.#mustBe("worker", "report");
    if (this.#alive) this.#all.report(this, topic, seen);
  }

  onReport(topic: string, take: (seen: unknown, worker: number) => void): void {
    this.#onReport.set(topic, take);
  }

  gather(question: string): Promise<readonly Answer[]> {
    this.#mustBe("steward", "gather");
    return this.#all.gather(question);
  }

  onGather(question: string, answer: () => unknown): void {
    this.#onGather.set(question, answer);
  }

  command(name: string, argument?: unknown): Promise<readonly Answer[]> {
    this.#mustBe("steward", "command");
    return this.#all.command(name, argument);
  }

  reload(): void {
    this.#all.reloads += 1;
  }

  fail(reason: unknown): void {
    this.#all.failures.push(reason);
    this.#all.kill(this);
  }

  takePush(topic: string, state: unknown): void {
    if (!this.#alive) return;
    this.#states.set(topic, state);
    this.#onPush.get(topic)?.(state);
  }

  takeReport(topic: string, seen: unknown, worker: number): void {
    if (this.#alive) this.#onReport.get(topic)?.(seen, worker);
  }

  answer(question: string): unknown {
    const answer = this.#onGather.get(question);
    if (answer === undefined) throw new Error(`Cannot answer "${question}": nobody here knows it`);
    return answer();
  }

  obey(name: string, argument: unknown): Promise<unknown> {
    if (this.duty?.command === undefined) throw new Error(`Cannot do "${name}": the duty has no commands`);
    return this.duty.command(name, argument);
  }

  /** Returns what takes it back. */
  onDeath(run: () => void): () => void {
    this.#mourners.add(run);
    return () => void this.#mourners.delete(run);
  }

  die(): void {
    this.#alive = false;
    for (const run of this.#mourners) run();
    this.#mourners.clear();
  }

  #mustBe(who: "steward" | "worker", verb: string): void {
    const is = this.box.index === 0 ? "steward" : "worker";
    if (is !== who) throw new Error(`Cannot ${verb}: this is a ${is}, and only a ${who} may`);
  }
}

class FakeNote implements Note {
  readonly bytes = new Uint8Array(NOTE_BYTES_MAX);
  #length = 0;

  setLength(length: number): void {
    this.#length = length;
  }

  /** What the keeper would quote. */
  get text(): string {
    return new TextDecoder().decode(this.bytes.subarray(0, this.#length));
  }
}

/** On a later turn, in the order of the calls. */
function post(deliver: () => void): void {
  queueMicrotask(deliver);
}
