/**
 * One Postgres cluster of a project, as `scale up` needs it: a primary, and streaming replicas if asked for, brought up
 * on the data that is there or on new data, kept up while they crash, and taken down in order. It prints nothing and
 * reads no configuration.
 * Invariants: one `up` per cluster (a lock); what is acknowledged is on disk; the ledger names the primary before a
 * promotion is begun; when we die, however we die, every server of ours dies too.
 */
import { readdirSync } from "node:fs";
import { State, type Edges } from "../../../proxy/base/state.ts";
import { Problem } from "../../problem/problem.ts";
import { Restarts, type RestartRules } from "../../run/restart.ts";
import { unpack } from "../embedded.ts";
import { look } from "../trust.ts";
import { checkDataFolder, isStandby, readControl } from "./control.ts";
import { openHome, type Home } from "./home.ts";
import { makeDataFolder } from "./initdb.ts";
import { delayReplay } from "./lag.ts";
import { withPort } from "./ledger.ts";
import type { Owner } from "./owner.ts";
import { canResume, copyPrimary, dropOtherSlots, renewSlot, slotOf, untilStreaming } from "./replica.ts";
import { Server } from "./server.ts";
import { DATABASE, type Upstream } from "./settings.ts";
import { ServerError, WireFault } from "./wire-frames.ts";

export const REPLICAS_MAX = 8;
/** What takes longer is worth a line. */
const SLOW_MS = 2_000;

const LIFE = {
  opening: ["open", "closing"],
  open: ["closing"],
  closing: ["closed"],
  closed: [],
} as const satisfies Edges<"opening" | "open" | "closing" | "closed">;

/** A server that ended by itself comes back at once, and not for ever. */
const RESTARTS: RestartRules = { delayMinMs: 50, delayMaxMs: 5_000, stableMs: 10_000, shortLivesMax: 6 };

export interface ClusterOptions {
  /** The folder for the data of this and other clusters of the project: `.scale/postgres`. */
  readonly dir: string;
  /** Data in a temporary folder of its own instead, gone with `stop`. */
  readonly ephemeral?: boolean;
  /** How many streaming replicas, up to REPLICAS_MAX. */
  readonly replicas: number;
  /** Lines for a person: what takes long, what was found, what went wrong and was mended. */
  readonly say: (line: string) => void;
  /** Other clusters (shards) of the same project have other names; letters and digits. */
  readonly name?: string;
  /** Whether a server that ends by itself is started again; yes when absent. */
  readonly restart?: boolean;
  /** A server that ended cannot be brought back; the others go on. */
  readonly onFailed?: (problem: Problem) => void;
  /** Instead of /var/lib/scale. */
  readonly stateFolder?: string;
  /** The folder of an unpacked Postgres, instead of the one the executable carries. */
  readonly tools?: string;
}

