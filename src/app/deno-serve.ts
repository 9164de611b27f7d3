/**
 * `Deno.serve` on Bun.serve, in every form that Deno takes, and `Deno.upgradeWebSocket`.
 * https://docs.deno.com/api/deno/~/Deno.serve. Not here: `options.cert` and `key` of HTTP/2, `tcpBacklog`.
 */
import type { Server } from "bun";
import { DenoSocket } from "./deno-socket.ts";

export interface ServeInfo {
  readonly remoteAddr: NetAddr;
  /** Resolves when the handler's response has been handed to the server; not, as in Deno, when its last byte is sent. */
  readonly completed: Promise<void>;
}

export interface NetAddr {
  readonly transport: "tcp";
  readonly hostname: string;
  readonly port: number;
}

export type DenoHandler = (request: Request, info: ServeInfo) => Response | Promise<Response>;

export interface DenoServeOptions {
  readonly port?: number;
  readonly hostname?: string;
  /** A unix socket. */
  readonly path?: string;
  readonly signal?: AbortSignal;
  readonly cert?: string;
  readonly key?: string;
  readonly handler?: DenoHandler;
  onListen?(address: NetAddr): void;
  onError?(error: unknown): Response | Promise<Response>;
}

export interface DenoServer {
  readonly finished: Promise<void>;
  readonly addr: NetAddr;
  shutdown(): Promise<void>;
  ref(): void;
  unref(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

const PORT_DEFAULT = 8_000;
const HOST_DEFAULT = "0.0.0.0";

/** Requests that may still be upgraded. */
const upgradable = new WeakSet<Request>();
/** What becomes a WebSocket when the handler answers with that response: not before, so that no message comes too early. */
const upgrades = new WeakMap<Response, DenoSocket>();

export function denoServe(first: DenoServeOptions | DenoHandler, second?: DenoHandler): DenoServer {
  const options = typeof first === "function" ? {} : first;
  const handler = typeof first === "function" ? first : (second ?? options.handler);
  if (typeof handler !== "function") throw new TypeError("Cannot serve: no handler was given to Deno.serve");
  options.signal?.throwIfAborted();
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const server = Bun.serve<DenoSocket>({
    ...placeOf(options),
    // Deno has no limit of its own; the handler decides what it reads.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, from) => answer({ request, from, handler, options }),
    websocket: DenoSocket.handlers,
  } as Parameters<typeof Bun.serve<DenoSocket>>[0]);
  const addr: NetAddr = { transport: "tcp", hostname: options.hostname ?? HOST_DEFAULT, port: server.port ?? 0 };
  const shutdown = async (): Promise<void> => {
    await server.stop();
    finish();
  };
  options.signal?.addEventListener("abort", () => void shutdown(), { once: true });
  tellListening(options, addr);
  return {
    finished,
    addr,
    shutdown,
    ref: () => server.ref(),
    unref: () => server.unref(),
    [Symbol.asyncDispose]: shutdown,
  };
}

export interface Upgrade {
  readonly socket: DenoSocket;
  readonly response: Response;
}

/** `response` must be what the handler answers. */
export function denoUpgrade(request: Request, options: { readonly protocol?: string } = {}): Upgrade {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new TypeError("Cannot upgrade: the request's header Upgrade is not websocket");
  }
  if (!upgradable.delete(request)) {
    throw new TypeError("Cannot upgrade: the request is not one of Deno.serve, or is upgraded already");
  }
  const socket = new DenoSocket(request.url.replace(/^http/, "ws"), options.protocol ?? "");
  const response = new Response(null);
  upgrades.set(response, socket);
  return { socket, response };
}

interface Exchange {
  readonly request: Request;
  readonly from: Server<DenoSocket>;
  readonly handler: DenoHandler;
  readonly options: DenoServeOptions;
}

async function answer({ request, from, handler, options }: Exchange): Promise<Response | undefined> {
  const completed = Promise.withResolvers<void>();
  upgradable.add(request);
  const info: ServeInfo = { remoteAddr: remoteOf(request, from), completed: completed.promise };
  try {
    const response = await handler(request, info);
    if (!(response instanceof Response)) throw new TypeError("Cannot answer: the handler returned no Response");
    const socket = upgrades.get(response);
    return socket === undefined ? response : openSocket(request, from, socket);
  } catch (error) {
    return answerError(error, options);
  } finally {
    completed.resolve();
  }
}

/** Nothing is answered once the connection is a WebSocket. */
function openSocket(request: Request, from: Server<DenoSocket>, socket: DenoSocket): Response | undefined {
  const headers = socket.protocol === "" ? {} : { headers: { "Sec-WebSocket-Protocol": socket.protocol } };
  if (from.upgrade(request, { data: socket, ...headers })) return undefined;
  socket.fail();
  return new Response("Cannot upgrade", { status: 400 });
}

async function answerError(error: unknown, options: DenoServeOptions): Promise<Response> {
  if (options.onError !== undefined) return options.onError(error);
  console.error(error);
  return new Response("Internal Server Error", { status: 500 });
}

function remoteOf(request: Request, from: Server<DenoSocket>): NetAddr {
  const remote = from.requestIP(request);
  return { transport: "tcp", hostname: remote?.address ?? "", port: remote?.port ?? 0 };
}

function placeOf({ path, hostname, port, cert, key }: DenoServeOptions): object {
  if (path !== undefined) return { unix: path };
  const tls = cert === undefined || key === undefined ? {} : { tls: { cert, key } };
  return { hostname: hostname ?? HOST_DEFAULT, port: port ?? PORT_DEFAULT, ...tls };
}

function tellListening(options: DenoServeOptions, addr: NetAddr): void {
  if (options.onListen === undefined) console.error(`Listening on http://${addr.hostname}:${addr.port}/`);
  else options.onListen(addr);
}
