/**
 * The pool's steward: what is about all workers together and is no traffic. It sums what they show, tells all of them to
 * pause and resume, and passes cancel requests on to whoever gave the key.
 * Invariants: PAUSE is answered when every worker that lives says that its links are closed; what is paused outlives both
 * a worker (the state is pushed) and the steward (its successor asks the workers).
 */
import { HEALTHY, type Health } from "../base/health.ts";
import { LIFECYCLE, State } from "../base/state.ts";
import type { TableName, TableRow } from "../pgconn/console-tables.ts";
import type { Verb } from "../pgconn/console-words.ts";
import type { Duty, Host, Prepared } from "../role.ts";
import {
  COMMAND,
  GATHER,
  PUSH,
  REPORT,
  type Asked,
  type CancelAsked,
  type PauseState,
  type Reply,
  type StarvingReport,
  type Told,
  type YieldOrder,
} from "./letters.ts";
import type { PoolSetup } from "./setup.ts";
import { socketRow, tableOf, type SocketView, type WorkerView } from "./view.ts";

const PAUSE_LOOK_MS = 50;
/** What workers ask at once; a worker asks again for what it is not told. */
const QUESTIONS_MAX = 256;

export class PoolSteward implements Duty<PoolSetup> {
  readonly #host: Host;
  readonly #state = new State(LIFECYCLE, "new");
  readonly #paused = new Set<string>();
  /** Questions at work, by worker and number. */
  readonly #atWork = new Set<string>();
  #setup: PoolSetup;
  #version = 0;

  constructor(setup: PoolSetup, host: Host) {
    this.#setup = setup;
    this.#host = host;
  }

  async start(): Promise<void> {
    this.#state.go("starting");
    this.#host.onReport(REPORT.ask, (asked, worker) => void this.#answer(asked as Asked, worker));
    this.#host.onReport(REPORT.cancel, (asked) => void this.#passOn(asked as CancelAsked));
    this.#host.onReport(REPORT.starving, (seen, worker) => void this.#feed(seen as StarvingReport, worker));
    await this.#recall();
    this.#state.go("ready");
  }

  health(): Health {
    return HEALTHY;
  }

