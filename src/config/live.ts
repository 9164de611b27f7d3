/**
 * What `scale check --live` asks the world: whether addresses can be listened on, and whether each Postgres server is what
 * the file says and takes what the file wants. Changes nothing out there; a listener is closed at once.
 * Invariant: whatever goes wrong out there is a problem in the list, and no message repeats a URL or a password.
 */
import { type Address, parseAddress } from "../../proxy/base/address.ts";
import { Problem } from "../problem/problem.ts";
import type { ProblemCode } from "../problem/codes.ts";
import type { Config } from "./config.ts";
import { writePath } from "./describe.ts";
import type { Loaded } from "./load.ts";
import { placeOf } from "./node.ts";
import type { KnobPath } from "./wording.ts";

/** How long a server may take to answer. */
export const ANSWER_TIMEOUT_MS = 3_000;
const OLDEST_VERSION = 140_000;

export async function checkLive(loaded: Loaded, timeoutMs = ANSWER_TIMEOUT_MS): Promise<readonly Problem[]> {
  const listeners = await Promise.all(listenersOf(loaded.config).map((listener) => checkListener(loaded, listener)));
  const servers = await Promise.all(serversOf(loaded.config).map((server) => checkServer(loaded, server, timeoutMs)));
  return [...listeners.flat(), ...servers.flat()];
}

interface Finding {
  /** The knobs that it is about; its place is that of the first that somebody wrote. */
  readonly at: readonly KnobPath[];
  readonly what: string;
  readonly fix?: string;
}

function problemOf({ origins }: Loaded, code: ProblemCode, { at, ...parts }: Finding): Problem {
  const written = at.map((path) => origins.get(writePath(path))).find((origin) => origin?.from !== "default");
  const where = written === undefined ? undefined : placeOf(written);
  return new Problem(code, where === undefined ? parts : { ...parts, where });
}

// Addresses

interface Listener {
  readonly path: KnobPath;
  readonly address: Address;
}

function listenersOf({ app, pool, lb, router, admin }: Config): readonly Listener[] {
  const written: { readonly path: KnobPath; readonly text: string | undefined }[] = [
    { path: ["app", "listen"], text: app?.listen },
    ...(pool?.listen ?? []).map((text, index) => ({ path: ["pool", "listen", index], text })),
    ...(lb?.listen ?? []).map(({ address }, index) => ({ path: ["lb", "listen", index, "address"], text: address })),
    ...(router?.listen ?? []).map((text, index) => ({ path: ["router", "listen", index], text })),
    { path: ["admin", "listen"], text: admin.listen },
  ];
  return written.flatMap(({ path, text }) => {
    const address = text === undefined ? "empty" : parseAddress(text);
    // A unix socket that is there may be the one of a box that runs; only starting tells.
    return typeof address === "string" || address.path !== undefined ? [] : [{ path, address }];
  });
}

const listenFlaws: { readonly [errno: string]: string } = {
  EADDRINUSE: "another process has it",
  EADDRNOTAVAIL: "it is not an address of this machine",
  EACCES: "this user may not have it",
  ENOTFOUND: "its name is not known",
};

async function checkListener(loaded: Loaded, { path, address }: Listener): Promise<Problem[]> {
  const flaw = await listenOnce(address);
  if (flaw === undefined) return [];
  return [
    problemOf(loaded, "CONFIG_LIVE_LISTEN", {
      at: [path],
      what: `Cannot listen on ${writePath(path)}: ${listenFlaws[flaw] ?? flaw}`,
      fix:
        flaw === "EADDRINUSE"
          ? 'Stop that process ("ss -ltnp" names it), or choose another port'
          : "Choose another address",
    }),
  ];
}

/** The error's name, or undefined when it can be had. */
async function listenOnce(address: Address): Promise<string | undefined> {
  if (address.path !== undefined) return undefined;
  const { createServer } = await import("node:net");
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  server.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
  server.listen({ host: address.host, port: address.port, exclusive: true }, () =>
    server.close(() => resolve(undefined)),
  );
  return promise;
}

// Postgres

interface Server {
  readonly path: KnobPath;
  readonly url: string;
  readonly isPrimary: boolean;
  readonly hasReplicas: boolean;
  /** Most connections that the file lets one box open to it, and the knob that says so. */
  readonly wanted: number;
  readonly wantedBy: KnobPath | undefined;
  /** It takes part in two-phase commits. */
  readonly isShard: boolean;
}

function serversOf(config: Config): readonly Server[] {
  return Object.entries(config.postgres).flatMap(([name, store]) => {
    const common = {
      isShard: config.router?.shards.includes(name) ?? false,
      hasReplicas: store.replicas.length > 0,
    };
    const viaProxy = proxyWants(config, name);
    const primaryWants = config.app?.db === name ? [appWant(config.app.pool.max), ...viaProxy] : viaProxy;
    const primary = { ...common, path: ["postgres", name, "primary"], url: store.primary, isPrimary: true };
    const replicas = store.replicas.map((url, index) => ({
      ...common,
      path: ["postgres", name, "replicas", index],
      url,
      isPrimary: false,
      ...total(viaProxy),
    }));
    return [{ ...primary, ...total(primaryWants) }, ...replicas];
  });
}

interface Want {
  readonly wanted: number;
  readonly wantedBy: KnobPath;
}

/** A program that dials directly dials the primary only. */
function appWant(wanted: number): Want {
  return { wanted, wantedBy: ["app", "pool", "max"] };
}

