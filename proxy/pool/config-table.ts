/** SHOW CONFIG: what of our knobs PgBouncer has a word for, under that word. */
import type { TableRow } from "../pgconn/console-tables.ts";
import type { PoolSetup } from "./setup.ts";

const MS = 1_000;

export function configRows(setup: PoolSetup): readonly TableRow[] {
  const { sockets, databases, tls } = setup;
  const tcp = sockets.find((socket) => socket.path === undefined);
  const [first] = Object.values(databases);
  const rows: readonly (readonly [key: string, value: string, initial: string])[] = [
    ["admin_users", setup.adminUsers.join(","), ""],
    ["auth_type", setup.auth === "trust" ? "trust" : "scram-sha-256", "scram-sha-256"],
    ["client_login_timeout", String(setup.loginTimeoutMs / MS), "15"],
    ["client_tls_sslmode", tls === undefined ? "disable" : tls.required ? "require" : "allow", "disable"],
    ["default_pool_size", String(first?.size ?? 20), "20"],
    ["listen_addr", tcp?.host ?? "", "127.0.0.1"],
    ["listen_port", String(tcp?.port ?? 0), "6432"],
    ["max_client_conn", String(setup.clientsMax), "10000"],
    ["max_db_connections", "0", "0"],
    ["max_prepared_statements", String(setup.preparedStatementsMax), "200"],
    ["max_user_connections", "0", "0"],
    ["pool_mode", first?.mode ?? "transaction", "transaction"],
    ["query_wait_timeout", String(setup.waitTimeoutMs / MS), "30"],
    ["server_idle_timeout", String((first?.idleTimeoutMs ?? 600_000) / MS), "600"],
    ["stats_users", setup.statsUsers.join(","), ""],
    ["unix_socket_dir", setup.unixFolder ?? "", ""],
  ];
  // None of them is changed by SET: RELOAD reads the file again.
  return rows.map(([key, value, initial]) => [key, value, initial, "no"]);
}
