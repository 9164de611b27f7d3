/**
 * The admin listener of a box: health, metrics and status over HTTP, served by its steward. Off the data path, so it is
 * the runtime's HTTP server; nothing a client of the box sends comes near it.
 * Invariant: it cannot take the box down. If its address is taken it says so and tries again; a page that fails is a 500.
 */
import { dirname } from "node:path";
import { formatAddress, type Address } from "../../proxy/base/address.ts";
import type { Clock, Timer } from "../../proxy/base/clock.ts";
import type { Log } from "../../proxy/base/log.ts";
import { Problem } from "../problem/problem.ts";
import { claim } from "../run/claim.ts";
import { ensureRuntimeFolder, runtimeFolder } from "../run/runtime-folder.ts";
import { adminAddress, demandGuard } from "./address.ts";
import { makeGate } from "./gate.ts";
import { type Page, Pages } from "./pages.ts";
import type { AdminView } from "./view.ts";

export interface AdminOptions {
  /** `host:port` or `unix:PATH`; `defaultAdminAddress` when a person has said nothing. */
  readonly listen: string;
  /** Not asked for on a unix socket, which only our own user can open. */
  readonly token?: string | undefined;
}

export interface AdminSeams {
  readonly view: AdminView;
  readonly clock: Clock;
  readonly log: Log;
}

const RETRY_MS = 1_000;
/** What answers under way get when it stops. */
const STOP_MS = 500;
const IDLE_SECONDS_MAX = 10;
/** How long a command may take, such as to start workers. */
const COMMAND_SECONDS_MAX = 120;
/** Requests being answered at once; a caller beyond that is asked to come again. */
const REQUESTS_MAX = 64;
const SOCKET_UMASK = 0o177;

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
};

export class Admin {
  readonly #seams: AdminSeams;
  readonly #gate: ReturnType<typeof makeGate>;
  readonly #pages: Pages;
  #address: Address;
  #server: Bun.Server<undefined> | undefined;
  #retry: Timer | undefined;
  #stopped = false;
  #answering = 0;

  /** Throws when the options must not be obeyed: an address that others reach, without a token. */
  constructor(options: AdminOptions, seams: AdminSeams) {
    this.#address = adminAddress(options.listen);
    demandGuard(this.#address, options.token);
    this.#seams = seams;
    this.#gate = makeGate(this.#address, options.token);
    this.#pages = new Pages(seams.view, seams.clock);
  }

  /** With the port that the kernel chose, once it listens. */
  get address(): string {
    return formatAddress(this.#address);
  }

  get listening(): boolean {
    return this.#server !== undefined;
  }

  /**
   * Resolves when it listens, or with the reason why it does not yet: then it goes on trying until it does or is stopped.
   * Never rejects. `awaited`: the address is known to be another's for a moment still.
   */
  async start(awaited = false): Promise<Problem | undefined> {
    try {
      await this.#listen();
      return undefined;
    } catch (error) {
      const problem = error instanceof Problem ? error : cannotListen(this.address, error);
      this.#seams.log[awaited ? "info" : "warn"]("admin_not_listening", {
        address: this.address,
        code: problem.code,
        reason: problem.message,
      });
      this.#tryAgain();
      return problem;
    }
  }

  /** Who had the address may just have left it. */
  again(): void {
    if (this.listening || this.#stopped) return;
    this.#retry?.cancel();
    void this.start();
  }

  /** Frees the address at once; answers under way get a moment. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#retry?.cancel();
    const server = this.#server;
    this.#server = undefined;
    if (this.#answering > 0) {
      const moment = Promise.withResolvers<void>();
      const timer = this.#seams.clock.after(STOP_MS, moment.resolve);
      await Promise.race([server?.stop(), moment.promise]);
      timer.cancel();
    }
    await server?.stop(true);
  }

  #tryAgain(): void {
    if (this.#stopped) return;
    this.#retry = this.#seams.clock.after(RETRY_MS, () => {
      this.#listen().then(
        () => this.#seams.log.info("admin_listening", { address: this.address }),
        () => this.#tryAgain(),
      );
    });
  }

  async #listen(): Promise<void> {
    const address = this.#address;
    if (address.path === undefined) {
      const server = this.#serve({ hostname: address.host, port: address.port });
      this.#address = { host: address.host, port: server.port ?? address.port };
      return;
    }
    const { path } = address;
    if (dirname(path) === runtimeFolder()) ensureRuntimeFolder();
    await claim(path, { clock: this.#seams.clock, code: "RUN_ADMIN_IN_USE" }, () => {
      // From the first moment only our user can connect: the mode is set by bind, not after it.
      const umask = process.umask(SOCKET_UMASK);
      try {
        this.#serve({ unix: path });
      } finally {
        process.umask(umask);
      }
    });
  }

  #serve(at: { unix: string } | { hostname: string; port: number }): Bun.Server<undefined> {
    const options = {
      ...at,
      idleTimeout: IDLE_SECONDS_MAX,
      maxRequestBodySize: 0,
      development: false,
      // Outside development the runtime would let a second process share the port unseen.
      reusePort: false,
      fetch: (request: Request, asked: Bun.Server<undefined>) => this.#answer(request, asked),
      error: (error: Error) => this.#broken(error),
    };
    // The types know no idleTimeout on a unix socket; the runtime does.
    const server = Bun.serve(options as typeof options & Bun.Serve.Options<undefined>);
    this.#server = server;
    if (this.#stopped) void this.stop();
    return server;
  }

  async #answer(request: Request, server: Bun.Server<undefined>): Promise<Response> {
    const refusal = this.#gate(request.method, request.headers);
    if (refusal !== undefined) return reply(refusal.status, "text/plain", `${refusal.why}\n`, refusal.headers);
    if (this.#answering >= REQUESTS_MAX)
      return reply(503, "text/plain", "too many requests at once\n", { "retry-after": "1" });
    this.#answering++;
    try {
      const page = await this.#pageOf(request, server);
      return page === undefined ? reply(404, "text/plain", "no such page\n") : reply(page.status, page.type, page.body);
    } finally {
      this.#answering--;
    }
  }

  #pageOf(request: Request, server: Bun.Server<undefined>): Promise<Page | undefined> {
    const [path, query] = pathOf(request.url);
    if (request.method !== "POST") return this.#pages.at(path, query);
    server.timeout(request, COMMAND_SECONDS_MAX);
    return this.#pages.command(path, query);
  }

  /** The reason stays in the log: a caller need not learn how the box is made. */
  #broken(error: Error): Response {
    this.#seams.log.error("admin_page_failed", { error });
    return reply(500, "text/plain", "this page failed; the log says why\n");
  }
}

function reply(status: number, type: string, body: string, more: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, { status, headers: { "content-type": type, ...HEADERS, ...more } });
}

/** The runtime builds the URL with the caller's Host header, which may be anything: it is cut off unread. */
function pathOf(url: string): [path: string, query: string] {
  const target = url.replace(/^https?:\/\/[^/?#]*/i, "");
  const question = target.indexOf("?");
  return question === -1 ? [target, ""] : [target.slice(0, question), target.slice(question + 1)];
}

function cannotListen(address: string, error: unknown): Problem {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  return new Problem(code === "EADDRINUSE" ? "RUN_ADMIN_IN_USE" : "RUN_ADMIN_ADDRESS", {
    what: `Cannot listen on "${address}" for admin requests: ${code === "EADDRINUSE" ? "it is in use" : reason}`,
  });
}
