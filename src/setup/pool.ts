/**
 * What the pool role is told, made of the configuration: stores are looked up, files are read, sockets have their names.
 * Made in the keeper, at the start and at every reload.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Address, formatAddress, parseAddress, UNIX_PATH_BYTES_MAX } from "../../proxy/base/address.ts";
import type { PostgresOptions } from "../../proxy/cluster/options.ts";
import type { PoolOptions } from "../../proxy/pool/options.ts";
import type { DatabaseSetup, PoolSetup, PoolTls } from "../../proxy/pool/setup.ts";
import { Problem, Problems } from "../problem/problem.ts";
import { VERSION } from "../run/version.ts";
import { serverOf } from "./store-url.ts";

/** What of the configuration the pool reads. */
export interface PoolConfig {
  readonly pool?: PoolOptions | undefined;
  readonly postgres: Readonly<Record<string, PostgresOptions>>;
}

/** PgBouncer's port, which names the unix socket too. */
const DEFAULT_PORT = 6432;
/** A worker pays off when it has this many links to serve. */
const LINKS_PER_WORKER = 8;
const SECRET_BYTES = 32;
/** The same for every reload of this box, so that a stranger sees no change. */
const mockSecret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toBase64();

/** Throws Problems when [pool] is not there, names what there is not, or would let nobody in. */
export function makeSetup(config: PoolConfig): PoolSetup {
  const { pool } = config;
  if (pool === undefined) throw noDatabases("there is no [pool]");
  const databases = databasesOf(pool, config.postgres);
  const sockets = socketsOf(pool.listen);
  const unixFolder = pool.listen.find((one) => one.startsWith("unix:"))?.slice("unix:".length);
  const setup: PoolSetup = {
    version: VERSION,
    sockets,
    workers: pool.workers === "auto" ? workersFor(databases) : Number(pool.workers),
    clientsMax: pool.clientsMax,
    loginTimeoutMs: pool.loginTimeoutMs,
    waitTimeoutMs: pool.waitTimeoutMs,
    preparedStatementsMax: pool.preparedStatementsMax,
    ...(pool.tls === undefined ? {} : { tls: tlsOf(pool.tls) }),
    auth: pool.auth,
    ownUid: process.getuid?.() ?? -1,
    users: Object.fromEntries(Object.entries(pool.users).map(([name, { password }]) => [name, password])),
    adminUsers: pool.adminUsers,
    statsUsers: pool.statsUsers,
    mockSecret,
    databases,
    ...(unixFolder === undefined ? {} : { unixFolder }),
  };
  refuseClosedDoors(setup);
  return setup;
}

/** One for every core, and not more than one for every eight links of the largest database. */
export function workersFor(databases: PoolSetup["databases"]): number {
  const sizes = Object.values(databases).map(({ size }) => size);
  return Math.max(1, Math.min(availableParallelism(), Math.floor(Math.max(0, ...sizes) / LINKS_PER_WORKER)));
}

function databasesOf(pool: PoolOptions, stores: PoolConfig["postgres"]): PoolSetup["databases"] {
  const problems: Problem[] = [];
  const databases: Record<string, DatabaseSetup> = {};
  for (const [name, { store, mode, sessionState, size, idleTimeoutMs }] of Object.entries(pool.databases)) {
    const options = stores[store];
    if (options === undefined) {
      problems.push(noDatabases(`pool.databases.${name} names [postgres.${store}], which there is not`));
      continue;
    }
    try {
      const cluster = { name: store, primary: serverOf(options.primary, store) };
      databases[name] = { mode, sessionState, size, idleTimeoutMs, cluster };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problems.push(error);
    }
  }
  if (problems.length > 0) throw new Problems(problems);
  if (Object.keys(databases).length === 0) throw noDatabases("[pool.databases] names none");
  return databases;
}

function socketsOf(listen: readonly string[]): readonly Address[] {
  const addresses = listen.map((text) => {
    const address = parseAddress(text);
    if (typeof address === "string") throw new Error(`Cannot listen at "${text}": ${address}`);
    return address;
  });
  const port = addresses.find((address) => address.path === undefined && address.port !== 0)?.port ?? DEFAULT_PORT;
  return addresses.map((address) => (address.path === undefined ? address : { path: socketPath(address.path, port) }));
}

/** As libpq looks for it in a folder. */
function socketPath(folder: string, port: number): string {
  const path = `${folder.replace(/\/+$/, "")}/.s.PGSQL.${port}`;
  if (Buffer.byteLength(path) <= UNIX_PATH_BYTES_MAX) return path;
  throw new Problem("POOL_SOCKET_PATH", {
    what: `Cannot listen on "${path}": it has ${Buffer.byteLength(path)} bytes, wanted at most ${UNIX_PATH_BYTES_MAX}`,
    fix: "Name a folder with a shorter path",
  });
}

function tlsOf({ cert, key, required }: NonNullable<PoolOptions["tls"]>): PoolTls {
  return { cert: pem(cert), key: pem(key), required };
}

function pem(pathOrText: string): string {
  return pathOrText.startsWith("-----BEGIN") ? pathOrText : readFileSync(pathOrText, "utf8");
}

/** A pool that nobody can log in to is a mistake, and one that lets everybody in must be asked for. */
function refuseClosedDoors(setup: PoolSetup): void {
  const { auth, users, databases, sockets } = setup;
  if (auth === "trust" || Object.keys(users).length > 0) return;
  if (auth === "peer" && sockets.some((socket) => socket.path !== undefined)) return;
  const closed = Object.entries(databases).filter(([, { cluster }]) => cluster.primary.password === undefined);
  const [first] = closed;
  if (first === undefined) return;
  const [name, { cluster }] = first;
  throw new Problem("POOL_NO_PASSWORD", {
    what: `Cannot let clients in to database "${name}": the URL of postgres.${cluster.name} has no password to ask them for`,
    why: "Clients of a pool log in with the store's user and password, unless [pool.users] names others.",
    fix: 'Put a password into the URL, name users in [pool.users], or say pool.auth = "trust" if everyone who reaches the pool may use it',
  });
}

function noDatabases(why: string): Problem {
  return new Problem("POOL_NO_DATABASE", {
    what: `Cannot be a pool: ${why}`,
    fix: 'Write [pool.databases.NAME] with store = "…", or say --to postgres://user:password@host/name',
  });
}

/** For logs and for `scale status`. */
export function listensOf({ sockets }: PoolSetup): readonly string[] {
  return sockets.map(formatAddress);
}
