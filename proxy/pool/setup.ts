/**
 * What the pool role is told: the configuration as plain data that can be sent to a worker. `src/setup/pool.ts` makes it,
 * and for the pool of a box's front the setup of the app does.
 */
import type { Address } from "../base/address.ts";
import type { ClusterSetup } from "../cluster/setup.ts";

export interface PoolSetup {
  /** Of this executable, for SHOW VERSION. */
  readonly version: string;
  /** TCP addresses, and unix sockets by the path of the socket itself. */
  readonly sockets: readonly Address[];
  readonly workers: number;
  readonly clientsMax: number;
  readonly loginTimeoutMs: number;
  /** How long a client waits for a link; 0 is for ever. */
  readonly waitTimeoutMs: number;
  /** How many statements a client may have prepared, and a link may hold. */
  readonly preparedStatementsMax: number;
  readonly tls?: PoolTls;
  /**
   * "password": everyone shows one. "peer": over a unix socket our own uid need not. "trust": nobody needs to.
   */
  readonly auth: "password" | "peer" | "trust";
  /** The uid that this box runs as. */
  readonly ownUid: number;
  /** Who may log in and by which stored secret; without any, the user of each store. */
  readonly users: Readonly<Record<string, string>>;
  /** Who may say PAUSE, RESUME and RELOAD, and who may only look; our own uid over a unix socket always may. */
  readonly adminUsers: readonly string[];
  readonly statsUsers: readonly string[];
  /** 32 bytes in base64 that nobody else knows, the same in all workers: what unknown users are shown is made of it. */
  readonly mockSecret: string;
  readonly databases: Readonly<Record<string, DatabaseSetup>>;
  /** Where its unix sockets stand, for SHOW CONFIG. */
  readonly unixFolder?: string;
}

export interface PoolTls {
  /** PEM texts. */
  readonly cert: string;
  readonly key: string;
  /** Whether clients without TLS are refused. */
  readonly required: boolean;
}

export interface DatabaseSetup {
  readonly mode: "transaction" | "session";
  /** What becomes of what only a session can hold: its link is kept for the client, or it is refused. */
  readonly sessionState: "pin" | "refuse";
  /** Most server connections, over all users and workers of the box. */
  readonly size: number;
  /** When an unused link is closed; 0 is never. */
  readonly idleTimeoutMs: number;
  readonly cluster: ClusterSetup;
}
