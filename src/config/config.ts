/**
 * All of the one file: which sections there are and what type each becomes. Not the knobs themselves (they stand with
 * who obeys them) and not how a file is read (`load.ts`).
 * Invariant: a section that is not in `configRows` does not exist for anything else in this room.
 */
import type { Rows, Values } from "../../proxy/base/schema.ts";
import { postgresRows } from "../../proxy/cluster/options.ts";
import { lbRows } from "../../proxy/lb/options.ts";
import { poolRows } from "../../proxy/pool/options.ts";
import { routerRows } from "../../proxy/router/options.ts";
import { adminRows } from "../admin/options.ts";
import { appRows } from "../app/options.ts";
import { autoscaleRows } from "../autoscale/options.ts";
import { redisRows } from "../cache/options.ts";
import { edgeRows } from "../edge/options.ts";
import { queueRows } from "../queue/options.ts";
import { logRows, processRows } from "../run/options.ts";

const roleAdmin = { kind: "table", optional: true, rows: adminRows, doc: "Replaces [admin] for this role" } as const;

export const configRows = {
  postgres: {
    kind: "map",
    key: "NAME",
    keys: "name",
    doc: "A Postgres cluster: one primary and the replicas that follow it",
    of: { kind: "table", short: "primary", rows: postgresRows },
  },
  redis: {
    kind: "map",
    key: "NAME",
    keys: "name",
    doc: "A Redis server, or a Redis Cluster",
    of: { kind: "table", short: "url", rows: redisRows },
  },
  queue: {
    kind: "map",
    key: "NAME",
    keys: "name",
    doc: "A queue: Kafka, RabbitMQ or a SQLite file",
    of: { kind: "table", rows: queueRows },
  },
  app: { kind: "table", optional: true, rows: { ...appRows, admin: roleAdmin }, doc: "--role app: runs the program" },
  pool: {
    kind: "table",
    optional: true,
    rows: { ...poolRows, ...processRows, admin: roleAdmin },
    doc: "--role pool: shares few Postgres connections among many clients",
  },
  lb: {
    kind: "table",
    optional: true,
    rows: { ...lbRows, ...processRows, admin: roleAdmin },
    doc: "--role lb: balances HTTP and TCP",
  },
  router: {
    kind: "table",
    optional: true,
    rows: { ...routerRows, ...processRows, admin: roleAdmin },
    doc: "--role router: makes several Postgres clusters answer as one database",
    notBuilt: "the router comes with tier 4",
  },
  admin: { kind: "table", rows: adminRows, doc: "Health, metrics and status of a box" },
  log: { kind: "table", rows: logRows, doc: "What a box writes while it runs" },
  edge: {
    kind: "table",
    optional: true,
    rows: edgeRows,
    doc: "Anycast addresses, announced by the lb",
    notBuilt: "the edge comes with tier 4",
  },
  autoscale: {
    kind: "table",
    optional: true,
    rows: autoscaleRows,
    doc: "How many app boxes there are, decided by the lb",
    notBuilt: "the auto-scaler comes with tier 4",
  },
} as const satisfies Rows;

/** The typed tree that `load` makes. Sections of roles that nothing describes are absent. */
export interface Config extends Values<typeof configRows> {}

/** The roles a box can have, which are the sections it can read as its own. */
export const roleNames = ["app", "pool", "lb", "router"] as const;
export type RoleName = (typeof roleNames)[number];

/** [admin], or what [ROLE.admin] puts in its place. */
export function adminOf(config: Config, role: RoleName): Config["admin"] {
  return config[role]?.admin ?? config.admin;
}