  async prepare(next: PoolSetup): Promise<Prepared> {
    return { how: "in place", commit: () => void (this.#setup = next), abort: () => undefined };
  }

  async drain(): Promise<void> {
    if (this.#state.can("draining")) this.#state.go("draining");
  }

  async stop(): Promise<void> {
    if (this.#state.can("stopped")) this.#state.go("stopped");
  }

  /** What a steward before this one had paused. */
  async #recall(): Promise<void> {
    for (const { value } of await this.#host.gather(GATHER.pause)) {
      const { version, paused } = value as PauseState;
      this.#version = Math.max(this.#version, version);
      for (const name of paused) this.#paused.add(name);
    }
  }

  async #answer(asked: Asked, worker: number): Promise<void> {
    const key = `${worker} ${asked.id}`;
    if (this.#atWork.has(key) || this.#atWork.size >= QUESTIONS_MAX) return;
    this.#atWork.add(key);
    try {
      const reply: Reply =
        "table" in asked
          ? { kind: "rows", rows: await this.#rows(asked.table) }
          : await this.#perform(asked.verb, asked.database);
      const told: Told = { worker, id: asked.id, reply };
      await this.#tell(COMMAND.told, told);
    } finally {
      this.#atWork.delete(key);
    }
  }

  async #rows(table: TableName): Promise<readonly TableRow[]> {
    if (table === "clients" || table === "servers") {
      const answers = await this.#host.gather(GATHER[table]);
      return answers.flatMap(({ value }) => value as readonly SocketView[]).map(socketRow);
    }
    const views = (await this.#host.gather(GATHER.view)).map(({ value }) => value as WorkerView);
    return tableOf(table, views, this.#setup);
  }

  async #perform(verb: Verb, database: string | undefined): Promise<Reply> {
    if (verb === "reload") {
      this.#host.reload();
      return { kind: "done" };
    }
    if (database !== undefined && this.#setup.databases[database] === undefined) {
      return { kind: "refused", message: `database "${database}" does not exist`, why: "database" };
    }
    const wanted = database === undefined ? Object.keys(this.#setup.databases) : [database];
    return verb === "pause" ? this.#pause(wanted) : this.#resume(wanted);
  }

  async #pause(wanted: readonly string[]): Promise<Reply> {
    for (const name of wanted) this.#paused.add(name);
    const version = this.#push();
    for (;;) {
      if (!wanted.every((name) => this.#paused.has(name))) {
        return { kind: "refused", message: "the pause was taken back by RESUME", why: "state" };
      }
      const answers = (await this.#host.gather(GATHER.pause)).map(({ value }) => value as PauseState);
      const isQuiet = (state: PauseState): boolean =>
        state.version >= version && wanted.every((name) => state.quiet.includes(name));
      if (answers.length > 0 && answers.every(isQuiet)) return { kind: "done" };
      if (this.#state.is("stopped")) return { kind: "refused", message: "the pool is shutting down", why: "state" };
      await new Promise<void>((resolve) => this.#host.clock.after(PAUSE_LOOK_MS, resolve));
    }
  }

  async #resume(wanted: readonly string[]): Promise<Reply> {
    const paused = wanted.filter((name) => this.#paused.has(name));
    if (paused.length === 0) return { kind: "refused", message: "nothing is paused", why: "state" };
    for (const name of paused) this.#paused.delete(name);
    const version = this.#push();
    for (;;) {
      const answers = (await this.#host.gather(GATHER.pause)).map(({ value }) => value as PauseState);
      if (answers.every((state) => state.version >= version)) return { kind: "done" };
      await new Promise<void>((resolve) => this.#host.clock.after(PAUSE_LOOK_MS, resolve));
    }
  }

  #push(): number {
    this.#version += 1;
    this.#host.push(PUSH.paused, { version: this.#version, databases: [...this.#paused] });
    return this.#version;
  }

  /** Has a worker give up a link: one that has an idle one, otherwise the one that has most, if that is more than its share. */
  async #feed({ database, held }: StarvingReport, starving: number): Promise<void> {
    const size = this.#setup.databases[database]?.size;
    if (size === undefined) return;
    const share = Math.max(1, Math.floor(size / this.#setup.workers));
    const others = (await this.#host.gather(GATHER.view)).filter(({ worker }) => worker !== starving);
    const givers = others.map(({ worker, value }) => ({ worker, ...wealthOf(value as WorkerView, database) }));
    givers.sort((one, other) => Math.sign(other.idle) - Math.sign(one.idle) || other.servers - one.servers);
    const giver = givers[0];
    // An idle link is given whoever has more; one in use only to who has less.
    if (giver === undefined || giver.servers === 0 || (giver.idle === 0 && giver.servers < held)) return;
    const order: YieldOrder = { database, giver: giver.worker, share };
    await this.#tell(COMMAND.yield, order);
  }

  /** Only one worker knows the key; all are asked, because it may be of a worker that is no more. */
  async #passOn(asked: CancelAsked): Promise<void> {
    await this.#tell(COMMAND.cancel, asked);
  }

  /** A worker that dies meanwhile needs no answer. */
  async #tell(name: string, argument: unknown): Promise<void> {
    try {
      await this.#host.command(name, argument);
    } catch (error) {
      this.#host.log.debug("pool_command_lost", { command: name, reason: String(error) });
    }
  }
}

/** How many links a worker has for a database, and how many of them nobody uses. */
function wealthOf(
  { databases, pools }: WorkerView,
  database: string,
): { readonly servers: number; readonly idle: number } {
  const servers = databases.find(({ name }) => name === database)?.servers ?? 0;
  const idle = pools.reduce((sum, pool) => (pool.database === database ? sum + pool.serversIdle : sum), 0);
  return { servers, idle };
}
