/**
 * A Postgres cluster as plain data: which server has the primary, and how one logs in there. Made of a store's URL by
 * `src/setup`, sent to every worker.
 */
import type { Address } from "../base/address.ts";
import type { SslMode } from "../pgconn/server-target.ts";

export interface ServerSetup {
  readonly address: Address;
  readonly database: string;
  readonly user: string;
  /** Absent where the server trusts us. */
  readonly password?: string;
  readonly sslMode: SslMode;
  /** PEM texts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** What every link says of itself at its start: `application_name`, `options`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly connectTimeoutMs: number;
}

export interface ClusterSetup {
  /** The name of the store. */
  readonly name: string;
  readonly primary: ServerSetup;
}
