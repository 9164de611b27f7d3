/**
 * What this worker shows of itself: to the console, as a view that the steward sums, and to /metrics. Everything is read
 * when it is asked for; only the averages of SHOW STATS need a look now and then.
 */
import type { Timer } from "../base/clock.ts";
import type { Wire } from "../net/wire.ts";
import type { Link } from "../pgconn/link.ts";
import type { LinkPool } from "../pgconn/link-pool.ts";
import { PIN_REASONS, type PinReason } from "../pgconn/pins.ts";
import type { Host } from "../role.ts";
import type { PoolClient } from "./client.ts";
import type { Clients, Member } from "./clients.ts";
import type { Database, Databases } from "./databases.ts";
import type { Doorway } from "./doorway.ts";
import { poolMetrics } from "./metrics.ts";
import type { PoolSetup } from "./setup.ts";
import type { Traffic } from "./traffic.ts";
import { userNames, type DatabaseView, type PoolView, type SocketView, type WorkerView } from "./view.ts";

/** PgBouncer's stats_period. */
const PERIOD_MS = 60_000;

interface Parts {
  readonly host: Host;
  readonly databases: Databases;
  readonly clients: Clients;
  readonly doorway: Doorway;
}

interface Period {
  readonly atMs: number;
  readonly totals: readonly number[];
}

export class Showcase {
  readonly #parts: Parts;
  readonly #timer: Timer;
  /** Totals of each database at the last two looks, so that an average is never of less than one period but at first. */
  readonly #periods = new Map<string, readonly [Period, Period]>();
  readonly #counted = new Set<string>();
  #setup: PoolSetup;

  constructor(setup: PoolSetup, parts: Parts) {
    this.#setup = setup;
    this.#parts = parts;
    this.#timer = parts.host.clock.every(PERIOD_MS, () => this.#look());
    this.#countBox();
    this.obey(setup);
  }

