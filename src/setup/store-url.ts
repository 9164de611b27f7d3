/**
 * A store's URL as libpq reads it, boiled down to what logs a link in: one server, one database, one user. What would need
 * more than that (several hosts, a service file) is refused. Spec: libpq, "Connection URIs" and "Parameter Key Words".
 */
import { readFileSync } from "node:fs";
import type { Address } from "../../proxy/base/address.ts";
import type { ServerSetup } from "../../proxy/cluster/setup.ts";
import { SSL_MODES, type SslMode } from "../../proxy/pgconn/server-target.ts";
import { parseUrl } from "../config/url.ts";
import { Problem } from "../problem/problem.ts";

const SCHEMES = ["postgres", "postgresql"];
const DEFAULT_PORT = 5432;
const CONNECT_TIMEOUT_MS = 10_000;
/** Parameters that change nothing of what we do; with a list, only these values of theirs. */
const HARMLESS: Readonly<Record<string, readonly string[] | undefined>> = {
  channel_binding: ["disable", "prefer"],
  fallback_application_name: undefined,
  gssencmode: ["disable", "prefer"],
  keepalives: undefined,
  keepalives_count: undefined,
  keepalives_idle: undefined,
  keepalives_interval: undefined,
  sslnegotiation: ["postgres"],
  target_session_attrs: ["any", "read-write", "primary"],
};
const USED = new Set([
  "application_name",
  "connect_timeout",
  "dbname",
  "host",
  "options",
  "password",
  "port",
  "sslcert",
  "sslkey",
  "sslmode",
  "sslrootcert",
  "user",
]);

/** Throws a Problem that repeats nothing of the URL. `store` is its name in the file. */
export function serverOf(url: string, store: string): ServerSetup {
  const parts = parseUrl(url, SCHEMES);
  if (typeof parts === "string") throw flaw(store, parts);
  const [first, second] = parts.hosts;
  if (second !== undefined) throw flaw(store, "it names more than one host");
  const words = parametersOf(url, store);
  const credentials = credentialsOf(url);
  const user = words.get("user") ?? credentials.user ?? "postgres";
  const password = words.get("password") ?? credentials.password;
  const host = words.get("host") ?? decode(first?.host ?? "");
  const address = addressOf(host, words.get("port") ?? first?.port, store);
  const database = words.get("dbname") ?? decode(parts.database);
  const ca = words.get("sslrootcert");
  return {
    address,
    database: database === "" ? user : database,
    user,
    ...(password === undefined || password === "" ? {} : { password }),
    sslMode: sslModeOf(words, address, store),
    ...(ca === undefined || ca === "system" ? {} : { ca: pem(ca, store) }),
    ...fileOf(words, "sslcert", "cert", store),
    ...fileOf(words, "sslkey", "key", store),
    parameters: startParameters(words),
    connectTimeoutMs: timeoutOf(words.get("connect_timeout"), store),
  };
}

function credentialsOf(url: string): { readonly user?: string; readonly password?: string } {
  const match = /^[^:]+:\/\/([^@/?#:]*)(?::([^@/?#]*))?@/.exec(url);
  if (match === null) return {};
  const [, user = "", password] = match;
  return {
    ...(user === "" ? {} : { user: decode(user) }),
    ...(password === undefined ? {} : { password: decode(password) }),
  };
}

function parametersOf(url: string, store: string): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  const at = url.indexOf("?");
  if (at === -1) return words;
  for (const pair of url
    .slice(at + 1)
    .split("#", 1)[0]
    ?.split("&") ?? []) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? "" : decode(pair.slice(equals + 1));
    if (Object.hasOwn(HARMLESS, name) && (HARMLESS[name]?.includes(value) ?? true)) continue;
    if (!USED.has(name))
      throw flaw(store, `the pool does not know its parameter "${name.slice(0, 64)}", or not that value`);
    words.set(name, value);
  }
  return words;
}

function addressOf(host: string, port: string | number | undefined, store: string): Address {
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) throw flaw(store, "its port is not from 1 to 65535");
  if (host.startsWith("/")) return { path: `${host.replace(/\/+$/, "")}/.s.PGSQL.${number}` };
  const plain = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return { host: plain === "" ? "127.0.0.1" : plain, port: number };
}

function sslModeOf(words: ReadonlyMap<string, string>, address: Address, store: string): SslMode {
  const mode = words.get("sslmode");
  if (address.path !== undefined) return "disable";
  // libpq: a named authority that is not asked for would be a trap.
  if (mode === undefined) return words.has("sslrootcert") ? "verify-ca" : "prefer";
  if (mode === "allow") return "prefer";
  const known = SSL_MODES.find((one) => one === mode);
  if (known === undefined) throw flaw(store, "its sslmode is none that there is");
  return known === "require" && words.has("sslrootcert") ? "verify-ca" : known;
}

function startParameters(words: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const parameters: Record<string, string> = {};
  for (const name of ["application_name", "options"]) {
    const value = words.get(name);
    if (value !== undefined) parameters[name] = value;
  }
  return parameters;
}

function timeoutOf(text: string | undefined, store: string): number {
  if (text === undefined) return CONNECT_TIMEOUT_MS;
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 0) throw flaw(store, "its connect_timeout is not a number of seconds");
  return seconds === 0 ? CONNECT_TIMEOUT_MS : seconds * 1_000;
}

function fileOf<Key extends string>(
  words: ReadonlyMap<string, string>,
  name: string,
  key: Key,
  store: string,
): { readonly [K in Key]?: string } {
  const path = words.get(name);
  return path === undefined ? {} : ({ [key]: pem(path, store) } as { readonly [K in Key]?: string });
}

function pem(path: string, store: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw flaw(store, `a file of its TLS parameters cannot be read: ${code}`);
  }
}

function decode(text: string): string {
  return decodeURIComponent(text);
}

function flaw(store: string, what: string): Problem {
  return new Problem("POOL_STORE_URL", {
    what: `Cannot use the URL of postgres.${store}: ${what}`,
    fix: "Write it as postgres://user:password@host:port/database, with parameters that the pool knows",
  });
}
