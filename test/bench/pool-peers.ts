/** The poolers that are compared: transaction mode, one process that serves, 20 links, no log of connections. */
import { chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import type { Bench } from "./bench.ts";
import type { Side } from "./contest.ts";
import { startDaemon, type Daemon, type Owner } from "./daemon.ts";
import { DATABASE, folderFor, USER, type Store } from "./postgres.ts";

export interface Pooler extends Side, Daemon {
  readonly port: number;
}

export const LINKS = 20;
const CLIENTS_MAX = 2_000;

export async function startScalePool({ folder, executable }: Bench, store: Store): Promise<Pooler> {
  const place = join(folder, `pool-${store.port}`);
  mkdirSync(place);
  const port = freePort();
  const conf = join(place, "pool.toml");
  writeFileSync(
    conf,
    `[postgres.main]
primary = "postgres://${USER}@127.0.0.1:${store.port}/${DATABASE}"

[pool]
workers = 1
listen = "127.0.0.1:${port}"
clients_max = ${CLIENTS_MAX}
auth = "trust"

[pool.databases.${DATABASE}]
store = "main"
mode = "transaction"
size = ${LINKS}
`,
  );
  const words = ["--role", "pool", "--config", conf, "--admin", `unix:${join(place, "admin")}`, "--log-level", "warn"];
  return { ...(await startDaemon({ argv: [executable, ...words], ports: [port] })), name: "scale", port };
}

export interface PgBouncer {
  readonly program: string;
  /** Whether it keeps prepared statements in transaction mode, which 1.21 has begun to. */
  readonly prepares: boolean;
}

export async function startPgBouncer(
  { program, prepares }: PgBouncer,
  store: Store,
  owner: Owner | undefined,
): Promise<Pooler> {
  const folder = folderFor(owner);
  const port = freePort();
  const [conf, users] = [join(folder, "pgbouncer.ini"), join(folder, "users.txt")];
  writeFileSync(users, `"${USER}" ""\n`);
  writeFileSync(
    conf,
    `[databases]
${DATABASE} = host=127.0.0.1 port=${store.port} dbname=${DATABASE} user=${USER}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
listen_backlog = 4096
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${LINKS}
max_client_conn = ${CLIENTS_MAX}
log_connections = 0
log_disconnections = 0
log_stats = 0
ignore_startup_parameters = extra_float_digits
${prepares ? "max_prepared_statements = 200" : ""}
`,
  );
  if (owner !== undefined) for (const file of [conf, users]) chownSync(file, owner.uid, owner.gid);
  const daemon = await startDaemon({
    argv: [program, "-q", conf],
    ports: [port],
    ...(owner === undefined ? {} : { owner }),
  });
  const stop = async (): Promise<void> => {
    await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { pid: daemon.pid, name: "PgBouncer", port, stop };
}

export function keepsStatements(version: string): boolean {
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}
