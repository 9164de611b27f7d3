/**
 * A whole box in one process on a fake clock: the real keeper and the real lives of its children, with letters carried in
 * memory, one turn late, and copied as a channel would. A child can be killed at any moment; then its letters are lost.
 */
import type { Answer, Duty, RoleFace } from "../../proxy/role.ts";
import type { Exit, Running, SpawnOrder } from "../../src/run/child-handle.ts";
import { Keeper } from "../../src/run/keeper.ts";
import { Life, wholePlan } from "../../src/run/life.ts";
import { Meter } from "../../src/run/meter.ts";
import type { Letter } from "../../src/run/peer.ts";
import type { Crew, Plan } from "../../src/run/plan.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { digest } from "../../src/run/digest.ts";
import { FakeClock, turn } from "./clock.ts";
import { FakeLeases } from "./leases.ts";
import { FakePage } from "./limits.ts";
import { RecordingLog } from "./log.ts";
import { SimNet } from "./net-sim.ts";
import { SeededRng } from "./rng.ts";
import { tinyLb, type TinyLbOptions, type TinyTraffic } from "./tiny-lb.ts";
import { tinyRole, type TinyDuties, type TinyOptions } from "./tiny-role.ts";

export interface SimChild {
  readonly pid: number;
  readonly kind: string;
  readonly crew: string;
  readonly index: number;
  /** As the kernel would, or as a crash would. */
  die(exit?: Exit): void;
}

export interface SimOptions {
  readonly seed?: number;
  /** There when a tiny lb stands before the workers. */
  readonly front?: TinyLbOptions;
}

const STEP_MS = 25;
const KILLED: Exit = { code: null, signal: "SIGKILL" };

export class SimBox {
  readonly clock = new FakeClock();
  readonly log = new RecordingLog();
  readonly page: FakePage;
  readonly keeper: Keeper;
  readonly net: SimNet;
  readonly fatal: Problem[] = [];
  readonly duties: TinyDuties;
  /** Those that live, by pid. */
  readonly children = new Map<number, SimChild>();
  readonly traffic: TinyTraffic = { answered: 0, unserved: 0, late: 0, cut: 0 };
  readonly #role = tinyRole();
  readonly #front: TinyLbOptions | undefined;
  readonly #living = new Set<number>();
  readonly #rng: SeededRng;
  #pids = 100;

  constructor(options: TinyOptions, { seed = 1, front }: SimOptions = {}) {
    this.#rng = new SeededRng(seed);
    this.#front = front;
    this.net = new SimNet({ clock: this.clock, rng: this.#rng });
    this.page = new FakePage();
    this.duties = this.#role.duties;
    this.keeper = new Keeper(this.planOf(options), {
      clock: this.clock,
      log: this.log,
      spawn: (order) => this.#spawn(order),
      reclaim: (owner) => this.page.reclaim(owner),
      sockets: { held: [], change: () => Promise.resolve({ commit: () => undefined, abort: () => undefined }) },
      generation: 1,
      owner: 1,
      wish: () => undefined,
      fatal: (problem) => this.fatal.push(problem),
      changed: () => undefined,
    });
  }

  planOf(options: TinyOptions): Plan {
    return {
      role: "app",
      name: "tiny",
      mode: "production",
      crews: [crewOf("app", options, options.workers), ...this.#frontCrews()],
      ...(this.#front === undefined ? {} : { front: { folder: "/sim" } }),
      listens: [],
      limits: { startTimeoutMs: 5_000, drainTimeoutMs: 5_000, stallTimeoutMs: 0, memoryMaxBytes: Infinity },
      admin: { listen: "unix:/nowhere" },
      log: { level: "debug", format: "json" },
    };
  }

  #frontCrews(): Crew[] {
    return this.#front === undefined ? [] : [crewOf("lb", this.#front, this.#front.workers)];
  }

  #faceOf(role: string): RoleFace<unknown> {
    if (role === "app") return this.#role.face as RoleFace<unknown>;
    const { duties, traffic } = this;
    return tinyLb({ duties, traffic, isAlive: (owner) => this.#living.has(owner) }) as RoleFace<unknown>;
  }

  /** Runs something that needs time to pass, and lets it pass. */
  async settle<T>(run: () => Promise<T>): Promise<T> {
    let settled = false;
    const promise = run().finally(() => {
      settled = true;
    });
    promise.catch(() => undefined);
    for (let turns = 0; !settled && turns < 10_000; turns += 1) await this.clock.advanceAsync(10);
    if (!settled) throw new Error("Cannot settle: nothing happened in 100 seconds of simulated time");
    return promise;
  }

  /** In small steps, so that letters, which take a turn each, are not slower than time. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed <= ms; passed += STEP_MS) {
      for (let turns = 0; turns < 8; turns += 1) await turn();
      await this.clock.advanceAsync(Math.min(STEP_MS, ms - passed));
    }
  }

  /** What every ready worker answers, by worker. */
  async ask(question: string): Promise<readonly Answer[]> {
    const steward = this.duties.stewards.at(-1);
    if (steward === undefined) throw new Error("Cannot ask: there is no steward");
    return this.settle(() => steward.host.gather(question));
  }

  alive(kind: string): SimChild[] {
    return [...this.children.values()].filter((child) => child.kind === kind);
  }

  #spawn(order: SpawnOrder): Running {
    this.#pids += 1;
    const pid = this.#pids;
    let gone = false;
    const die = (exit: Exit): void => {
      if (gone) return;
      gone = true;
      this.children.delete(pid);
      this.#living.delete(order.owner);
      setImmediate(() => order.onExit(exit));
    };
    const carry = (deliver: (letter: Letter) => void) => (letter: Letter) => {
      const copy = structuredClone(letter);
      setImmediate(() => {
        if (!gone) deliver(copy);
      });
    };
    const toKeeper = carry((letter) => order.onLetter(letter));
    const life = new Life({
      kind: order.kind,
      crew: order.crew,
      index: order.index,
      owner: order.owner,
      clock: this.clock,
      rng: this.#rng,
      digest,
      leases: new FakeLeases(this.clock).of(String(pid)),
      limits: this.page.of(order.owner),
      note: { bytes: new Uint8Array(0), setLength: () => undefined },
      meter: new Meter(),
      send: toKeeper,
      end: (code) => setImmediate(() => die({ code, signal: null })),
      openLog: () =>
        Promise.resolve(Object.assign(new RecordingLog(), { setLevel: () => undefined, flush: () => undefined })),
      loadFace: (role) => Promise.resolve(this.#faceOf(role)),
      openNet: () => this.net,
      steward: async (faces, plan, host): Promise<Duty<Plan>> => {
        const steward = faces.get("app")?.steward?.(plan.crews[0].options, host.ofCrew("app"));
        if (steward === undefined) throw new Error("Cannot simulate a role without a steward");
        return wholePlan(steward, "app");
      },
    });
    const toChild = carry((letter) => life.peer.receive(letter));
    this.#living.add(order.owner);
    this.children.set(pid, {
      pid,
      kind: order.kind,
      crew: order.crew,
      index: order.index,
      die: (exit = KILLED) => die(exit),
    });
    return { pid, send: toChild, kill: () => die(KILLED) };
  }
}

function crewOf(name: string, options: unknown, workers: number): Crew {
  return { name, options, workers, environment: {}, sockets: [] };
}
