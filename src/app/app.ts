/**
 * The app role: runs the user's program. A worker loads it and serves it at the address of `app.listen`; what it is given
 * (environment, `db`, `log`, a `Deno` if it wants one) is put there before its first line runs. A program loads only
 * once, so a reload replaces the process.
 */
import { basename } from "node:path";
import { readFileSync } from "node:fs";
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import type { Health } from "../../proxy/base/health.ts";
import { HEALTHY } from "../../proxy/base/health.ts";
import { LIFECYCLE, State } from "../../proxy/base/state.ts";
import type { Duty, Host, Prepared, RoleFace } from "../../proxy/role.ts";
import { Problem } from "../problem/problem.ts";
import { probeAddress } from "./address-probe.ts";
import { hideChannel } from "./channel.ts";
import { CommandDuty } from "./command.ts";
import { frontAddress, sharedPoolUrl } from "./database.ts";
import { installDialect } from "./dialect.ts";
import { installDeno } from "./deno.ts";
import { wantsDeno } from "./deno-wanted.ts";
import { sayGoodbye } from "./farewell.ts";
import { type Emitter, Guard } from "./guard.ts";
import { appMetrics } from "./metrics.ts";
import { Ports } from "./ports.ts";
import { type Export, exportOf, findEntry, importsAnything, loadProgram, mentionsListen } from "./program.ts";
import { requestNote } from "./request-note.ts";
import { ScaleModuleMaker } from "./scale-module.ts";
import { type AppSetup, listensOf, programEnvironment, sourceFolder } from "./setup.ts";
import { problemOf } from "./trace.ts";
import { findTsOptions } from "./tsconfig.ts";

export const face: RoleFace<AppSetup> = {
  workers: (setup) => setup.workers,
  environment: programEnvironment,
  program: (setup) => (setup.program.kind === "entry" ? setup.program.path : undefined),
  sources: sourceFolder,
  listens: listensOf,
  worker: (setup, host) =>
    setup.program.kind === "command" ? new CommandDuty(setup, host) : new ProgramDuty(setup, host),
};

/** A program that exports something to serve and has `listen` in its source may still call it: so long we let it. */
const LISTEN_PATIENCE_MS = 3_000;
/** A program that closes its server may be about to open another. */
const REOPEN_PATIENCE_MS = 1_000;
/** Without a front: how many workers may have the address at once: one, its successor, and as many again as are dying. */
const LISTENERS_MAX = 64;
/** What is left of the drain deadline for `db` to hang up. */
const HANG_UP_MS = 1_000;

export class ProgramDuty implements Duty<AppSetup> {
  readonly #setup: AppSetup;
  readonly #host: Host;
  readonly #state = new State(LIFECYCLE, "new");
  readonly #ports: Ports;
  readonly #guard: Guard;
  readonly #scale: ScaleModuleMaker;
  readonly #databaseUrl: string | undefined;
  readonly #trouble = Promise.withResolvers<never>();
  #why: string | undefined;
  #loaded = false;
  #giveBack = (): void => undefined;

