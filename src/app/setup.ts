/**
 * What the app role is told: the configuration boiled down to plain data that can be sent to a worker. Everything that
 * is looked up in other sections (which database, which cache) is looked up here, once, in the keeper.
 */
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { type Address, formatAddress, parseAddress } from "../../proxy/base/address.ts";
import type { PostgresOptions } from "../../proxy/cluster/options.ts";
import type { RedisOptions } from "../cache/options.ts";
import { Problem } from "../problem/problem.ts";
import type { AppOptions } from "./options.ts";

/** What of the configuration the app reads. */
export interface AppConfig {
  readonly app?: AppOptions | undefined;
  readonly postgres: Readonly<Record<string, PostgresOptions>>;
  readonly redis: Readonly<Record<string, RedisOptions>>;
}

export interface AppSetup {
  readonly program: AppProgram;
  readonly listen: Address;
  readonly workers: number;
  /** What the program gets as DATABASE_URL; absent when no store is configured (the variable may be set all the same). */
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  /** Most connections of `db`. */
  readonly poolMax: number;
  /** Additions to the environment, as the user wrote them; they win over ours. */
  readonly env: Readonly<Record<string, string>>;
  readonly mode: "production" | "development";
  readonly deno: "auto" | "on" | "off";
  readonly startTimeoutMs: number;
}

export type AppProgram =
  | { readonly kind: "entry"; readonly path: string }
  | { readonly kind: "command"; readonly argv: readonly string[]; readonly folder: string };

export interface AppContext {
  readonly mode: AppSetup["mode"];
  /** Where a command is started: the folder of the configuration file. */
  readonly folder: string;
}

/** Throws a Problem when [app] is not there or names what there is not. */
export function makeSetup(config: AppConfig, context: AppContext): AppSetup {
  const app = config.app;
  if (app === undefined) throw noProgram("there is no [app]");
  const program = programOf(app.entry, app.command, context.folder);
  const listen = parseAddress(app.listen);
  if (typeof listen === "string") throw new Error(`Cannot listen at "${app.listen}": ${listen}`);
  if (program.kind === "command") refuseVagueAddress(listen);
  const databaseUrl = databaseOf(config, app.db);
  const redisUrl = redisOf(config, app.cache);
  return {
    program,
    listen,
    workers: program.kind === "command" ? 1 : workersOf(app.workers),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    poolMax: app.pool.max,
    env: app.env,
    mode: context.mode,
    deno: app.deno,
    startTimeoutMs: app.startTimeoutMs,
  };
}

/** The environment the program finds, beyond what the box itself was started with. */
export function programEnvironment(setup: AppSetup): Record<string, string> {
  const { listen, databaseUrl, redisUrl } = setup;
  return {
    NODE_ENV: setup.mode,
    ...(listen.path === undefined ? { HOST: listen.host, PORT: String(listen.port) } : {}),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...setup.env,
  };
}

/** The folder whose changes mean that the program has changed: its package's, or just its own. */
export function sourceFolder(setup: AppSetup): string {
  const { program } = setup;
  if (program.kind === "command") return program.folder;
  const home = dirname(program.path);
  for (let folder = home; folder !== dirname(folder); folder = dirname(folder)) {
    if (statSync(join(folder, "package.json"), { throwIfNoEntry: false }) !== undefined) return folder;
  }
  return home;
}

/** For logs and for `scale status`. */
export function listensOf(setup: AppSetup): readonly string[] {
  return [formatAddress(setup.listen)];
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
  const store = config.postgres[wanted];
  if (store === undefined) throw noStore("db", "postgres", wanted);
  return store.primary;
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

function workersOf(workers: number | string): number {
  return typeof workers === "number" ? workers : availableParallelism();
}
