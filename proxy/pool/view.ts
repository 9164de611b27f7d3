/**
 * What a worker shows of itself to the console, as plain data, and how the views of all workers become one table. The
 * columns are PgBouncer's; what there is not here (a reserve, a server's lifetime) is 0 or empty, as PgBouncer says it.
 */
import type { Address } from "../base/address.ts";
import { COUNTED, type TableName, type TableRow } from "../pgconn/console-tables.ts";
import { configRows } from "./config-table.ts";
import type { DatabaseSetup, PoolSetup } from "./setup.ts";

export interface WorkerView {
  readonly pools: readonly PoolView[];
  readonly databases: readonly DatabaseView[];
  readonly clients: number;
  readonly loginClients: number;
}

export interface PoolView {
  readonly database: string;
  readonly user: string;
  readonly clientsActive: number;
  readonly clientsWaiting: number;
  readonly cancels: number;
  readonly serversActive: number;
  readonly serversCanceled: number;
  readonly serversIdle: number;
  readonly serversLogin: number;
  readonly maxWaitMs: number;
}

export interface DatabaseView {
  readonly name: string;
  readonly clients: number;
  readonly servers: number;
  readonly paused: boolean;
  /** In the order of COUNTED; times in microseconds. */
  readonly totals: readonly number[];
  /** The same, since the last look of `recentMs`. */
  readonly recent: readonly number[];
  readonly recentMs: number;
}

/** A row of SHOW CLIENTS or SHOW SERVERS. */
export interface SocketView {
  readonly type: "C" | "S";
  readonly user: string;
  readonly database: string;
  readonly state: string;
  readonly remote: Address;
  readonly local: Address;
  /** Since 1970. */
  readonly connectedMs: number;
  readonly requestedMs: number;
  readonly waitMs: number;
  readonly closeNeeded: boolean;
  readonly worker: number;
  readonly serial: number;
  /** The serial of the other side, 0 when there is none. */
  readonly link: number;
  readonly remotePid: number;
  readonly tls: string;
  readonly applicationName: string;
  readonly prepared: number;
  /** Why the link is not given to others between transactions: of `PIN`, divided by commas. */
  readonly pinned: string;
}

/** Which tables are made of `WorkerView`s; the others of lists of sockets, or of the configuration alone. */
export function tableOf(table: TableName, views: readonly WorkerView[], setup: PoolSetup): readonly TableRow[] {
  switch (table) {
    case "pools":
      return poolRows(views, setup);
    case "stats":
    case "stats_totals":
    case "stats_averages":
      return statsRows(table, views);
    case "databases":
      return databaseRows(views, setup);
    case "users":
      return userRows(views, setup);
    case "lists":
      return listRows(views, setup);
    case "config":
      return configRows(setup);
    case "version":
      return [[`PgBouncer 1.25.0 (scale ${setup.version})`]];
    case "clients":
    case "servers":
      return [];
  }
}

export function socketRow(view: SocketView): TableRow {
  const { user, database, state, remote, local, worker, serial, link } = view;
  return [
    view.type,
    user,
    database,
    "none",
    state,
    remote.path === undefined ? remote.host : "unix",
    remote.port ?? 0,
    local.path === undefined ? local.host : "unix",
    local.port ?? 0,
    moment(view.connectedMs),
    moment(view.requestedMs),
    seconds(view.waitMs),
    microseconds(view.waitMs),
    view.closeNeeded ? 1 : 0,
    pointer(view.type, worker, serial),
    link === 0 ? "" : pointer(view.type === "C" ? "S" : "C", worker, link),
    view.remotePid,
    view.tls,
    view.applicationName,
    view.prepared,
    worker * 0x1000000 + (serial % 0x1000000),
    view.pinned,
  ];
}

function poolRows(views: readonly WorkerView[], { databases }: PoolSetup): TableRow[] {
  const sums = new Map<string, PoolView>();
  for (const pool of views.flatMap((view) => view.pools)) {
    const key = `${pool.database}\0${pool.user}`;
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? pool : addPools(sum, pool));
  }
  return [...sums.values()].map((sum) => [
    sum.database,
    sum.user,
    sum.clientsActive,
    sum.clientsWaiting,
    sum.cancels,
    0,
    sum.serversActive,
    0,
    sum.serversCanceled,
    sum.serversIdle,
    0,
    0,
    sum.serversLogin,
    seconds(sum.maxWaitMs),
    microseconds(sum.maxWaitMs),
    databases[sum.database]?.mode ?? "transaction",
    null,
  ]);
}

function addPools(one: PoolView, other: PoolView): PoolView {
  return {
    database: one.database,
    user: one.user,
    clientsActive: one.clientsActive + other.clientsActive,
    clientsWaiting: one.clientsWaiting + other.clientsWaiting,
    cancels: one.cancels + other.cancels,
    serversActive: one.serversActive + other.serversActive,
    serversCanceled: one.serversCanceled + other.serversCanceled,
    serversIdle: one.serversIdle + other.serversIdle,
    serversLogin: one.serversLogin + other.serversLogin,
    maxWaitMs: Math.max(one.maxWaitMs, other.maxWaitMs),
  };
}

