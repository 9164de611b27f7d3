/**
 * What becomes of the options with which a program calls Bun.serve: bound where `app.listen` says, limits that fit a
 * server which streams, and every handler wrapped so that a request is seen when it begins. What the program answers is
 * not touched, but for `Connection: close` while the process drains.
 */
import type { ServerWebSocket, SocketAddress } from "bun";
import type { Address } from "../../proxy/base/address.ts";
import { showClient, takeClient } from "./client-address.ts";
import { takeNodeClient } from "./node-clients.ts";

/** As much of the options as matters here; node:http calls with `onNodeHTTPRequest` and without `fetch`. */
export interface ServeOptions {
  readonly [name: string]: unknown;
  readonly port?: unknown;
  readonly hostname?: unknown;
  readonly unix?: unknown;
  readonly tls?: unknown;
  readonly idleTimeout?: unknown;
  readonly fetch?: unknown;
  readonly routes?: unknown;
  readonly websocket?: unknown;
  readonly onNodeHTTPRequest?: unknown;
}

export interface Watch {
  /** A request begins; `url` is a path or a whole URL. */
  seen(method: string, url: string): void;
  draining(): boolean;
  /** The open WebSockets of Bun.serve, kept here. */
  readonly sockets: Set<ServerWebSocket<unknown>>;
  /** Behind the front, which says of each request who sent it. */
  readonly front?: Front;
}

export interface Front {
  /** Where the program believes to be reached. */
  readonly local: SocketAddress | undefined;
  /** Who sent the request that is being upgraded just now. */
  upgrading: SocketAddress | undefined;
}

/**
 * How long a connection may be silent, if the program does not say: the most that Bun.serve takes. Its own default of 10
 * seconds would cut off slow handlers and quiet event streams.
 */
const IDLE_TIMEOUT_SECONDS = 255;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]);

type Handler = (this: unknown, ...args: never[]) => unknown;

export function boundOptions(options: ServeOptions, at: Address, watch: Watch): ServeOptions {
  const { unix: _unix, port: _port, hostname: _hostname, ...rest } = wrapped(options, watch);
  const place = at.path === undefined ? { hostname: at.host, port: at.port, reusePort: true } : { unix: at.path };
  const idleTimeout = options.idleTimeout ?? IDLE_TIMEOUT_SECONDS;
  return { ...rest, ...place, ...(isNode(options) ? {} : { idleTimeout }) };
}

/** The handlers alone; for `server.reload`. */
export function wrapped(options: ServeOptions, watch: Watch): ServeOptions {
  const { fetch, routes, websocket, onNodeHTTPRequest } = options;
  return {
    ...options,
    ...(isHandler(onNodeHTTPRequest) ? { onNodeHTTPRequest: nodeHandler(onNodeHTTPRequest, watch) } : {}),
    ...(isHandler(fetch) ? { fetch: fetchHandler(fetch, watch) } : {}),
    ...(isObject(routes) ? { routes: routeTable(routes, watch) } : {}),
    ...(isObject(websocket) ? { websocket: webSocketHandlers(websocket, watch) } : {}),
  };
}

export function isNode(options: ServeOptions): boolean {
  return options.onNodeHTTPRequest !== undefined;
}

function fetchHandler(handler: Handler, watch: Watch): Handler {
  return function (this: unknown, ...args: never[]) {
    const request = args[0] as unknown as Request;
    watch.seen(request.method, request.url);
    if (watch.front !== undefined) takeClient(request);
    const answer = handler.apply(this, args);
    return watch.draining() ? lastAnswer(answer) : answer;
  };
}

/**
 * node:http hands itself (server, url, method, bits, head, has body, connection, …) for each request; the server's own code
 * answers.
 */
function nodeHandler(handler: Handler, watch: Watch): Handler {
  return function (this: unknown, ...args: never[]) {
    watch.seen(String(args[2]), String(args[1]));
    if (watch.front !== undefined) takeNodeClient(args[4] as never, args[6] as never, watch.front.local);
    return handler.apply(this, args);
  };
}

function routeTable(routes: Readonly<Record<string, unknown>>, watch: Watch): Record<string, unknown> {
  return Object.fromEntries(Object.entries(routes).map(([path, route]) => [path, routeOf(route, watch)]));
}

function routeOf(route: unknown, watch: Watch): unknown {
  if (isHandler(route)) return fetchHandler(route, watch);
  if (!isMethodTable(route)) return route;
  return Object.fromEntries(Object.entries(route).map(([method, answer]) => [method, routeOf(answer, watch)]));
}

/** And not a Response, which has no names of its own, or an HTML file. */
function isMethodTable(route: unknown): route is Readonly<Record<string, unknown>> {
  if (!isObject(route)) return false;
  const names = Object.keys(route);
  return names.length > 0 && names.every((name) => METHODS.has(name));
}

function webSocketHandlers(handlers: Readonly<Record<string, unknown>>, watch: Watch): Record<string, unknown> {
  const { open, close } = handlers;
  return {
    ...handlers,
    open(this: unknown, socket: ServerWebSocket<unknown>) {
      watch.sockets.add(socket);
      const from = watch.front?.upgrading;
      if (from !== undefined) showClient(socket, from);
      return isHandler(open) ? open.call(this, socket as never) : undefined;
    },
    close(this: unknown, socket: ServerWebSocket<unknown>, ...rest: never[]) {
      watch.sockets.delete(socket);
      return isHandler(close) ? close.call(this, socket as never, ...rest) : undefined;
    },
  };
}

/** The client is told that its connection ends with this answer, unless the answer's headers cannot be changed. */
async function lastAnswer(pending: unknown): Promise<unknown> {
  const answer = await pending;
  if (!(answer instanceof Response)) return answer;
  try {
    answer.headers.set("Connection", "close");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return answer;
}

function isHandler(value: unknown): value is Handler {
  return typeof value === "function";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
