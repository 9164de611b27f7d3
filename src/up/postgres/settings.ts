/**
 * How our Postgres servers are set: for a laptop (little memory, no tuning), but durable, and from the first day able to
 * do what later tiers ask for, so that climbing a tier restarts nothing: replicas, logical decoding, two-phase commit.
 * What must not be changed from inside (who may connect, and where) is on the command line, which beats ALTER SYSTEM;
 * the rest stands in a file of ours outside the data folder, and ALTER SYSTEM beats that.
 */
import type { SessionTarget } from "./backup-wire.ts";

export const USER = "scale";
export const DATABASE = "app";
/** The database that is always there, for looking after the server. */
export const MAINTENANCE_DATABASE = "postgres";
export const POSTGRES_MAJOR = "18";
export const CONNECTIONS_MAX = 100;

const SETTINGS = {
  shared_buffers: "32MB",
  io_method: "sync",
  max_connections: String(CONNECTIONS_MAX),
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  wal_level: "logical",
  max_wal_senders: "20",
  max_replication_slots: "20",
  max_prepared_transactions: "100",
  min_wal_size: "16MB",
  max_wal_size: "256MB",
  wal_keep_size: "64MB",
  max_slot_wal_keep_size: "1GB",
  hot_standby: "on",
  hot_standby_feedback: "on",
  wal_receiver_status_interval: "1s",
  wal_retrieve_retry_interval: "200ms",
  password_encryption: "scram-sha-256",
  timezone: "UTC",
  log_timezone: "UTC",
  datestyle: "iso, mdy",
  lc_messages: "C",
  default_text_search_config: "pg_catalog.english",
  log_destination: "stderr",
  logging_collector: "off",
  log_line_prefix: "%m [%p] ",
  log_min_messages: "warning",
  unix_socket_permissions: "0700",
  jit: "off",
} as const;

/** pg_hba.conf(5): everyone shows the password, and nobody comes from another machine. */
export const ACCESS = [
  "local all         all              scram-sha-256",
  "local replication all              scram-sha-256",
  "host  all         all 127.0.0.1/32 scram-sha-256",
  "host  replication all 127.0.0.1/32 scram-sha-256",
  "",
].join("\n");

export interface Upstream {
  readonly port: number;
  /** Of the replica's slot on its primary. */
  readonly slot: string;
  readonly passfile: string;
}

/** The file of settings; with `upstream` the server follows that one while `standby.signal` stands in its folder. */
export function settingsFile(upstream?: Upstream): string {
  const rows: [string, string][] = Object.entries(SETTINGS);
  if (upstream !== undefined) {
    rows.push(["primary_conninfo", connectionText(upstream)], ["primary_slot_name", upstream.slot]);
  }
  return rows.map(([name, value]) => `${name} = ${quoted(value)}\n`).join("");
}

export interface CommandOptions {
  readonly program: string;
  readonly data: string;
  readonly config: string;
  readonly access: string;
  readonly port: number;
  /** The folder of the unix socket; none when absent. */
  readonly sockets?: string;
}

export function commandLine(options: CommandOptions): readonly string[] {
  const fixed = {
    config_file: options.config,
    hba_file: options.access,
    listen_addresses: "127.0.0.1",
    port: String(options.port),
    unix_socket_directories: options.sockets ?? "",
  };
  const words = Object.entries(fixed).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return [options.program, "-D", options.data, ...words];
}

/** What initdb is told: the same collation and encoding everywhere, whatever the locale of whoever starts it. */
export function initdbWords(program: string, folder: string, passwordFile: string): readonly string[] {
  return [
    program,
    `--pgdata=${folder}`,
    `--username=${USER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--text-search-config=english",
    "--data-checksums",
    "--wal-segsize=4",
    "--no-instructions",
    `--set=shared_buffers=${SETTINGS.shared_buffers}`,
    `--set=max_connections=${SETTINGS.max_connections}`,
  ];
}

/** Postgres and its tools see nothing of our environment: neither a locale nor a PG… variable. */
export const ENVIRONMENT = { LC_ALL: "C", TZ: "UTC" } as const;

export function url(port: number, password: string, database = DATABASE): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

/** A session with a server of ours, for looking after it. */
export function maintenance(port: number, password: string, waitMs: number): SessionTarget {
  return { port, user: USER, password, database: MAINTENANCE_DATABASE, waitMs };
}

/** libpq's key words and values; the password comes from a file, so that nothing secret stands in this one. */
function connectionText({ port, slot, passfile }: Upstream): string {
  const words = { host: "127.0.0.1", port, user: USER, passfile, application_name: slot, sslmode: "disable" };
  return Object.entries(words)
    .map(([key, value]) => `${key}='${String(value).replace(/[\\']/g, "\\$&")}'`)
    .join(" ");
}

/** In postgresql.conf a quote is doubled, and a backslash too. */
function quoted(value: string): string {
  return `'${value.replace(/['\\]/g, "$&$&")}'`;
}
