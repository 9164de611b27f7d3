/**
 * What a program asked for when it listened, and what it is shown of it. The program is served at the address of
 * `app.listen`, wherever that is; `server.port`, `server.url` and `address()` of node:http answer what was asked, so that
 * a program which builds links out of them, or checks them, is right at every tier.
 */
import type { Server } from "bun";
import type { ServeOptions } from "./serve-options.ts";

export interface Asked {
  /** 0 when any port would do; absent for a unix socket. */
  readonly port?: number;
  readonly hostname?: string;
  readonly path?: string;
  readonly tls: boolean;
}

/** What Bun.serve takes when nobody says. */
const PORT_DEFAULT = 3_000;

export function askedOf(options: ServeOptions, env: Readonly<Record<string, string | undefined>>): Asked {
  const tls = options.tls !== undefined && options.tls !== null;
  if (typeof options.unix === "string") return { path: options.unix, tls };
  const port = Number(options.port ?? env["BUN_PORT"] ?? env["PORT"] ?? env["NODE_PORT"] ?? PORT_DEFAULT);
  return { port, tls, ...(typeof options.hostname === "string" ? { hostname: options.hostname } : {}) };
}

/** `port` stands for a port that was asked for as 0. */
export function showAsked(server: Server<unknown>, asked: Asked, port: number): void {
  const shown = asked.path === undefined ? showPort(asked, asked.port || port) : showPath(asked.path);
  for (const [name, value] of Object.entries(shown)) {
    Object.defineProperty(server, name, { value, configurable: true, enumerable: true });
  }
}

function showPort(asked: Asked, port: number): object {
  const hostname = asked.hostname ?? "localhost";
  const literal = asked.hostname ?? "::";
  const inUrl = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    port,
    hostname,
    address: { address: literal, family: literal.includes(":") ? "IPv6" : "IPv4", port },
    url: new URL(`${asked.tls ? "https" : "http"}://${inUrl}:${port}/`),
  };
}

function showPath(path: string): object {
  return { port: undefined, hostname: undefined, address: path, url: new URL(`unix://${path}`) };
}
