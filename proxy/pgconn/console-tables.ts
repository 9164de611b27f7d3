/**
 * What the console shows, column by column in PgBouncer's order and with its types, because exporters and dashboards read
 * them by name. Spec: PgBouncer 1.25, doc/usage.md, "SHOW commands".
 */
import type { Writer } from "../pg/writer.ts";
import { BACKEND } from "../pg/tag.ts";

/** The types that PgBouncer uses, by their object ids in Postgres. */
const TYPES = { text: 25, int4: 23, int8: 20, numeric: 1700 } as const;
export type ColumnType = keyof typeof TYPES;
const SIZES = { text: 0xffff, int4: 4, int8: 8, numeric: 0xffff } as const satisfies Record<ColumnType, number>;
const ANY = -1;

export type Columns = readonly (readonly [name: string, type: ColumnType])[];
export type Cell = string | number | null;
export type TableRow = readonly Cell[];

/** The last column is ours: what keeps the two together beyond a transaction. */
const socketColumns = columns(
  "type user database replication state addr port:int4 local_addr local_port:int4 connect_time request_time wait:int4 " +
    "wait_us:int4 close_needed:int4 ptr link remote_pid:int4 tls application_name prepared_statements:int4 id:int4 pinned",
);

export const COUNTED = [
  "xact_count",
  "query_count",
  "server_assignment_count",
  "received",
  "sent",
  "xact_time",
  "query_time",
  "wait_time",
  "client_parse_count",
  "server_parse_count",
  "bind_count",
  "client_login_count",
] as const;

/** The averages call the bytes that came "recv". */
const AVERAGED = COUNTED.map((name) => (name === "received" ? "recv" : name));
/** The totals of SHOW STATS_TOTALS have names of their own for bytes. */
const TOTALED = COUNTED.map((name) => (name === "received" ? "bytes_received" : name === "sent" ? "bytes_sent" : name));

export const TABLES = {
  pools: columns(
    "database user cl_active:int4 cl_waiting:int4 cl_active_cancel_req:int4 cl_waiting_cancel_req:int4 sv_active:int4 " +
      "sv_active_cancel:int4 sv_being_canceled:int4 sv_idle:int4 sv_used:int4 sv_tested:int4 sv_login:int4 maxwait:int4 " +
      "maxwait_us:int4 pool_mode load_balance_hosts",
  ),
  clients: socketColumns,
  servers: socketColumns,
  stats: [
    ["database", "text"],
    ...COUNTED.map((name) => [`total_${name}`, "numeric"] as const),
    ...AVERAGED.map((name) => [`avg_${name}`, "numeric"] as const),
  ],
  stats_totals: [["database", "text"], ...TOTALED.map((name) => [name, "numeric"] as const)],
  stats_averages: [["database", "text"], ...TOTALED.map((name) => [name, "numeric"] as const)],
  databases: columns(
    "name host port:int4 database force_user pool_size:int4 min_pool_size:int4 reserve_pool_size:int4 server_lifetime:int4 " +
      "pool_mode load_balance_hosts max_connections:int4 current_connections:int4 max_client_connections:int4 " +
      "current_client_connections:int4 paused:int4 disabled:int4",
  ),
  users: columns(
    "name pool_size:int4 reserve_pool_size:int4 pool_mode max_user_connections:int4 current_connections:int4 " +
      "max_user_client_connections:int4 current_client_connections:int4",
  ),
  lists: columns("list items:int4"),
  config: columns("key value default changeable"),
  version: columns("version"),
} as const satisfies Record<string, Columns>;

export type TableName = keyof typeof TABLES;

/** A RowDescription; `plain` calls every column a text, for clients that would want the others in binary. */
export function writeColumns(writer: Writer, list: Columns, plain: boolean): void {
  writer.begin(BACKEND.rowDescription).uint16(list.length);
  for (const [name, type] of list) {
    const said = plain ? "text" : type;
    writer.text(name).int32(0).uint16(0).int32(TYPES[said]).uint16(SIZES[said]).int32(ANY).uint16(0);
  }
  writer.close();
}

export function writeRow(writer: Writer, cells: TableRow): void {
  writer.begin(BACKEND.dataRow).uint16(cells.length);
  // A user's name or application may hold anything but a zero byte; what came over IPC is not trusted with that.
  for (const cell of cells) writer.value(cell === null ? null : String(cell).replaceAll("\0", ""));
  writer.close();
}

/** "name" is a text, "name:int4" has that type. */
function columns(words: string): Columns {
  return words.split(" ").map((word) => {
    const [name = "", type = "text"] = word.split(":");
    return [name, type as ColumnType] as const;
  });
}