  obey(setup: PoolSetup): void {
    this.#setup = setup;
    for (const database of this.#parts.databases.all()) this.#countDatabase(database);
  }

  stop(): void {
    this.#timer.cancel();
  }

  view(): WorkerView {
    const { databases, clients, doorway } = this.#parts;
    const members = groupOf(clients);
    const pools = [...databases.all()].flatMap((database) => poolViews(database, members, this.#nowMs()));
    return {
      pools,
      databases: [...databases.all()].map((database) => this.#databaseView(database, members)),
      clients: clients.members.size,
      loginClients: doorway.size,
    };
  }

  clients(): readonly SocketView[] {
    return [...this.#parts.clients.members].flatMap((member) => this.#clientView(member));
  }

  servers(): readonly SocketView[] {
    const views: SocketView[] = [];
    const owners = new Map<Link, Member>();
    for (const member of this.#parts.clients.members) {
      const link = member.client?.link;
      if (link !== undefined) owners.set(link, member);
    }
    for (const database of this.#parts.databases.all()) {
      for (const pool of database.cluster.pools) {
        for (const link of pool.links) views.push(this.#serverView(database, link, pool, owners.get(link)));
      }
    }
    return views;
  }

  #databaseView(database: Database, members: ReadonlyMap<string, readonly Member[]>): DatabaseView {
    const { name, cluster, traffic } = database;
    const totals = totalsOf(traffic);
    const [from] = this.#periods.get(name) ?? [{ atMs: this.#nowMs(), totals }];
    let clients = 0;
    for (const pool of cluster.pools) clients += members.get(keyOf(name, pool.user))?.length ?? 0;
    return {
      name,
      clients,
      servers: cluster.primary.held,
      paused: cluster.primary.isPaused,
      totals,
      recent: totals.map((total, index) => total - (from.totals[index] ?? 0)),
      recentMs: this.#nowMs() - from.atMs,
    };
  }

  #clientView(member: Member): SocketView[] {
    const { client, wire, database, user, serial } = member;
    if (client === undefined || wire === undefined) return [];
    const waitMs = waitOf(client, this.#nowMs());
    return [
      {
        ...this.#socketOf(wire, member.sinceMs, client.requestedMs),
        type: "C",
        user,
        database: database.name,
        state: client.state === "waiting" ? "waiting" : client.link === undefined ? "idle" : "active",
        waitMs,
        closeNeeded: false,
        serial,
        link: client.link?.serial ?? 0,
        remotePid: 0,
        applicationName: client.session.settings.values.get("application_name") ?? "",
        prepared: client.session.statements.size,
        pinned: client.pins.join(","),
      },
    ];
  }

  #serverView({ name }: Database, link: Link, pool: LinkPool, owner: Member | undefined): SocketView {
    return {
      ...this.#socketOf(link.wire, link.openedMs, link.sinceMs),
      type: "S",
      user: pool.user,
      database: name,
      state: STATES[link.state],
      waitMs: 0,
      closeNeeded: link.state === "closing",
      serial: link.serial,
      link: owner?.serial ?? 0,
      remotePid: link.cancelKey.processId,
      applicationName: link.parameters.get("application_name") ?? "",
      prepared: link.statements.size,
      pinned: owner?.client?.pins.join(",") ?? "",
    };
  }

  #socketOf(wire: Wire, sinceMs: number, requestedMs: number) {
    const { clock, box } = this.#parts.host;
    const offsetMs = clock.wall() - clock.now();
    const { remote, local, tls } = wire;
    return {
      remote,
      local,
      connectedMs: Math.round(offsetMs + sinceMs),
      requestedMs: Math.round(offsetMs + requestedMs),
      worker: box.index,
      tls: tls === undefined ? "" : `${tls.version}/${tls.cipher}`,
    };
  }

  #look(): void {
    for (const { name, traffic } of this.#parts.databases.all()) {
      const now: Period = { atMs: this.#nowMs(), totals: totalsOf(traffic) };
      this.#periods.set(name, [this.#periods.get(name)?.[1] ?? now, now]);
    }
  }

  #nowMs(): number {
    return this.#parts.host.clock.now();
  }

  #countBox(): void {
    const { host, databases, clients, doorway } = this.#parts;
    const { metrics } = host;
    metrics.gauge(poolMetrics.up).value = 1;
    metrics.gauge(poolMetrics.version, this.#setup.version).value = 1;
    metrics.gauge(poolMetrics.freeClients).value = 0;
    metrics.gauge(poolMetrics.freeServers).value = 0;
    const held = (): number => [...databases.all()].reduce((sum, { cluster }) => sum + cluster.primary.held, 0);
    metrics.sampled(poolMetrics.clientsMax, () => this.#setup.clientsMax);
    metrics.sampled(poolMetrics.databases, () => Object.keys(this.#setup.databases).length);
    metrics.sampled(poolMetrics.users, () => userNames(this.#setup).length);
    metrics.sampled(poolMetrics.pools, () => [...databases.all()].flatMap(({ cluster }) => cluster.pools).length);
    metrics.sampled(poolMetrics.usedClients, () => clients.members.size);
    metrics.sampled(poolMetrics.loginClients, () => doorway.size);
    metrics.sampled(poolMetrics.usedServers, held);
  }

  /** Once for each database; pools of users are counted when the first client of theirs is seen. */
  #countDatabase(database: Database): void {
    const { metrics } = this.#parts.host;
    const { name, traffic, cluster } = database;
    if (this.#counted.has(name)) return;
    this.#counted.add(name);
    for (const [row, read] of TOTALS) metrics.sampled(row, () => read(traffic), name);
    metrics.sampled(poolMetrics.poolSize, () => database.setup.size, name);
    metrics.sampled(poolMetrics.maxConnections, () => database.setup.size, name);
    metrics.sampled(poolMetrics.currentConnections, () => cluster.primary.held, name);
    metrics.sampled(poolMetrics.paused, () => (cluster.primary.isPaused ? 1 : 0), name);
    metrics.gauge(poolMetrics.reservePool, name).value = 0;
    metrics.gauge(poolMetrics.disabled, name).value = 0;
    for (const reason of PIN_REASONS) {
      metrics.sampled(poolMetrics.pinned, () => this.#pinned(database, reason), name, reason);
    }
  }

  #pinned(database: Database, reason: PinReason): number {
    let count = 0;
    for (const member of this.#parts.clients.members) {
      if (member.database === database && member.client?.pins.includes(reason) === true) count += 1;
    }
    return count;
  }

  /** The pool of that user is shown from now on. */
  countPool({ name, cluster }: Database, pool: LinkPool): void {
    const key = keyOf(name, pool.user);
    if (this.#counted.has(key)) return;
    this.#counted.add(key);
    const { metrics, clients } = { metrics: this.#parts.host.metrics, clients: this.#parts.clients };
    const view = (): PoolView => {
      const members = [...clients.members].filter(({ database, user }) => database.name === name && user === pool.user);
      return poolView(name, pool.user, { members, pools: cluster.pools, nowMs: this.#nowMs() });
    };
    for (const [row, read] of POOL_GAUGES) metrics.sampled(row, () => read(view()), name, pool.user);
    for (const row of POOL_ZEROS) metrics.gauge(row, name, pool.user).value = 0;
  }
}

const STATES = {
  opening: "new",
  idle: "idle",
  taken: "active",
  held: "being_canceled",
  closing: "used",
  gone: "used",
} as const satisfies Record<Link["state"], string>;

const TOTALS = [
  [poolMetrics.xacts, (traffic: Traffic) => traffic.xacts],
  [poolMetrics.queries, (traffic: Traffic) => traffic.queries],
  [poolMetrics.assignments, (traffic: Traffic) => traffic.assignments],
  [poolMetrics.received, (traffic: Traffic) => traffic.receivedBytes],
  [poolMetrics.sent, (traffic: Traffic) => traffic.sentBytes],
  [poolMetrics.xactSeconds, (traffic: Traffic) => traffic.xactMs / 1_000],
  [poolMetrics.querySeconds, (traffic: Traffic) => traffic.queryMs / 1_000],
  [poolMetrics.waitSeconds, (traffic: Traffic) => traffic.waitMs / 1_000],
  [poolMetrics.clientParses, (traffic: Traffic) => traffic.clientParses],
  [poolMetrics.serverParses, (traffic: Traffic) => traffic.serverParses],
  [poolMetrics.binds, (traffic: Traffic) => traffic.binds],
] as const;

const POOL_GAUGES = [
  [poolMetrics.clientsActive, (view: PoolView) => view.clientsActive],
  [poolMetrics.clientsWaiting, (view: PoolView) => view.clientsWaiting],
  [poolMetrics.clientsCancelActive, (view: PoolView) => view.cancels],
  [poolMetrics.serversActive, (view: PoolView) => view.serversActive],
  [poolMetrics.serversBeingCanceled, (view: PoolView) => view.serversCanceled],
  [poolMetrics.serversIdle, (view: PoolView) => view.serversIdle],
  [poolMetrics.serversLogin, (view: PoolView) => view.serversLogin],
  [poolMetrics.maxWait, (view: PoolView) => view.maxWaitMs / 1_000],
] as const;

const POOL_ZEROS = [
  poolMetrics.clientsCancelWaiting,
  poolMetrics.serversCancelActive,
  poolMetrics.serversUsed,
  poolMetrics.serversTested,
] as const;

/** In the order of COUNTED. */
function totalsOf(traffic: Traffic): readonly number[] {
  const { xacts, queries, assignments, receivedBytes, sentBytes } = traffic;
  const times = [traffic.xactMs, traffic.queryMs, traffic.waitMs].map((ms) => ms * 1_000);
  const { clientParses, serverParses, binds, logins } = traffic;
  return [xacts, queries, assignments, receivedBytes, sentBytes, ...times, clientParses, serverParses, binds, logins];
}

function groupOf({ members }: Clients): ReadonlyMap<string, readonly Member[]> {
  return Map.groupBy(members, ({ database, user }) => keyOf(database.name, user));
}

function poolViews(
  { name, cluster }: Database,
  members: ReadonlyMap<string, readonly Member[]>,
  nowMs: number,
): PoolView[] {
  const users = new Set(cluster.pools.map(({ user }) => user));
  return [...users].map((user) =>
    poolView(name, user, { members: members.get(keyOf(name, user)) ?? [], pools: cluster.pools, nowMs }),
  );
}

function poolView(
  database: string,
  user: string,
  { members, pools, nowMs }: { members: readonly Member[]; pools: readonly LinkPool[]; nowMs: number },
): PoolView {
  const ours = pools.filter((pool) => pool.user === user);
  const count = (state: keyof LinkPool["counts"]): number => ours.reduce((sum, { counts }) => sum + counts[state], 0);
  const waits = members.flatMap(({ client }) => (client?.state === "waiting" ? [waitOf(client, nowMs)] : []));
  return {
    database,
    user,
    clientsActive: members.length - waits.length,
    clientsWaiting: waits.length,
    cancels: ours.reduce((sum, { links }) => sum + [...links].filter(({ cancels }) => cancels > 0).length, 0),
    serversActive: count("taken"),
    serversCanceled: count("held"),
    serversIdle: count("idle"),
    serversLogin: count("opening"),
    maxWaitMs: waits.reduce((most, one) => Math.max(most, one), 0),
  };
}

/** How long it has waited for a link until now. */
function waitOf({ state, ticket }: PoolClient, nowMs: number): number {
  return state === "waiting" ? Math.max(0, nowMs - ticket.sinceMs) : 0;
}

function keyOf(database: string, user: string): string {
  return `${database}\0${user}`;
}
