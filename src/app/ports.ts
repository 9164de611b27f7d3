/**
 * Where a program listens: wherever it says, it is served at the address of `app.listen`, once. Bun.serve is replaced
 * by ours; node:http (Express, Fastify, …), which calls Bun.serve, comes by the same door. Raw sockets (node:net,
 * node:http2) do not, and are left alone.
 * Invariant: at most one server of the program is open at any time.
 */
import { renameSync, statSync, unlinkSync } from "node:fs";
import http from "node:http";
import type { Server, ServerWebSocket, SocketAddress } from "bun";
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import { Problem } from "../problem/problem.ts";
import { type Asked, askedOf, showAsked } from "./asked.ts";
import { clientOf } from "./client-address.ts";
import { boundOptions, type Front, isNode, type ServeOptions, type Watch, wrapped } from "./serve-options.ts";
import { NodeSockets } from "./node-sockets.ts";
import { placeOf, userFrames } from "./trace.ts";

export interface PortsParts {
  /** Where the program really listens. */
  readonly at: Address;
  /** Behind the front: where clients reach it, and what the program is shown. */
  readonly front?: Address;
  readonly clock: Clock;
  /** A request begins. */
  seen(method: string, url: string): void;
  /** The program listened where it may not, or the address cannot be had; it is also thrown into the program. */
  refused(problem: Problem): void;
  /** The program closed its server by itself, and has no other. */
  closed(): void;
}

interface Open {
  readonly server: Server<unknown>;
  /** Where clients find it; 0 on a unix socket. */
  readonly port: number;
  readonly asked: Asked;
  /** The stack of the call that listened. */
  readonly stack: string;
  /** Listened by us for the program's default export: the program's own call takes its place. */
  readonly provisional: boolean;
}

type Serve = (options: ServeOptions) => Server<unknown>;
type Listen = typeof http.Server.prototype.listen;

/** WebSocket close code "going away", RFC 6455 section 7.4.1. */
const GOING_AWAY = 1_001;
const LOOK_MS = 10;
/** How long before the deadline WebSockets are told, so that they can answer: at most, and as a share of it. */
const GOODBYE_MS_MAX = 1_000;
const GOODBYE_SHARE = 0.5;

export class Ports {
  /** Resolves with the first server that the program has. */
  readonly listening: Promise<void>;
  readonly sockets = new Set<ServerWebSocket<unknown>>();
  readonly #parts: PortsParts;
  readonly #realServe = Bun.serve as unknown as Serve;
  readonly #realListen: Listen = http.Server.prototype.listen;
  readonly #nodeServers = new Set<http.Server>();
  readonly #nodeSockets = new NodeSockets();
  readonly #hasListened: () => void;
  /** The node:http server whose `listen` is being called just now. */
  #listener: http.Server | undefined;
  #open: Open | undefined;
  readonly #watch: Watch;
  #draining = false;
  #drained = false;
  #provisional = false;
  #opened = 0;

