/**
 * The pool role: shares few Postgres connections among many clients. Here are its face and its worker; what is about all
 * workers together is `steward.ts`.
 */
import { formatAddress } from "../base/address.ts";
import { Budget } from "../base/byte-queue.ts";
import { HEALTHY, type Health } from "../base/health.ts";
import { LIFECYCLE, State } from "../base/state.ts";
import type { Listener } from "../net/wire.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import type { NoticeWords } from "../pg/notice.ts";
import type { Duty, Host, Prepared, RoleFace } from "../role.ts";
import { Clients } from "./clients.ts";
import { Databases, whyReplace } from "./databases.ts";
import { Desk } from "./desk.ts";
import { Doorway } from "./doorway.ts";
import { FaultCounts } from "./fault-counts.ts";
import {
  COMMAND,
  GATHER,
  PUSH,
  REPORT,
  type CancelAsked,
  type Paused,
  type PauseState,
  type StarvingReport,
  type Told,
  type YieldOrder,
} from "./letters.ts";
import { makeClient } from "./make-client.ts";
import { Reception } from "./reception.ts";
import type { PoolSetup } from "./setup.ts";
import { Showcase } from "./showcase.ts";
import { PoolSteward } from "./steward.ts";

export const face: RoleFace<PoolSetup> = {
  workers: (setup) => setup.workers,
  listens: (setup) => setup.sockets.map(formatAddress),
  sockets: (setup) => setup.sockets,
  worker: (setup, host) => new PoolWorker(setup, host),
  steward: (setup, host) => new PoolSteward(setup, host),
};

/** All that waits for slow peers in one worker. */
const BUDGET_BYTES = 256 * 1_048_576;
const LOOK_MS = 20;

export class PoolWorker implements Duty<PoolSetup> {
  readonly #host: Host;
  readonly #state = new State(LIFECYCLE, "new");
  readonly #databases: Databases;
  readonly #clients: Clients;
  readonly #reception: Reception;
  readonly #doorway: Doorway;
  readonly #desk: Desk;
  readonly #showcase: Showcase;
  readonly #listeners: Listener[] = [];
  /** Of the pause that was pushed last, the databases whose links are all closed. */
  readonly #quiet = new Set<string>();
  #setup: PoolSetup;
  #paused: Paused = { version: 0, databases: [] };

  constructor(setup: PoolSetup, host: Host) {
    const { net, clock, rng, digest, log, limits } = host;
    const budget = new Budget(BUDGET_BYTES);
    const faults = new FaultCounts(host.metrics);
    this.#setup = setup;
    this.#host = host;
    this.#desk = new Desk(host);
    this.#databases = new Databases({
      world: { net, clock, rng, digest, log, limits, budget },
      starving: (database, seen) => {
        const report: StarvingReport = { database, ...seen };
        host.report(REPORT.starving, report);
      },
    });
    this.#databases.obey(setup);
    this.#clients = new Clients(setup, host, makeClient({ host, budget, faults }));
    const [databases, clients, desk] = [this.#databases, this.#clients, this.#desk];
    this.#reception = new Reception(setup, {
      ...{ host, budget, databases, clients, desk },
      seen: (database, pool) => this.#showcase.countPool(database, pool),
    });
    this.#doorway = new Doorway(setup, { host, budget, faults, reception: this.#reception });
    this.#showcase = new Showcase(setup, { host, databases, clients, doorway: this.#doorway });
  }

  async start(): Promise<void> {
    this.#state.go("starting");
    this.#host.onGather(GATHER.view, () => this.#showcase.view());
    this.#host.onGather(GATHER.clients, () => this.#showcase.clients());
    this.#host.onGather(GATHER.servers, () => this.#showcase.servers());
    this.#host.onGather(GATHER.pause, () => this.#pauseState());
    this.#host.onPush(PUSH.paused, (state) => this.#pause(state as Paused));
    for (const address of this.#setup.sockets) {
      this.#listeners.push(this.#host.net.listen(address, (wire) => this.#doorway.accept(wire)));
    }
    this.#state.go("ready");
    this.#host.log.info("pool_listening", { listens: this.#listeners.map(({ address }) => formatAddress(address)) });
  }

  health(): Health {
    return this.#state.is("ready") ? HEALTHY : { ok: false, why: `the pool is ${this.#state.now}` };
  }

  async prepare(next: PoolSetup): Promise<Prepared> {
    const why = whyReplace(this.#setup, next);
    if (why !== undefined) return { how: "replace" };
    return { how: "in place", commit: () => this.#obey(next), abort: () => undefined };
  }

  /** Idle clients are told to go; those inside of a transaction have until the deadline to end it. */
  async drain(deadlineMs: number): Promise<void> {
    if (!this.#state.can("draining")) return;
    this.#state.go("draining");
    const { clock } = this.#host;
    const until = clock.now() + deadlineMs;
    this.#stopListening();
    this.#reception.close();
    this.#reception.dismissConsoles(goodbye());
    for (const { client } of [...this.#clients.members]) client?.finish();
    while (clock.now() < until && (this.#clients.members.size > 0 || this.#doorway.size > 0)) {
      await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    }
    for (const { client } of [...this.#clients.members]) client?.dismiss(goodbye());
    const late = Promise.withResolvers<void>();
    const timer = clock.after(Math.max(0, until - clock.now()), late.resolve);
    await Promise.race([this.#databases.close(), late.promise]);
    timer.cancel();
  }

  async stop(): Promise<void> {
    if (this.#state.is("stopped")) return;
    this.#state.go("stopped");
    this.#stopListening();
    this.#desk.stop();
    this.#doorway.closeAll();
    for (const { wire } of [...this.#clients.members]) wire?.close();
    this.#showcase.stop();
    this.#databases.stop();
  }

  async command(name: string, argument: unknown): Promise<unknown> {
    switch (name) {
      case COMMAND.told:
        return this.#desk.take(argument as Told);
      case COMMAND.cancel:
        return this.#clients.passedOn(argument as CancelAsked);
      case COMMAND.yield:
        return this.#yield(argument as YieldOrder);
      default:
        throw new Error(`Cannot obey "${name}": a pool knows no such command`);
    }
  }

  #obey(next: PoolSetup): void {
    this.#setup = next;
    this.#databases.obey(next);
    this.#clients.obey(next);
    this.#reception.obey(next);
    this.#doorway.obey(next);
    this.#showcase.obey(next);
    this.#pause(this.#paused);
  }

  #yield({ database, giver, share }: YieldOrder): boolean {
    if (giver !== this.#host.box.index) return false;
    return this.#databases.get(database)?.cluster.primary.yieldOne(share) ?? false;
  }

  #stopListening(): void {
    for (const listener of this.#listeners.splice(0)) listener.stop();
  }

  #pause(paused: Paused): void {
    this.#paused = paused;
    for (const { name, cluster } of this.#databases.all()) {
      if (!paused.databases.includes(name)) {
        this.#quiet.delete(name);
        cluster.primary.resume();
      } else if (!cluster.primary.isPaused) {
        void cluster.primary.pause().then(() => {
          if (cluster.primary.isPaused) this.#quiet.add(name);
        });
      }
    }
  }

  #pauseState(): PauseState {
    return { version: this.#paused.version, paused: this.#paused.databases, quiet: [...this.#quiet] };
  }
}

function goodbye(): NoticeWords {
  return {
    severity: "FATAL",
    code: SQLSTATE.adminShutdown,
    message: "terminating connection due to administrator command",
    hint: "Connect again.",
  };
}
