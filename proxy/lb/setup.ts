/**
 * What the lb role is told: the configuration boiled down to plain data that can be sent to a worker. Addresses are parsed,
 * certificates are texts, every name leads to something. Who makes it of a file is `src/setup/lb.ts`; the app's front makes
 * its own.
 */
import type { Address } from "../base/address.ts";
import type { BalanceName } from "../upstream/balance.ts";
import type { Listed } from "../upstream/target.ts";

export interface LbSetup {
  readonly workers: number;
  /** Most connections of clients of the whole box; each worker has its share. */
  readonly clientsMax: number;
  readonly listeners: readonly ListenerSetup[];
  readonly upstreams: readonly UpstreamSetup[];
  readonly routes: readonly RouteSetup[];
  readonly timeouts: LbTimeouts;
  /**
   * "edge": X-Forwarded-* and X-Request-Id are ours. "front": they pass as they came, and X-Scale-Client tells the worker
   * behind us who the client is.
   */
  readonly forwarding: "edge" | "front";
}

export interface ListenerSetup {
  readonly address: Address;
  readonly mode: "http" | "tcp";
  /** Where mode "tcp" sends connections. */
  readonly upstream?: string;
  readonly tls?: ListenerTls;
}

/** PEM texts; the chain stands leaf first. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
}

export interface UpstreamSetup {
  readonly name: string;
  /** "pushed": the keeper tells who they are, by the topic `targets`. */
  readonly servers: readonly Listed[] | "pushed";
  readonly balance: BalanceName;
  /** Absent where nobody checks: the keeper knows, or connects tell. */
  readonly check?: CheckSetup;
  /** How servers are spoken to in TLS; absent means that they are not. */
  readonly tls?: ServerTls;
  readonly connectTimeoutMs: number;
  readonly queueMax: number;
}

export interface ServerTls {
  /** "name": a certificate of a trusted authority for the server's name; "none" encrypts only. */
  readonly verify: "name" | "none";
  /** PEM text of whom we trust; the runtime's list of authorities when absent. */
  readonly ca?: string;
}

export interface CheckSetup {
  /** Asked for by GET; a TCP connect is the check when absent. */
  readonly path?: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

export interface RouteSetup {
  /** In lower case; "*.example" is all below it, absent is any. */
  readonly host?: string;
  /** The beginning of the path, up to a "/" or the end. */
  readonly path: string;
  readonly upstream: string;
}

export interface LbTimeouts {
  /** A TLS handshake, and a whole head from its first byte on. */
  readonly headMs: number;
  /** A connection of a client without a request. */
  readonly idleMs: number;
  /** How long a server, or a client that has to send or take something, may be silent in an exchange; 0 is for ever. */
  readonly requestMs: number;
}