  constructor(setup: AppSetup, host: Host) {
    this.#setup = setup;
    this.#host = host;
    const requests = host.metrics.counter(appMetrics.requests);
    const note = requestNote(host.note);
    const { socketPath } = host.box;
    this.#ports = new Ports({
      ...(socketPath === undefined
        ? { at: setup.listen }
        : { at: { path: socketPath }, front: frontAddress(setup.listen, host.box) }),
      clock: host.clock,
      seen: (method, url) => {
        requests.value += 1;
        note(method, url);
      },
      refused: (problem) => this.#refused(problem),
      closed: () => host.clock.after(REOPEN_PATIENCE_MS, () => this.#closed()),
    });
    this.#guard = new Guard({
      entry: this.#entry,
      process: process as unknown as Emitter,
      failed: (problem) => this.#failed(problem),
      // Whether it starts or serves: there is no later turn on which anyone could be told.
      exited: (problem) => host.fail(problem),
    });
    this.#databaseUrl = setup.sharedPool === undefined ? setup.databaseUrl : sharedPoolUrl(setup.sharedPool, host.box);
    this.#scale = new ScaleModuleMaker({
      databaseUrl: () => process.env["DATABASE_URL"],
      ...(setup.sharedPool === undefined
        ? {}
        : { shared: { url: this.#databaseUrl ?? "", path: setup.sharedPool.path } }),
      worker: host.box.index,
      poolMax: setup.poolMax,
      applicationName: host.box.name,
      log: host.log,
    });
    host.metrics.sampled(appMetrics.inFlight, () => this.#ports.inFlight);
    host.metrics.sampled(appMetrics.webSockets, () => this.#ports.webSockets);
    // Whoever waits for it hears it; before and after, nobody needs to.
    this.#trouble.promise.catch(() => undefined);
  }

  async start(): Promise<void> {
    this.#state.go("starting");
    const entry = findEntry(this.#entry);
    // Behind a front the keeper holds the address, and the socket is this worker's alone.
    if (this.#host.box.socketPath === undefined) await this.#claimAddress();
    await this.#furnish(entry);
    const late = Promise.withResolvers<never>();
    const timer = this.#host.clock.after(this.#setup.startTimeoutMs, () => late.reject(this.#neverListened()));
    try {
      await Promise.race([this.#run(entry), this.#trouble.promise, late.promise]);
    } finally {
      timer.cancel();
    }
    this.#state.go("ready");
    this.#host.log.info("app_listening", { address: formatAddress(this.#bound()), program: entry });
  }

  health(): Health {
    if (this.#why !== undefined) return { ok: false, why: this.#why };
    if (this.#state.is("ready") && !this.#ports.isOpen) return { ok: false, why: "the program closed its server" };
    return this.#state.is("ready") ? HEALTHY : { ok: false, why: `the program is ${this.#state.now}` };
  }

  async prepare(next: AppSetup): Promise<Prepared> {
    if (next.program.kind === "entry") findEntry(next.program.path);
    return { how: "replace" };
  }

  async drain(deadlineMs: number): Promise<void> {
    const { clock, log } = this.#host;
    const until = clock.now() + deadlineMs;
    const left = (): number => Math.max(0, until - clock.now());
    if (!this.#state.can("draining")) return;
    this.#state.go("draining");
    await this.#ports.drain(deadlineMs, this.#setup.mode === "development" ? "at once" : "at the end");
    this.#guard.leave();
    const failed = (error: unknown): void => log.warn("program_goodbye_failed", { reason: String(error) });
    await sayGoodbye({ process, clock, failed }, left());
    await this.#scale.close(Math.min(HANG_UP_MS, left()));
  }

  async stop(): Promise<void> {
    if (this.#state.is("stopped")) return;
    this.#guard.leave();
    this.#state.go("stopped");
    await this.#ports.stop();
    await this.#scale.close(0);
    this.#ports.remove();
    this.#guard.remove();
    this.#giveBack();
  }

  get #entry(): string {
    const { program } = this.#setup;
    return program.kind === "entry" ? program.path : "";
  }

  get #name(): string {
    return basename(this.#entry);
  }

  /** Where it is really reached; differs from what is configured only for port 0. */
  #bound(): Address {
    const { listen } = this.#setup;
    return listen.path === undefined && listen.port === 0 ? { host: listen.host, port: this.#ports.port } : listen;
  }

  /** The address must be free, unless the worker that has it is our own predecessor. */
  async #claimAddress(): Promise<void> {
    const listeners = this.#host.limits.limit(`app ${formatAddress(this.#setup.listen)}`, LISTENERS_MAX);
    if (listeners.taken() === 0) await probeAddress(this.#setup.listen);
    const place = listeners.take();
    this.#giveBack = () => listeners.give(place);
  }

  /** Everything the program is to find when its first line runs. */
  async #furnish(entry: string): Promise<void> {
    const { deno, env } = this.#setup;
    // Variables that act at birth came with the process; those that were missing then (in a test) come now.
    Object.assign(process.env, programEnvironment(this.#setup), {
      ...(this.#databaseUrl === undefined ? {} : { DATABASE_URL: this.#databaseUrl }),
      SCALE_WORKER: String(this.#host.box.index),
      ...env,
    });
    hideChannel(process);
    // What the program starts with its own runtime (child_process.fork, process.execPath) is to be Bun, and not another box.
    process.env["BUN_BE_BUN"] = "1";
    this.#guard.install();
    this.#ports.install();
    this.#scale.install();
    installDialect(findTsOptions(entry, (reason) => this.#host.log.warn("tsconfig_unreadable", { reason })));
    if (deno === "on" || (deno === "auto" && wantsDeno(entry))) await installDeno(entry);
  }

  async #run(entry: string): Promise<void> {
    const exports = await loadProgram(entry);
    this.#loaded = true;
    if (this.#ports.isOpen) return;
    const source = readFileSync(entry, "utf8");
    const mayListen = mentionsListen(source, entry);
    const found = exportOf(exports);
    switch (found.kind) {
      case "nothing":
        if (!mayListen && !importsAnything(source, entry)) throw this.#notAProgram("it exports nothing");
        return this.#ports.listening;
      case "useless":
        if (!mayListen) throw this.#notAProgram(`its default export is ${found.what}`);
        return this.#ports.listening;
      case "fetch":
      case "listener":
        if (mayListen && (await this.#listensWithin(LISTEN_PATIENCE_MS))) return;
        await this.#serveExport(found);
        return this.#ports.listening;
    }
  }

  async #listensWithin(ms: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const timer = this.#host.clock.after(ms, () => late.resolve(false));
    const listened = this.#ports.listening.then(() => true);
    const answer = await Promise.race([listened, late.promise]);
    timer.cancel();
    return answer;
  }

  async #serveExport(found: Extract<Export, { kind: "fetch" | "listener" }>): Promise<void> {
    try {
      await this.#ports.provisionally(() =>
        found.kind === "fetch" ? Bun.serve(found.options as never) : found.listen(Number(process.env["PORT"] ?? 0)),
      );
    } catch (error) {
      const what = `Cannot serve the default export of "${this.#name}"`;
      throw problemOf(error, { code: "APP_LOAD_FAILED", what, file: this.#entry });
    }
  }

  #notAProgram(why: string): Problem {
    return new Problem("APP_NOT_A_PROGRAM", {
      what: `Cannot serve "${this.#name}": it does not listen, and ${why}`,
      where: { file: this.#entry },
      fix: "Let it call listen, or export an app or an object with a fetch method as its default export",
    });
  }

  #neverListened(): Problem {
    return new Problem("APP_NEVER_LISTENED", {
      what: `Cannot serve "${this.#name}": it did not listen within ${this.#setup.startTimeoutMs} ms`,
      where: { file: this.#entry },
      why: this.#loaded
        ? "It was loaded, and then neither listened nor exported anything to serve. Perhaps it waits for a server that does not answer."
        : "It is still being loaded: an await at its top level has not come to an end.",
      fix: "Let it call listen, or export what is to be served; if it needs more time, raise start_timeout",
    });
  }

  /** The program's call to listen throws; while it starts that is also the end of it, however the program takes it. */
  #refused(problem: Problem): void {
    if (this.#state.is("starting")) this.#failed(problem);
  }

  #closed(): void {
    if (!this.#ports.isOpen) this.#failed(closedProblem(this.#name));
  }

  #failed(problem: Problem): void {
    if (this.#why !== undefined || this.#state.is("draining") || this.#state.is("stopped")) return;
    this.#why = problem.message;
    this.#guard.leave();
    if (this.#state.is("starting")) this.#trouble.reject(problem);
    else this.#host.fail(problem);
  }
}

function closedProblem(name: string): Problem {
  return new Problem("APP_STOPPED_LISTENING", {
    what: `Cannot go on with "${name}": it closed its server and has no other`,
    fix: "Close the server only when the program is asked to stop",
  });
}
