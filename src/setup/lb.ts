/**
 * What the lb role is told, made of the configuration: addresses are parsed, certificates are read, every route leads to an
 * upstream. Made in the keeper, at the start and at every reload.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Address, parseAddress } from "../../proxy/base/address.ts";
import type { LbOptions } from "../../proxy/lb/options.ts";
import type {
  CheckSetup,
  LbSetup,
  ListenerSetup,
  ListenerTls,
  RouteSetup,
  ServerTls,
  UpstreamSetup,
} from "../../proxy/lb/setup.ts";
import { tlsFlaw } from "../../proxy/net/bun-tls.ts";
import { Problem } from "../problem/problem.ts";

/** What of the configuration the lb reads. */
export interface LbConfig {
  readonly lb?: LbOptions | undefined;
}

type UpstreamOptions = LbOptions["upstreams"][string];

/** Throws a Problem when [lb] is not there, names what there is not, or its certificates cannot be used. */
export function makeSetup({ lb }: LbConfig): LbSetup {
  if (lb === undefined) throw noRoute("there is no [lb]");
  const names = Object.keys(lb.upstreams);
  if (names.length === 0) throw noRoute("[lb.upstreams] is empty");
  return {
    workers: lb.workers === "auto" ? availableParallelism() : Number(lb.workers),
    clientsMax: lb.clientsMax,
    listeners: lb.listen.map((listen) => listenerOf(listen, names)),
    upstreams: Object.entries(lb.upstreams).map(([name, upstream]) => upstreamOf(name, upstream)),
    routes: routesOf(lb, names),
    timeouts: { headMs: lb.headTimeoutMs, idleMs: lb.idleTimeoutMs, requestMs: lb.requestTimeoutMs },
    forwarding: "edge",
  };
}

function listenerOf(
  { address, mode, upstream, tls }: LbOptions["listen"][number],
  names: readonly string[],
): ListenerSetup {
  const target = upstream ?? (names.length === 1 ? names[0] : undefined);
  if (mode === "tcp" && target === undefined) {
    throw noRoute(
      `lb.listen "${address}" has mode "tcp", and it does not say which of ${names.length} upstreams it is for`,
    );
  }
  if (target !== undefined && !names.includes(target)) {
    throw noRoute(`lb.listen "${address}" names [lb.upstreams.${target}], which there is not`);
  }
  return {
    address: addressOf(address),
    mode,
    ...(mode === "tcp" && target !== undefined ? { upstream: target } : {}),
    ...(tls === undefined ? {} : { tls: listenerTls(address, tls) }),
  };
}

function routesOf({ routes }: LbOptions, names: readonly string[]): readonly RouteSetup[] {
  if (routes.length === 0) {
    const [only, ...others] = names;
    if (only === undefined || others.length > 0)
      throw noRoute(`there are ${names.length} upstreams and no [[lb.routes]]`);
    return [{ path: "/", upstream: only }];
  }
  return routes.map(({ host, path, upstream }) => {
    if (!names.includes(upstream)) throw noRoute(`a route names [lb.upstreams.${upstream}], which there is not`);
    return { path, upstream, ...(host === undefined ? {} : { host: host.toLowerCase() }) };
  });
}

function upstreamOf(name: string, upstream: UpstreamOptions): UpstreamSetup {
  const { servers, balance, connectTimeoutMs, queueMax, health } = upstream;
  return {
    name,
    servers: servers.map(({ address, weight }) => ({ key: address, address: addressOf(address), weight })),
    balance,
    check: checkOf(health),
    connectTimeoutMs,
    queueMax,
    ...(upstream.tls ? { tls: serverTls(name, upstream) } : {}),
  };
}

function checkOf({ path, intervalMs, timeoutMs, rise, fall }: UpstreamOptions["health"]): CheckSetup {
  return { intervalMs, timeoutMs, rise, fall, ...(path === undefined ? {} : { path }) };
}

function serverTls(name: string, { verify, ca }: UpstreamOptions): ServerTls {
  if (ca === undefined) return { verify };
  const text = pemOf(`lb.upstreams.${name}.ca`, ca);
  const flaw = tlsFlaw({ verify: "chain", ca: text });
  if (flaw !== undefined) throw badTls(`lb.upstreams.${name}.ca`, flaw);
  return { verify, ca: text };
}

function listenerTls(address: string, tls: { readonly cert: string; readonly key: string }): ListenerTls {
  const where = `the certificate of lb.listen "${address}"`;
  const cert = pemOf(where, tls.cert);
  const key = pemOf(where, tls.key);
  const flaw = tlsFlaw({ cert, key, verify: "none" });
  if (flaw !== undefined) throw badTls(where, flaw);
  return { cert, key };
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (typeof address === "string") throw noRoute(`"${text}" is no address: ${address}`);
  return address;
}

/** A path, or the content itself. */
function pemOf(where: string, text: string): string {
  if (text.startsWith("-----BEGIN")) return text;
  try {
    return readFileSync(text, "utf8");
  } catch (error) {
    throw badTls(where, error instanceof Error ? error.message : String(error));
  }
}

function noRoute(why: string): Problem {
  return new Problem("CONFIG_UNKNOWN_UPSTREAM", { what: `Cannot balance: ${why}` });
}

function badTls(where: string, why: string): Problem {
  return new Problem("CONFIG_TLS_FILE", { what: `Cannot use ${where}: ${why}` });
}
