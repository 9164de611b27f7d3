/**
 * The names of everything in a home of data, for one server of a cluster. Node 0 is the one that was made first, the
 * others are copies; which of them is the primary now stands in the cluster's file (`ledger.ts`).
 */
import { join } from "node:path";

/** sun_path of unix(7) with its closing zero is 108 bytes. */
const SOCKET_PATH_MAX = 107;

export interface NodePaths {
  /** `main`, `main.1`, …: the name in messages and of the data folder. */
  readonly name: string;
  readonly data: string;
  readonly config: string;
  readonly log: string;
}

export interface HomePaths {
  readonly password: string;
  readonly access: string;
  /** For libpq in a replica; the password again, owned by Postgres' user. */
  readonly passfile: string;
  readonly lock: string;
  readonly ledger: string;
  readonly sockets: string;
}

export function nodePaths(home: string, cluster: string, index: number): NodePaths {
  const name = index === 0 ? cluster : `${cluster}.${index}`;
  const data = join(home, name);
  return { name, data, config: `${data}.conf`, log: `${data}.log` };
}

export function homePaths(home: string, cluster: string): HomePaths {
  return {
    password: join(home, "password"),
    access: join(home, "pg_hba.conf"),
    passfile: join(home, `${cluster}.passfile`),
    lock: join(home, `${cluster}.lock`),
    ledger: join(home, `${cluster}.json`),
    sockets: join(home, "run"),
  };
}

/** The unix socket of a server, or `undefined` when the kernel or Postgres' list syntax cannot name it. */
export function socketPath(sockets: string, port: number): string | undefined {
  const path = join(sockets, `.s.PGSQL.${port}`);
  return Buffer.byteLength(path) <= SOCKET_PATH_MAX && !/[",]/.test(path) ? path : undefined;
}