/** What pools and routers may open to each server of the store. */
function proxyWants({ pool, router }: Config, store: string): readonly Want[] {
  const databases = Object.entries(pool?.databases ?? {}).filter(([, of]) => of.store === store);
  const wants: Want[] = databases.map(([database, of]) => ({
    wanted: of.size,
    wantedBy: ["pool", "databases", database, "size"],
  }));
  if (router?.shards.includes(store) === true) wants.push({ wanted: router.size, wantedBy: ["router", "size"] });
  return wants;
}

function total(wants: readonly Want[]): Pick<Server, "wanted" | "wantedBy"> {
  const [largest] = wants.toSorted((a, b) => b.wanted - a.wanted);
  return { wanted: wants.reduce((sum, { wanted }) => sum + wanted, 0), wantedBy: largest?.wantedBy };
}

/** What one query tells of a server. */
interface Facts {
  readonly version: number;
  readonly places: number;
  readonly wal_level: string;
  readonly prepared: number;
  readonly in_recovery: boolean;
}

const QUESTION = `select current_setting('server_version_num')::int as version,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0) as places,
  current_setting('wal_level') as wal_level,
  current_setting('max_prepared_transactions')::int as prepared,
  pg_is_in_recovery() as in_recovery`;

async function checkServer(loaded: Loaded, server: Server, timeoutMs: number): Promise<Problem[]> {
  const { default: postgres } = await import("postgres");
  const sql = postgres(server.url, {
    max: 1,
    connect_timeout: timeoutMs / 1_000,
    prepare: false,
    fetch_types: false,
    onnotice: () => undefined,
  });
  const late = Promise.withResolvers<never>();
  // The driver dials again and again when a server hangs up, so it is stopped from outside as well.
  const timer = setTimeout(() => late.reject(new Late()), timeoutMs * 1.5);
  try {
    const [facts] = await Promise.race([sql.unsafe<Facts[]>(QUESTION), late.promise]);
    return facts === undefined ? [] : judge(loaded, server, facts);
  } catch (error) {
    return [refusal(loaded, server, error)];
  } finally {
    clearTimeout(timer);
    await sql.end({ timeout: 0 });
  }
}

class Late extends Error {}

function judge(loaded: Loaded, server: Server, facts: Facts): Problem[] {
  const problems: Problem[] = [];
  const name = writePath(server.path);
  const add = (code: ProblemCode, finding: Omit<Finding, "at">, at: readonly KnobPath[] = []) =>
    problems.push(problemOf(loaded, code, { ...finding, at: [...at, server.path] }));
  if (facts.version < OLDEST_VERSION) {
    add("CONFIG_LIVE_VERSION", {
      what: `Cannot use ${name}: it is Postgres ${Math.floor(facts.version / 10_000)}, wanted 14 or later`,
    });
  }
  if (server.isPrimary === facts.in_recovery) {
    const what = server.isPrimary
      ? "it is in recovery and takes no writes"
      : "it is not in recovery and follows nobody";
    add("CONFIG_LIVE_ROLE", {
      what: `Cannot use ${name}: ${what}`,
      fix: "Exchange the URLs of the primary and the replica",
    });
  }
  if (server.wanted > facts.places && server.wantedBy !== undefined) {
    const knob = writePath(server.wantedBy);
    const what = `Cannot open ${server.wanted} connections to ${name}: it accepts ${facts.places}`;
    add("CONFIG_LIVE_CONNECTIONS", { what, fix: `Lower ${knob}, or raise max_connections of the server` }, [
      server.wantedBy,
    ]);
  }
  if (server.isPrimary && server.hasReplicas && facts.wal_level === "minimal") {
    const what = `Cannot have replicas of ${name}: its wal_level is "minimal", wanted "replica" or "logical"`;
    add("CONFIG_LIVE_WAL_LEVEL", { what, fix: "Set wal_level = replica and restart the server" });
  }
  if (server.isPrimary && server.isShard && facts.prepared === 0) {
    const what = `Cannot commit over several shards on ${name}: its max_prepared_transactions is 0`;
    add("CONFIG_LIVE_PREPARED", {
      what,
      fix: "Set max_prepared_transactions to at least router.size and restart the server",
    });
  }
  return problems;
}

/** SQLSTATE classes that mean the server is there and does not want us: 28 and 3D. */
const REFUSED = /^(28|3D)[0-9A-Z]{3}$/;

function refusal(loaded: Loaded, { path }: Server, error: unknown): Problem {
  const name = writePath(path);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (REFUSED.test(code)) {
    const reason = code === "3D000" ? "there is no such database" : "it refuses the user or the password";
    return problemOf(loaded, "CONFIG_LIVE_LOGIN", {
      at: [path],
      what: `Cannot log in to ${name}: ${reason} (SQLSTATE ${code})`,
      fix: "Try the same URL with psql from this machine",
    });
  }
  const reason =
    error instanceof Late
      ? "no answer in time, so it may not be Postgres"
      : (reachFlaws[code] ?? (code === "" ? "no connection" : code));
  return problemOf(loaded, "CONFIG_LIVE_UNREACHABLE", {
    at: [path],
    what: `Cannot reach ${name}: ${reason}`,
    fix: "Check the host and port, that the server runs and listens there, and the firewall between",
  });
}

const reachFlaws: { readonly [code: string]: string } = {
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "its host name is not known",
  ENOENT: "there is no such unix socket",
  ETIMEDOUT: "no answer in time",
  CONNECT_TIMEOUT: "no answer in time",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
  ECONNRESET: "the connection is reset, so it may not be Postgres",
  CONNECTION_CLOSED: "the connection is closed, so it may not be Postgres",
};