/** Brings the cluster up. Throws a Problem, after everything it had started is stopped. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const home = openHome({ ...options, ephemeral: options.ephemeral ?? false }, options.name ?? "main");
  const cluster = new Cluster(options, home);
  try {
    await cluster.open();
    return cluster;
  } catch (error) {
    await cluster.stop();
    const lost = error instanceof WireFault || error instanceof ServerError;
    throw lost ? lostWhileOpening(error, home.place.home) : error;
  }
}

interface Member {
  readonly server: Server;
  readonly restarts: Restarts;
  startedAt: number;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #home: Home;
  readonly #state = new State(LIFE, "opening");
  readonly #members = new Map<number, Member>();
  readonly #mending = new Set<Promise<void>>();
  #tools = "";
  #recovered = false;
  #stopped: Promise<void> | undefined;

  /** For `openCluster`. */
  constructor(options: ClusterOptions, home: Home) {
    this.#options = options;
    this.#home = home;
  }

  get primary(): Server {
    return this.#member(this.#home.ledger.primary).server;
  }

  get replicas(): readonly Server[] {
    const others = [...this.#members].filter(([index]) => index !== this.#home.ledger.primary);
    return others.sort(([a], [b]) => a - b).map(([, member]) => member.server);
  }

  /** The folder of the data, when it is not the one that was asked for: a person must be told. */
  get dataMovedTo(): string | undefined {
    return this.#home.place.elsewhere ? this.#home.place.home : undefined;
  }

  /** Whether the primary had not been shut down in order, and was recovered from its WAL. */
  get recovered(): boolean {
    return this.#recovered;
  }

  /** For `openCluster`. */
  async open(): Promise<void> {
    this.#tools = this.#options.tools ?? (await unpack("postgres"));
    const { primary } = this.#home.ledger;
    await this.#ensureData(primary);
    await this.#openPrimary(primary);
    const others = this.#replicaIndexes(this.#options.replicas);
    await dropOtherSlots(this.primary, others);
    await all(others.map((index) => this.#join(index)));
    this.#state.go("open");
  }

  /**
   * Makes a replica (its index in `replicas`) the primary. The present primary is stopped first, so that nothing that was
   * acknowledged is lost if it lives; it is not brought back before the next `openCluster`. Other replicas are made anew.
   */
  async promote(which: number): Promise<void> {
    const { replicas } = this;
    const chosen = replicas[which];
    if (chosen === undefined) throw new RangeError(`Cannot promote replica ${which}: there are ${replicas.length}`);
    const next = this.#indexOf(chosen);
    const former = this.#home.ledger.primary;
    const formerServer = this.primary;
    this.#members.delete(former);
    await formerServer.stop();
    this.#home.remember({ ...this.#home.ledger, primary: next });
    await chosen.promote();
    const others = [...this.#members.keys()].filter((index) => index !== next);
    for (const index of others) await this.#member(index).server.stop();
    await all(others.map((index) => this.#join(index)));
  }

  /** Stops every server in order, the primary first so that its replicas get all it has; resolves when they are gone. */
  stop(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  async #close(): Promise<void> {
    this.#state.go("closing");
    await this.#members.get(this.#home.ledger.primary)?.server.stop();
    await Promise.allSettled([...this.#members.values()].map(({ server }) => server.stop()));
    await Promise.allSettled(this.#mending);
    this.#home.close();
    this.#state.go("closed");
  }

  /** New data only where there is none of this cluster at all. */
  async #ensureData(primary: number): Promise<void> {
    const { data, log, name } = this.#home.node(primary);
    const { owner, place } = this.#home;
    if (look(data) !== undefined && !isEmptyFolderOf(owner, data)) {
      checkDataFolder(data, owner);
      return;
    }
    const copies = Array.from({ length: REPLICAS_MAX + 1 }, (_, index) => this.#home.node(index).data);
    const left = copies.find((copy) => copy !== data && readControl(copy) !== undefined);
    if (left !== undefined) throw primaryGone(data, left);
    const { ephemeral } = place;
    const slow = setTimeout(() => this.#options.say(`${name}: making a new database`), SLOW_MS);
    try {
      await makeDataFolder({ tools: this.#tools, data, log, owner, password: this.#home.password, ephemeral });
    } finally {
      clearTimeout(slow);
    }
  }

  async #openPrimary(index: number): Promise<void> {
    const { data } = this.#home.node(index);
    const control = readControl(data);
    this.#recovered = control?.inOrder === false;
    const half = isStandby(data);
    const server = this.#add(index);
    await this.#start(index);
    if (half) await server.promote();
    const [there] = await server.query(`select 1 from pg_database where datname = '${DATABASE}'`);
    if (there === undefined) await server.query(`create database ${DATABASE}`);
  }

  /** Has a node follow the primary: on its own data if it can go on with it, else on a fresh copy. */
  async #join(index: number): Promise<void> {
    const { data } = this.#home.node(index);
    const server = this.#members.get(index)?.server ?? this.#add(index);
    if (await canResume(data, this.primary, this.#home.node(this.#home.ledger.primary).data, index)) {
      try {
        return await this.#follow(index);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        this.#options.say(`${server.name}: cannot go on with its old data, copying the primary`);
        await server.stop();
      }
    }
    await this.#copy(index);
    await this.#follow(index);
  }

  async #follow(index: number): Promise<void> {
    await this.#start(index);
    const { server } = this.#member(index);
    await delayReplay(server, 0);
    await untilStreaming(this.primary, server, index);
  }

  async #copy(index: number): Promise<void> {
    const { data, log } = this.#home.node(index);
    const { owner, place } = this.#home;
    await renewSlot(this.primary, index);
    const common = { tools: this.#tools, data, log, owner, password: this.#home.password, ephemeral: place.ephemeral };
    await copyPrimary({ ...common, primary: this.primary });
  }

  async #start(index: number): Promise<void> {
    const member = this.#member(index);
    const follows = index !== this.#home.ledger.primary;
    await member.server.start(follows ? this.#upstream(index) : undefined);
    member.startedAt = performance.now();
    if (this.#home.ledger.ports[index] !== member.server.port) {
      this.#home.remember(withPort(this.#home.ledger, index, member.server.port));
    }
  }

  #upstream(index: number): Upstream {
    return { port: this.primary.port, slot: slotOf(index), passfile: this.#home.paths.passfile };
  }

  #add(index: number): Server {
    const { owner, paths } = this.#home;
    const port = this.#home.ledger.ports[index];
    const server = new Server({
      tools: this.#tools,
      node: this.#home.node(index),
      home: paths,
      owner,
      password: this.#home.password,
      port: port === 0 ? undefined : port,
      say: this.#options.say,
      onDown: (how) => this.#down(index, how),
    });
    this.#members.set(index, { server, restarts: new Restarts(RESTARTS), startedAt: performance.now() });
    return server;
  }

  #down(index: number, how: string): void {
    const member = this.#members.get(index);
    if (member === undefined) return;
    const { server, restarts, startedAt } = member;
    const next = restarts.afterDeath(performance.now() - startedAt);
    this.#options.say(`${server.name}: ended by itself, ${how}`);
    if (this.#options.restart === false || !this.#state.is("open")) return;
    if (next === "crash loop") return this.#options.onFailed?.(crashLoop(server));
    const mended = this.#mend(index, next.delayMs).finally(() => this.#mending.delete(mended));
    this.#mending.add(mended);
  }

  async #mend(index: number, delayMs: number): Promise<void> {
    await Bun.sleep(delayMs);
    const member = this.#members.get(index);
    if (member === undefined || !this.#state.is("open")) return;
    try {
      const { port } = member.server;
      await this.#start(index);
      this.#options.say(`${member.server.name}: is back, nothing that was committed is lost`);
      if (member.server.port !== port) this.#options.say(movedLine(member.server, port));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const wanted = this.#state.is("open") && this.#members.get(index) === member;
      if (wanted) this.#options.onFailed?.(error);
    }
  }

  /** The lowest numbers that are not the primary's. */
  #replicaIndexes(count: number): readonly number[] {
    if (count > REPLICAS_MAX) throw new RangeError(`Cannot run ${count} replicas: at most ${REPLICAS_MAX}`);
    const all = Array.from({ length: count + 1 }, (_, index) => index);
    return all.filter((index) => index !== this.#home.ledger.primary).slice(0, count);
  }

  #member(index: number): Member {
    const member = this.#members.get(index);
    if (member === undefined) throw new Error(`Cannot use node ${index}: it is not part of the cluster`);
    return member;
  }

  #indexOf(server: Server): number {
    const found = [...this.#members].find(([, member]) => member.server === server);
    if (found === undefined) throw new Error(`Cannot use ${server.name}: it is not part of the cluster`);
    return found[0];
  }
}

/** Waits for all before it throws the first failure, so that nothing goes on behind the caller's back. */
async function all(works: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(works);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

function isEmptyFolderOf(owner: Owner, folder: string): boolean {
  const info = look(folder);
  return info?.isDirectory() === true && info.uid === owner.uid && readdirSync(folder).length === 0;
}

function movedLine({ name, port }: Server, before: number): string {
  return `${name}: port ${before} was taken meanwhile, it listens on ${port}: what uses the old one must be started again`;
}

function primaryGone(data: string, copy: string): Problem {
  return new Problem("UP_DATA_GONE", {
    what: `Cannot open "${data}": it is not there, but its copy "${copy}" is`,
    why: "A new, empty database would take the place of data that may still be wanted.",
    fix: `Bring it back, rename the copy to "${data}" and remove its standby.signal, or move the copy away to start anew.`,
  });
}

function crashLoop(server: Server): Problem {
  return new Problem("UP_POSTGRES_FAILED", {
    what: `Cannot keep ${server.name} up: it ended several times in a row`,
    fix: `Read "${server.log}".`,
  });
}

function lostWhileOpening(error: Error, home: string): Problem {
  return new Problem("UP_POSTGRES_FAILED", {
    what: `Cannot bring Postgres up: ${error.message}`,
    fix: `Read the logs in "${home}".`,
  });
}
