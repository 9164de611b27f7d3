/**
 * What stands with an app of several workers: an lb before them, which takes over the address of the app, and one pool
 * behind them for the database they share. Both are ordinary crews of their roles, with options that no file says: the lb
 * is transparent, and knows its servers by what the keeper tells it.
 */
import type { Address } from "../../proxy/base/address.ts";
import type { ServerSetup } from "../../proxy/cluster/setup.ts";
import type { LbSetup } from "../../proxy/lb/setup.ts";
import type { PoolSetup } from "../../proxy/pool/setup.ts";
import type { BoxSecrets, CrewWish } from "../run/plan.ts";
import { VERSION } from "../run/version.ts";
import { workersFor } from "./pool.ts";

export interface FrontOrder {
  /** Where clients reach the app. */
  readonly listen: Address;
  /** How many workers run the program. */
  readonly workers: number;
  readonly box: Pick<BoxSecrets, "folder" | "password">;
  /** Absent when the program has no database, or one that it dials by itself. */
  readonly database?: SharedDatabase;
}

export interface SharedDatabase {
  /** The name of the store. */
  readonly store: string;
  readonly server: ServerSetup;
  /** What clients of the pool show over TCP. */
  readonly password: string;
  /** Most connections to it, of the whole box. */
  readonly size: number;
}

const UPSTREAM = "app";
/** A worker of the lb carries what two of a program answer. */
const PROGRAMS_PER_LB = 2;
const LB_CLIENTS_MAX = 65_536;
/** How many requests wait while every worker is just being replaced. */
const QUEUE_MAX = 4_096;
/** On the same machine a connect is taken at once, or nobody is there. */
const CONNECT_TIMEOUT_MS = 2_000;
const HEAD_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 75_000;
/** The program decides how long it is silent, as it does without a front. */
const SILENCE_MS = 0;

const SOCKET_NAME = ".s.PGSQL.6432";
const POOL_CLIENTS_MAX = 10_000;
const LOGIN_TIMEOUT_MS = 15_000;
const WAIT_TIMEOUT_MS = 30_000;
const LINK_IDLE_TIMEOUT_MS = 600_000;
const PREPARED_STATEMENTS_MAX = 200;

/** The crews beside the app's own. */
export function frontCrews(order: FrontOrder): readonly CrewWish[] {
  const { database } = order;
  const lb: CrewWish = { role: "lb", options: lbOf(order) };
  return database === undefined ? [lb] : [lb, { role: "pool", options: poolOf(database, order.box) }];
}

/** Where `db` finds the pool of its box. */
export function poolSocketPath({ folder }: Pick<BoxSecrets, "folder">): string {
  return `${folder}/${SOCKET_NAME}`;
}

function lbOf({ listen, workers }: FrontOrder): LbSetup {
  return {
    workers: Math.max(1, Math.ceil(workers / PROGRAMS_PER_LB)),
    clientsMax: LB_CLIENTS_MAX,
    listeners: [{ address: listen, mode: "http" }],
    upstreams: [
      {
        name: UPSTREAM,
        servers: "pushed",
        balance: "least",
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        queueMax: QUEUE_MAX,
      },
    ],
    routes: [{ path: "/", upstream: UPSTREAM }],
    timeouts: { headMs: HEAD_TIMEOUT_MS, idleMs: IDLE_TIMEOUT_MS, requestMs: SILENCE_MS },
    forwarding: "front",
  };
}

function poolOf({ store, server, password, size }: SharedDatabase, box: FrontOrder["box"]): PoolSetup {
  const databases: PoolSetup["databases"] = {
    [server.database]: {
      mode: "transaction",
      // A program that needs a session keeps its connection: it was not written for a pool.
      sessionState: "pin",
      size,
      idleTimeoutMs: LINK_IDLE_TIMEOUT_MS,
      cluster: { name: store, primary: server },
    },
  };
  return {
    version: VERSION,
    sockets: [{ path: poolSocketPath(box) }, { host: "127.0.0.1", port: 0 }],
    workers: workersFor(databases),
    clientsMax: POOL_CLIENTS_MAX,
    loginTimeoutMs: LOGIN_TIMEOUT_MS,
    waitTimeoutMs: WAIT_TIMEOUT_MS,
    preparedStatementsMax: PREPARED_STATEMENTS_MAX,
    auth: "peer",
    ownUid: process.getuid?.() ?? -1,
    users: { [server.user]: password },
    adminUsers: [],
    statsUsers: [],
    mockSecret: mockSecretOf(box.password),
    databases,
    unixFolder: box.folder,
  };
}

/** Of the box's own secret, so that all its workers, before and after a reload, have the same. */
function mockSecretOf(password: string): string {
  return new Bun.CryptoHasher("sha256").update(`mock ${password}`).digest("base64");
}
