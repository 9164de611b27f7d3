/**
 * The URL of a pool box, for `app.db = "pool"` and "pool/NAME": where it says it is reached, and who may log in there.
 * Made of [pool], which describes another box: it may run on this machine or on another.
 */
import { type Address, formatAddress, parseAddress } from "../../proxy/base/address.ts";
import type { PostgresOptions } from "../../proxy/cluster/options.ts";
import type { PoolOptions } from "../../proxy/pool/options.ts";
import { Problem } from "../problem/problem.ts";
import { serverOf } from "./store-url.ts";

export interface PoolUrlConfig {
  readonly pool?: PoolOptions | undefined;
  readonly postgres: Readonly<Record<string, PostgresOptions>>;
}

const ANYWHERE = new Set(["0.0.0.0", "::"]);
/** What pg_authid holds of a password: nobody can log in with that. */
const HASHED = /^(SCRAM-SHA-256\$|md5[0-9a-f]{32}$)/;

/** `name` is a database of the pool; absent for its only one. Throws a Problem. */
export function poolUrl({ pool, postgres }: PoolUrlConfig, name: string | undefined): string {
  if (pool === undefined) throw noPool("there is no [pool]");
  const names = Object.keys(pool.databases);
  const database = name ?? (names.length === 1 ? names[0] : undefined);
  if (database === undefined) throw noPool(`[pool.databases] has ${names.length} databases, and none is named`);
  const store = pool.databases[database]?.store;
  const options = store === undefined ? undefined : postgres[store];
  if (store === undefined || options === undefined) throw noPool(`there is no [pool.databases.${database}] on a store`);
  const { user, password } = loginOf(pool, serverOf(options.primary, store));
  const login =
    password === undefined ? encodeURIComponent(user) : `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgres://${login}@${formatAddress(addressOf(pool))}/${encodeURIComponent(database)}`;
}

interface Login {
  readonly user: string;
  readonly password?: string;
}

/** As the pool lets clients in: with the store's user, unless [pool.users] names others. */
function loginOf(pool: PoolOptions, store: Login): Login {
  const users = Object.entries(pool.users);
  if (users.length === 0) return store;
  const [user, options] = users.find(([one]) => one === store.user) ?? users[0] ?? [store.user];
  const password = options?.password;
  if (password !== undefined && HASHED.test(password)) {
    throw noPool(`[pool.users.${user}] has the hash of a password, and the app needs the password itself`);
  }
  return { user, ...(password === undefined ? {} : { password }) };
}

function addressOf({ advertise, listen }: PoolOptions): Address {
  const named = advertise.length > 0 ? advertise : listen;
  for (const text of named) {
    const address = parseAddress(text);
    if (typeof address === "string" || address.path !== undefined) continue;
    if (address.port !== 0 && !ANYWHERE.has(address.host)) return address;
  }
  throw noPool("[pool] does not say by which address others reach it");
}

function noPool(why: string): Problem {
  return new Problem("APP_NO_POOL", {
    what: `Cannot use app.db = "pool": ${why}`,
    fix: 'Write for instance [pool] with advertise = ["pool1:6432"] and [pool.databases.shop] with store = "main"',
  });
}