  constructor(parts: PortsParts) {
    this.#parts = parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.listening = promise;
    this.#hasListened = resolve;
    this.#watch = {
      seen: parts.seen,
      draining: () => this.#draining,
      sockets: this.sockets,
      ...(parts.front === undefined ? {} : { front: { local: shownBy(parts.front), upgrading: undefined } }),
    };
  }

  install(): void {
    const ports = this;
    replaceServe((options) => this.#serve(options));
    http.Server.prototype.listen = function listen(this: http.Server, ...args: never[]) {
      ports.#listener = this;
      try {
        return Reflect.apply(ports.#realListen, this, args);
      } finally {
        ports.#listener = undefined;
      }
    } as Listen;
  }

  remove(): void {
    replaceServe(this.#realServe);
    http.Server.prototype.listen = this.#realListen;
  }

  /** What `serve` listens with belongs to the program only until it listens by itself. */
  provisionally<T>(serve: () => T): T {
    this.#provisional = true;
    try {
      return serve();
    } finally {
      this.#provisional = false;
    }
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** The port it is really reached on; 0 when there is none. */
  get port(): number {
    return this.#open?.port ?? 0;
  }

  get webSockets(): number {
    return this.sockets.size + this.#nodeSockets.size;
  }

  /** Requests whose response is not sent yet. */
  get inFlight(): number {
    return this.#open?.server.pendingRequests ?? 0;
  }

  /**
   * Accepts nothing new and finishes what there is; resolves when nothing is in flight, or at the deadline. WebSockets end
   * only when they are told to: `goodbye` says when.
   */
  async drain(deadlineMs: number, goodbye: "at once" | "at the end" = "at the end"): Promise<void> {
    this.#draining = true;
    const open = this.#open;
    if (open === undefined) return;
    for (const server of this.#nodeServers) server.prependListener("request", closeAfterwards);
    void open.server.stop();
    const { clock } = this.#parts;
    const until = clock.now() + deadlineMs;
    const goodbyeAt = goodbye === "at once" ? clock.now() : until - goodbyeMs(deadlineMs);
    let said = false;
    let lingersUntil = 0;
    await new Promise<void>((resolve) => {
      const timer = clock.every(LOOK_MS, () => {
        if (!said && clock.now() >= goodbyeAt) {
          said = true;
          // Bun.serve forgets a socket when it is told to close, and not when the client has heard of it.
          if (this.sockets.size > 0) lingersUntil = clock.now() + goodbyeMs(deadlineMs) / 2;
          this.#sayGoodbye();
        }
        const busy = open.server.pendingRequests > 0 || this.webSockets > 0 || clock.now() < lingersUntil;
        if (busy && clock.now() < until) return;
        timer.cancel();
        resolve();
      });
    });
    this.#drained = true;
    for (const server of this.#nodeServers) standInForClose(server);
  }

  /** Cuts off everything. */
  async stop(): Promise<void> {
    this.#draining = true;
    await this.#open?.server.stop(true);
    this.#open = undefined;
  }

  #takeNodeServer(server: http.Server): void {
    if (!this.#nodeServers.has(server)) this.#nodeSockets.watch(server);
    this.#nodeServers.add(server);
  }

  #sayGoodbye(): void {
    this.#nodeSockets.sayGoodbye();
    for (const socket of this.sockets) socket.close(GOING_AWAY, "going away");
  }

  #serve(options: ServeOptions): Server<unknown> {
    const asked = askedOf(options, process.env);
    const stack = new Error("listened").stack ?? "";
    const open = this.#open;
    if (open !== undefined && isSecondFace(open.asked, asked, options)) return this.#closedTwin(options, asked);
    if (open !== undefined && !open.provisional) throw this.#refuse(twice(open, asked, stack));
    if (this.#draining) throw new Error("Cannot listen: the process is stopping");
    if (this.#watch.front !== undefined && asked.tls) throw this.#refuse(tlsBehindFront(stack));
    const server = this.#bind(options);
    this.#guardServer(server);
    if (this.#watch.front !== undefined) this.#showClients(server, this.#watch.front);
    const port = this.#parts.front?.port ?? server.port ?? 0;
    showAsked(server, asked, port);
    this.#open = { server, port, asked, stack, provisional: this.#provisional };
    if (open !== undefined) void open.server.stop();
    if (this.#listener !== undefined) this.#takeNodeServer(this.#listener);
    this.#hasListened();
    return server;
  }

  #bind(options: ServeOptions): Server<unknown> {
    const { at } = this.#parts;
    const watch = this.#watch;
    try {
      if (at.path === undefined) return this.#realServe(boundOptions(options, at, watch));
      // Under a name of its own first: a server unlinks the path it was given when it stops, and by then that may be another's.
      this.#opened += 1;
      const path = `${at.path}.${process.pid}-${this.#opened}`;
      const server = this.#realServe(boundOptions(options, { path }, watch));
      renameSync(path, at.path);
      return server;
    } catch (error) {
      // Anything but the system's refusal is about the program's own options, and for the program to hear.
      throw isRefusal(error) ? this.#refuse(bindProblem(error, at)) : error;
    }
  }

  /** The program's own `stop` and `reload` go through us, so that we know what is open and go on seeing requests. */
  #guardServer(server: Server<unknown>): void {
    const stop = server.stop.bind(server);
    const reload = server.reload.bind(server);
    const { at } = this.#parts;
    const inode = at.path === undefined ? undefined : inodeOf(at.path);
    Object.defineProperty(server, "stop", {
      configurable: true,
      value: (force?: boolean) => {
        if (at.path !== undefined && inode !== undefined && inodeOf(at.path) === inode) unlinkSync(at.path);
        this.#gone(server);
        const stopped = stop(force);
        // What was in flight is done: a program that says goodbye does not wait for connections that have nothing to say.
        return this.#drained ? Promise.resolve() : stopped;
      },
    });
    Object.defineProperty(server, "reload", {
      configurable: true,
      value: (options: ServeOptions) => {
        return reload(wrapped(options, this.#watch) as unknown as Parameters<typeof reload>[0]);
      },
    });
  }

  /** Who asks is not who holds the connection: the front does. */
  #showClients(server: Server<unknown>, front: Front): void {
    const requestIP = server.requestIP.bind(server);
    const upgrade = server.upgrade.bind(server) as (...args: unknown[]) => boolean;
    Object.defineProperty(server, "requestIP", {
      configurable: true,
      value: (request: Request) => clientOf(request) ?? requestIP(request),
    });
    Object.defineProperty(server, "upgrade", {
      configurable: true,
      value: (request: Request, ...rest: unknown[]) => {
        front.upgrading = clientOf(request);
        try {
          return upgrade(request, ...rest);
        } finally {
          front.upgrading = undefined;
        }
      },
    });
  }

  #gone(server: Server<unknown>): void {
    if (this.#draining || this.#open?.server !== server) return;
    this.#open = undefined;
    this.#parts.closed();
  }

  /** Some frameworks open one server for each address of `localhost`. The second is there, and reached by nobody. */
  #closedTwin(options: ServeOptions, asked: Asked): Server<unknown> {
    const twin = this.#realServe({ ...options, unix: undefined, hostname: "127.0.0.1", port: 0 });
    void twin.stop();
    if (this.#listener !== undefined) standInForClose(this.#listener);
    showAsked(twin, asked, asked.port ?? 0);
    return twin;
  }

  #refuse(problem: Problem): Problem {
    this.#parts.refused(problem);
    return problem;
  }
}

function shownBy(front: Address): SocketAddress | undefined {
  if (front.path !== undefined) return undefined;
  return { address: front.host, family: front.host.includes(":") ? "IPv6" : "IPv4", port: front.port };
}

function replaceServe(serve: Serve): void {
  (Bun as unknown as { serve: Serve }).serve = serve;
}

function isSecondFace(open: Asked, asked: Asked, options: ServeOptions): boolean {
  if (!isNode(options) || asked.port === undefined || asked.port === 0) return false;
  return asked.port === open.port && asked.hostname !== open.hostname;
}

function goodbyeMs(deadlineMs: number): number {
  return Math.min(GOODBYE_MS_MAX, deadlineMs * GOODBYE_SHARE);
}

function closeAfterwards(_request: http.IncomingMessage, response: http.ServerResponse): void {
  response.setHeader("Connection", "close");
}

/** `close` of node:http never calls back once its Bun.serve has been stopped by another: then it is closed, and says so. */
function standInForClose(server: http.Server): void {
  let closed = false;
  server.close = function close(this: http.Server, done?: (error?: Error) => void) {
    const error = Object.assign(new Error("Server is not running."), { code: "ERR_SERVER_NOT_RUNNING" });
    setImmediate(() => {
      if (closed) return done?.(error);
      closed = true;
      this.emit("close");
      return done?.();
    });
    return this;
  };
}

function twice(first: Open, asked: Asked, stack: string): Problem {
  const [here] = userFrames(stack);
  const [there] = userFrames(first.stack);
  return new Problem("APP_LISTENS_TWICE", {
    what: `Cannot listen ${askedText(asked)}: the program already listens ${askedText(first.asked)}`,
    ...(here === undefined ? {} : { where: placeOf(here) }),
    ...(there === undefined ? {} : { why: `It listened first at ${there.file}:${there.line}:${there.column}` }),
    fix: "Let the program have one server, or run the other one as a box of its own",
  });
}

function tlsBehindFront(stack: string): Problem {
  const [here] = userFrames(stack);
  return new Problem("APP_TLS_BEHIND_FRONT", {
    what: "Cannot serve TLS with several workers: the balancer before them does not have the program's certificate",
    ...(here === undefined ? {} : { where: placeOf(here) }),
    fix: "Serve plain HTTP and give the certificate to an [lb] before it, or run it with workers = 1",
  });
}

function askedText(asked: Asked): string {
  return asked.path === undefined ? `on port ${asked.port}` : `at "${asked.path}"`;
}

export function bindProblem(error: unknown, at: Address): Problem {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const address = formatAddress(at);
  if (code === "EADDRINUSE") {
    return new Problem("APP_PORT_IN_USE", {
      what: `Cannot listen at "${address}": another process does`,
      fix: "Stop it (`ss -ltnp` shows it), or choose another address with --listen or app.listen",
    });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new Problem("APP_CANNOT_BIND", { what: `Cannot listen at "${address}": ${reason}` });
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && /^E[A-Z]+$/.test(error.code);
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