interface Sums {
  readonly totals: number[];
  readonly recent: number[];
  recentMs: number;
}

function statsRows(table: "stats" | "stats_totals" | "stats_averages", views: readonly WorkerView[]): TableRow[] {
  const sums = new Map<string, Sums>();
  for (const { name, totals, recent, recentMs } of views.flatMap((view) => view.databases)) {
    const zero = { totals: COUNTED.map(() => 0), recent: COUNTED.map(() => 0), recentMs: 0 };
    const sum = sums.get(name) ?? zero;
    for (const [index, value] of totals.entries()) sum.totals[index] = (sum.totals[index] ?? 0) + value;
    for (const [index, value] of recent.entries()) sum.recent[index] = (sum.recent[index] ?? 0) + value;
    sum.recentMs = Math.max(sum.recentMs, recentMs);
    sums.set(name, sum);
  }
  return [...sums].map(([name, sum]) => {
    const totals = sum.totals.map(Math.round);
    if (table === "stats_totals") return [name, ...totals];
    if (table === "stats_averages") return [name, ...averages(sum)];
    return [name, ...totals, ...averages(sum)];
  });
}

/** Times are averages over what took them, everything else is a rate per second. */
function averages({ recent, recentMs }: Sums): number[] {
  const over = { xact_time: "xact_count", query_time: "query_count", wait_time: "server_assignment_count" } as const;
  return COUNTED.map((name, index) => {
    const value = recent[index] ?? 0;
    const counted = Object.hasOwn(over, name) ? over[name as keyof typeof over] : undefined;
    const by = counted === undefined ? recentMs / 1_000 : (recent[COUNTED.indexOf(counted)] ?? 0);
    return by > 0 ? Math.round(value / by) : 0;
  });
}

function databaseRows(views: readonly WorkerView[], setup: PoolSetup): TableRow[] {
  const all = views.flatMap((view) => view.databases);
  return Object.entries(setup.databases).map(([name, database]) => {
    const ours = all.filter((view) => view.name === name);
    return databaseRow(name, database, {
      servers: sum(ours.map(({ servers }) => servers)),
      clients: sum(ours.map(({ clients }) => clients)),
      paused: ours.some(({ paused }) => paused),
    });
  });
}

function databaseRow(
  name: string,
  { cluster, mode, size }: DatabaseSetup,
  now: { readonly servers: number; readonly clients: number; readonly paused: boolean },
): TableRow {
  const { address, database } = cluster.primary;
  return [
    name,
    address.path ?? address.host,
    address.port ?? Number(/\.(\d+)$/.exec(address.path)?.[1] ?? 0),
    database,
    null,
    size,
    0,
    0,
    0,
    mode,
    null,
    size,
    now.servers,
    0,
    now.clients,
    now.paused ? 1 : 0,
    0,
  ];
}

function userRows(views: readonly WorkerView[], setup: PoolSetup): TableRow[] {
  const all = views.flatMap((view) => view.pools);
  return userNames(setup).map((name) => {
    const ours = all.filter((view) => view.user === name);
    const servers = sum(ours.map((pool) => pool.serversActive + pool.serversIdle + pool.serversLogin));
    const clients = sum(ours.map((pool) => pool.clientsActive + pool.clientsWaiting));
    return [name, 0, 0, null, 0, servers, 0, clients];
  });
}

/** Who may log in. */
export function userNames({ users, databases }: PoolSetup): readonly string[] {
  const named = Object.keys(users);
  if (named.length > 0) return named;
  return [...new Set(Object.values(databases).map(({ cluster }) => cluster.primary.user))];
}

function listRows(views: readonly WorkerView[], setup: PoolSetup): TableRow[] {
  const pools = views.flatMap((view) => view.pools);
  return [
    ["databases", Object.keys(setup.databases).length],
    ["users", userNames(setup).length],
    ["pools", new Set(pools.map(({ database, user }) => `${database}\0${user}`)).size],
    ["free_clients", 0],
    ["used_clients", sum(views.map(({ clients }) => clients))],
    ["login_clients", sum(views.map(({ loginClients }) => loginClients))],
    ["free_servers", 0],
    ["used_servers", sum(views.flatMap((view) => view.databases).map(({ servers }) => servers))],
    ["dns_names", 0],
    ["dns_zones", 0],
    ["dns_queries", 0],
    ["dns_pending", 0],
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

/** The rest of the second. */
function microseconds(ms: number): number {
  return Math.floor((ms % 1_000) * 1_000);
}

function moment(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Looks like PgBouncer's, and is the same in both columns for the two sides of a link. */
function pointer(type: "C" | "S", worker: number, serial: number): string {
  const kind = type === "C" ? 0xc : 0x5;
  return `0x${kind.toString(16)}${worker.toString(16).padStart(3, "0")}${(serial >>> 0).toString(16).padStart(8, "0")}`;
}
