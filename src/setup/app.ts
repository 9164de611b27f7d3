/**
 * What the app role is told, made of the configuration. Everything that is looked up in other sections (which database,
 * which cache) is looked up here, once, in the keeper, at the start and at every reload.
 */
import { availableParallelism } from "node:os";
import { type Address, formatAddress, parseAddress } from "../../proxy/base/address.ts";
import type { PostgresOptions } from "../../proxy/cluster/options.ts";
import type { PoolOptions } from "../../proxy/pool/options.ts";
import type { SharedPool } from "../app/database.ts";
import type { AppOptions } from "../app/options.ts";
import type { AppProgram, AppSetup } from "../app/setup.ts";
import type { RedisOptions } from "../cache/options.ts";
import { Problem } from "../problem/problem.ts";
import type { BoxSecrets } from "../run/plan.ts";
import { frontCrews, poolSocketPath, type SharedDatabase } from "./front.ts";
import { poolUrl } from "./pool-url.ts";
import { serverOf } from "./store-url.ts";

/** What of the configuration the app reads. */
export interface AppConfig {
  readonly app?: AppOptions | undefined;
  readonly pool?: PoolOptions | undefined;
  readonly postgres: Readonly<Record<string, PostgresOptions>>;
  readonly redis: Readonly<Record<string, RedisOptions>>;
}

export interface AppContext {
  readonly mode: AppSetup["mode"];
  /** Where a command is started: the folder of the configuration file. */
  readonly folder: string;
  readonly box: BoxSecrets;
}

/** The pointer to a pool of its own, in `app.db`. */
const POOL = "pool";

/** Throws a Problem when [app] is not there or names what there is not. */
export function makeSetup(config: AppConfig, context: AppContext): AppSetup {
  const app = config.app;
  if (app === undefined) throw noProgram("there is no [app]");
  const program = programOf(app.entry, app.command, context.folder);
  const listen = parseAddress(app.listen);
  if (typeof listen === "string") throw new Error(`Cannot listen at "${app.listen}": ${listen}`);
  if (program.kind === "command") refuseVagueAddress(listen);
  const workers = workersOf(app.workers, program);
  const fronted = program.kind === "entry" && (workers > 1 || context.box.fronted === true);
  const shared = fronted ? sharedOf(config, app, context.box) : undefined;
  const databaseUrl = shared === undefined ? databaseOf(config, app.db) : undefined;
  const redisUrl = redisOf(config, app.cache);
  return {
    program,
    listen,
    workers,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(shared === undefined ? {} : { sharedPool: poolFor(shared, context.box) }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    // A pool of many clients lets each worker have all of it; without one each has its share.
    poolMax: shared === undefined ? Math.ceil(app.pool.max / workers) : app.pool.max,
    env: app.env,
    mode: context.mode,
    deno: app.deno,
    startTimeoutMs: app.startTimeoutMs,
    ...(fronted ? { crews: frontCrews({ listen, workers, box: context.box, ...dataOf(shared) }) } : {}),
  };
}

function programOf(entry: string | undefined, command: readonly string[] | undefined, folder: string): AppProgram {
  if (entry !== undefined && command !== undefined) throw noProgram("app.entry and app.command are both set");
  if (entry !== undefined) return { kind: "entry", path: entry };
  if (command === undefined) throw noProgram("neither app.entry nor app.command is set");
  return { kind: "command", argv: command, folder };
}

function noProgram(why: string): Problem {
  return new Problem("APP_NO_PROGRAM", {
    what: `Cannot run an app: ${why}`,
    fix: 'Write `entry = "./server.ts"` into [app], or name the file: `scale --role app server.ts`',
  });
}

function refuseVagueAddress(listen: Address): void {
  if (listen.path === undefined && listen.port !== 0) return;
  throw new Problem("APP_COMMAND_NEEDS_PORT", {
    what: `Cannot run a command at "${formatAddress(listen)}": it learns its address from PORT`,
    fix: 'Set app.listen to a host and a port, such as "127.0.0.1:3000"',
  });
}

function databaseOf(config: AppConfig, name: string | undefined): string | undefined {
  const wanted = name ?? onlyOne(config.postgres);
  if (wanted === undefined) return undefined;
  const [pointer, database] = wanted.split("/");
  if (pointer === POOL) return poolUrl(config, database);
  const store = config.postgres[wanted];
  if (store === undefined) throw noStore("db", "postgres", wanted);
  return store.primary;
}

/** The store that the workers of a box share; a pool elsewhere shares by itself. */
function sharedOf(config: AppConfig, app: AppOptions, box: BoxSecrets): SharedDatabase | undefined {
  const store = app.db ?? onlyOne(config.postgres);
  if (store === undefined || store.split("/", 1)[0] === POOL) return undefined;
  const options = config.postgres[store];
  if (options === undefined) throw noStore("db", "postgres", store);
  const server = serverOf(options.primary, store);
  return { store, server, password: server.password ?? box.password, size: app.pool.max };
}

function poolFor({ server, password }: SharedDatabase, box: BoxSecrets): SharedPool {
  return { user: server.user, password, database: server.database, path: poolSocketPath(box) };
}

function dataOf(database: SharedDatabase | undefined): { readonly database?: SharedDatabase } {
  return database === undefined ? {} : { database };
}

function redisOf(config: AppConfig, name: string | undefined): string | undefined {
  const wanted = name ?? onlyOne(config.redis);
  if (wanted === undefined) return undefined;
  const store = config.redis[wanted];
  if (store === undefined) throw noStore("cache", "redis", wanted);
  if (store.url !== undefined) return store.url;
  const [node] = store.nodes;
  return node === undefined ? undefined : `${store.tls ? "rediss" : "redis"}://${loginOf(store)}${node}`;
}

function loginOf(store: RedisOptions): string {
  const { user, password } = store;
  if (user === undefined && password === undefined) return "";
  return `${encodeURIComponent(user ?? "")}:${encodeURIComponent(password ?? "")}@`;
}

function noStore(knob: string, section: string, name: string): Problem {
  return new Problem("APP_NO_STORE", {
    what: `Cannot use app.${knob} = "${name}": there is no [${section}.${name}]`,
  });
}

function onlyOne(stores: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.keys(stores);
  return names.length === 1 ? names[0] : undefined;
}

function workersOf(workers: number | string, program: AppProgram): number {
  if (program.kind === "entry") return typeof workers === "number" ? workers : availableParallelism();
  if (workers === 1 || workers === "auto") return 1;
  throw new Problem("APP_COMMAND_WORKERS", {
    what: `Cannot run ${workers} workers of a command: it owns its port`,
    fix: "Write workers = 1, or let [lb] balance several boxes with a port each",
  });
}
