/**
 * A database on a server, as its links dial it: where it is, what it is called there, and how TLS is spoken with it. Data
 * only; who logs in is `server-login.ts`.
 * Spec: libpq documentation, "SSL Support", for what each mode promises.
 */
import type { Address } from "../base/address.ts";
import type { TlsContext } from "../net/wire.ts";

/** As libpq has them; "allow" is not among them, because it speaks in the clear first. */
export const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;

export type SslMode = (typeof SSL_MODES)[number];

export interface ServerTarget {
  readonly address: Address;
  readonly database: string;
  readonly tls: ServerTls;
}

/** "may" and "must" be encrypted; a unix socket never is. */
export type ServerTls = { readonly wish: "never" } | { readonly wish: "may" | "must"; readonly context: TlsContext };

export interface ServerTlsOptions {
  /** PEM texts. `rootCert` is the runtime's list of authorities when absent. */
  readonly rootCert?: string;
  readonly cert?: string;
  readonly key?: string;
}

export function serverTls(mode: SslMode, address: Address, options: ServerTlsOptions = {}): ServerTls {
  if (mode === "disable" || address.path !== undefined) return { wish: "never" };
  const { rootCert, cert, key } = options;
  const context: TlsContext = {
    verify: verifyOf(mode, rootCert !== undefined),
    ...(isName(address.host) || mode === "verify-full" ? { serverName: address.host } : {}),
    ...(rootCert === undefined ? {} : { ca: rootCert }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  return { wish: mode === "prefer" ? "may" : "must", context };
}

/** As libpq: "require" with a root certificate at hand looks at the chain. */
function verifyOf(mode: SslMode, hasRoot: boolean): TlsContext["verify"] {
  if (mode === "verify-full") return "name";
  return mode === "verify-ca" || (mode === "require" && hasRoot) ? "chain" : "none";
}

/** An address in numbers is no name to ask for (RFC 6066 section 3). */
function isName(host: string): boolean {
  return !host.includes(":") && !/^[0-9.]+$/.test(host);
}
