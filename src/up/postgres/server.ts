/**
 * One Postgres server of ours: a data folder that is there, and the process that runs on it. It starts and stops it,
 * waits until it truly answers, and tells when it ended by itself; it decides nothing about clusters (`cluster.ts`).
 * Invariants: one postmaster per folder; it dies with us (`launch`); "ready" means that we were logged in and the server
 * proved that it knows the password.
 */
import type { Subprocess } from "bun";
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { State, type Edges } from "../../../proxy/base/state.ts";
import { Problem } from "../../problem/problem.ts";
import { launch } from "../../run/launch.ts";
import { look } from "../trust.ts";
import { openSession } from "./backup-wire.ts";
import { checkDataFolder, processesIn } from "./control.ts";
import { endOf } from "./initdb.ts";
import { socketPath, type HomePaths, type NodePaths } from "./layout.ts";
import { openLog, tailOf, type LogFile } from "./log-file.ts";
import type { Owner } from "./owner.ts";
import { choosePort, listeningPorts } from "./ports.ts";
import { ScramFault } from "./scram.ts";
import { commandLine, ENVIRONMENT, maintenance, settingsFile, url, type Upstream } from "./settings.ts";
import { ServerError, WireFault, type Row } from "./wire-frames.ts";

const LIFE = {
  stopped: ["starting"],
  starting: ["ready", "stopping", "stopped"],
  ready: ["stopping", "stopped"],
  stopping: ["stopped"],
} as const satisfies Edges<"stopped" | "starting" | "ready" | "stopping">;

export type ServerState = keyof typeof LIFE;

/** How long a new server may refuse connections; one that says "starting up" is recovering, and gets longer. */
const START_SILENCE_MS = 60_000;
const RECOVERY_MS = 1_800_000;
const SAY_EVERY_MS = 2_000;
const LOGIN_WAIT_MS = 5_000;
const POLL_MIN_MS = 5;
const POLL_MAX_MS = 50;
const PORT_TRIES = 10;
/** How long a server that could not have its port takes to find out and end. */
const REFUSED_WAIT_MS = 2_000;
const QUERY_WAIT_MS = 30_000;
const PROMOTE_WAIT_S = 60;
/** What a server whose parent was killed takes to end. */
const REMAINS_WAIT_MS = 10_000;
const STOP_LIMITS: StopLimits = { fastMs: 10_000, immediateMs: 5_000 };
/** Ports that servers of this process have chosen and perhaps not bound yet. */
const claimed = new Set<number>();
/** SQLSTATE cannot_connect_now: it is starting up, recovering, or shutting down. */
const STARTING_UP = "57P03";

export interface ServerOptions {
  /** The folder of the unpacked archive. */
  readonly tools: string;
  readonly node: NodePaths;
  readonly home: HomePaths;
  readonly owner: Owner;
  readonly password: string;
  /** Tried first. */
  readonly port: number | undefined;
  readonly say: (line: string) => void;
  /** It ended and nobody had asked it to; `how` is for a person. */
  readonly onDown: (how: string) => void;
}

/** How long a server may take to obey, before it is told in a harsher way. */
export interface StopLimits {
  readonly fastMs: number;
  readonly immediateMs: number;
}

export interface ServerStatus {
  readonly state: ServerState;
  /** Absent when it does not answer. */
  readonly role?: "primary" | "replica";
  /** What is written (a primary) or replayed (a replica), as Postgres writes positions. */
  readonly position?: string;
}

export class Server {
  readonly #options: ServerOptions;
  readonly #state = new State<ServerState>(LIFE, "stopped");
  #child: Subprocess | undefined;
  #port: number | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  get name(): string {
    return this.#options.node.name;
  }

  get state(): ServerState {
    return this.#state.now;
  }

  /** Of the postmaster; 0 when there is none. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** 0 before the first start. */
  get port(): number {
    return this.#port ?? 0;
  }

  get url(): string {
    return url(this.port, this.#options.password);
  }

  /** The path of its unix socket. Logging in there takes the password too. */
  get socket(): string | undefined {
    return socketPath(this.#options.home.sockets, this.port);
  }

  get data(): string {
    return this.#options.node.data;
  }

  get log(): string {
    return this.#options.node.log;
  }

  /** Resolves when it answers. Throws a Problem: UP_DATA_…, UP_POSTGRES_…, UP_NO_FREE_PORT. */
  async start(upstream?: Upstream): Promise<void> {
    this.#state.go("starting");
    try {
      await waitForRemains(this.#options.node.data);
      checkDataFolder(this.#options.node.data, this.#options.owner);
      rmSync(join(this.#options.node.data, "postmaster.pid"), { force: true });
      writeFileSync(this.#options.node.config, settingsFile(upstream), { mode: 0o644 });
      await this.#startOnSomePort();
      if (!this.#state.is("starting")) throw stopping(this.name);
      this.#state.go("ready");
    } catch (error) {
      await this.#end();
      if (!this.#state.is("stopped")) this.#state.go("stopped");
      throw error;
    }
  }

  /** Stops it in order: clients are told, WAL is sent to replicas, everything is written. Resolves when it is gone. */
  async stop(limits = STOP_LIMITS): Promise<void> {
    if (!this.#state.can("stopping")) return;
    this.#state.go("stopping");
    await this.#end(limits);
    if (!this.#state.is("stopped")) this.#state.go("stopped");
  }

  /** Makes a replica that runs a primary; resolves when it takes writes. Throws UP_PROMOTE_FAILED. */
  async promote(): Promise<void> {
    const [row] = await this.query(`select pg_promote(true, ${PROMOTE_WAIT_S})`, (PROMOTE_WAIT_S + 10) * 1_000);
    if (row?.[0] === "t") return;
    throw new Problem("UP_PROMOTE_FAILED", {
      what: `Cannot promote ${this.name}: it did not become a primary within ${PROMOTE_WAIT_S} s`,
      fix: `Read "${this.log}".`,
    });
  }

  async status(): Promise<ServerStatus> {
    if (!this.#state.is("ready")) return { state: this.#state.now };
    const position = "coalesce(pg_last_wal_replay_lsn()::text, '')";
    const sql = `select pg_is_in_recovery(), case when pg_is_in_recovery() then ${position} else pg_current_wal_lsn()::text end`;
    try {
      const [row] = await this.query(sql, LOGIN_WAIT_MS);
      return { state: "ready", role: row?.[0] === "t" ? "replica" : "primary", position: row?.[1] ?? "" };
    } catch (error) {
      if (error instanceof WireFault || error instanceof ServerError) return { state: this.#state.now };
      throw error;
    }
  }

  /** Simple queries in the maintenance database, on a connection of their own; rows as text. */
  async query(sql: string, waitMs = QUERY_WAIT_MS): Promise<readonly Row[]> {
    const session = await openSession(maintenance(this.port, this.#options.password, waitMs));
    try {
      return await session.query(sql);
    } finally {
      session.close();
    }
  }

  async #startOnSomePort(): Promise<void> {
    const lost = new Set<number>();
    for (let tries = 0; tries < PORT_TRIES; tries++) {
      const port = choosePort(this.#port, new Set([...listeningPorts(), ...claimed, ...lost]));
      if (port === undefined) break;
      claimed.add(port);
      this.#port = port;
      try {
        if ((await this.#run(port)) === "answers") return;
      } finally {
        claimed.delete(port);
      }
      lost.add(port);
    }
    throw new Problem("UP_NO_FREE_PORT", {
      what: `Cannot start ${this.name}: no port could be had`,
      fix: "Stop one of the programs that listen on ports from 15432 upwards.",
    });
  }

  async #run(port: number): Promise<"answers" | "port taken"> {
    const { node, home, owner, tools } = this.#options;
    const socket = socketPath(home.sockets, port);
    if (socket !== undefined) for (const remains of [socket, `${socket}.lock`]) rmSync(remains, { force: true });
    const program = join(tools, "bin", "postgres");
    const sockets = socket === undefined ? {} : { sockets: dirname(socket) };
    const words = commandLine({ program, data: node.data, config: node.config, access: home.access, port, ...sockets });
    const log = openLog(node.log);
    const child = launch(words, {
      cwd: "/",
      env: ENVIRONMENT,
      stdout: log.fd,
      stderr: log.fd,
      deathSignal: "SIGQUIT",
      ...(owner.other ? { uid: owner.uid, gid: owner.gid } : {}),
    });
    log.close();
    this.#child = child;
    void child.exited.then(() => this.#ended(child));
    if (await this.#answers(child, port, log)) return "answers";
    this.#child = undefined;
    if (listeningPorts().has(port)) return "port taken";
    throw this.#failed(`Cannot start ${this.name}: Postgres ended, ${endOf(child)}`, log);
  }

  /** `false` when it ended before it answered. */
  async #answers(child: Subprocess, port: number, log: LogFile): Promise<boolean> {
    const started = performance.now();
    let said = started;
    let pollMs = POLL_MIN_MS;
    while (!hasEnded(child)) {
      const login = await this.#logIn(port);
      if (login === "in") return true;
      if (typeof login === "object") {
        // Another server may have taken the port: then ours is about to end.
        await endsWithin(child, REFUSED_WAIT_MS);
        if (hasEnded(child)) return false;
        throw this.#failed(`Cannot log in to ${this.name}: ${login.refused}`, log);
      }
      const now = performance.now();
      if (now - started > (login === "starting up" ? RECOVERY_MS : START_SILENCE_MS)) {
        throw this.#failed(`Cannot start ${this.name}: it does not answer after ${Math.round(now - started)} ms`, log);
      }
      if (now - said > SAY_EVERY_MS) {
        said = now;
        this.#options.say(`${this.name}: ${login === "starting up" ? "is recovering" : "is starting"}`);
      }
      await endsWithin(child, pollMs);
      pollMs = Math.min(pollMs * 1.5, POLL_MAX_MS);
    }
    return false;
  }

  /** In means: the server knows the password, and it is the one of our folder. */
  async #logIn(port: number): Promise<"in" | "starting up" | "silent" | { readonly refused: string }> {
    try {
      const session = await openSession(maintenance(port, this.#options.password, LOGIN_WAIT_MS));
      const [row] = await session.query("show data_directory").finally(() => session.close());
      return row?.[0] === this.data ? "in" : { refused: "it is another server" };
    } catch (error) {
      if (error instanceof WireFault) return "silent";
      if (error instanceof ScramFault) return { refused: error.message };
      if (!(error instanceof ServerError)) throw error;
      return error.sqlstate === STARTING_UP ? "starting up" : { refused: `${error.message} (${error.sqlstate})` };
    }
  }

  #ended(child: Subprocess): void {
    if (this.#child !== child || !this.#state.is("ready")) return;
    this.#child = undefined;
    this.#state.go("stopped");
    this.#options.onDown(endOf(child));
  }

  /** Fast, then immediate (the next start recovers), then the kernel's way. */
  async #end(limits = STOP_LIMITS): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const steps = [
      ["SIGINT", limits.fastMs],
      ["SIGQUIT", limits.immediateMs],
      ["SIGKILL", STOP_LIMITS.immediateMs],
    ] as const;
    for (const [signal, waitMs] of steps) {
      if (hasEnded(child)) break;
      child.kill(signal);
      await endsWithin(child, waitMs);
    }
    this.#child = undefined;
    await waitForRemains(this.#options.node.data);
  }

  #failed(what: string, log: LogFile): Problem {
    const tail = tailOf(log);
    return new Problem("UP_POSTGRES_FAILED", {
      what,
      why: tail === "" ? "It said nothing." : tail,
      fix: `Read "${log.path}".`,
    });
  }
}

function stopping(name: string): Problem {
  return new Problem("UP_POSTGRES_FAILED", { what: `Cannot start ${name}: it was told to stop meanwhile` });
}

function hasEnded(child: Subprocess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function endsWithin(child: Subprocess, waitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, waitMs);
  await Promise.race([child.exited, promise]);
  clearTimeout(timer);
}

/**
 * Waits until no Postgres works in the folder any more: the parts of one that was killed end within a moment. After it,
 * and under the cluster's lock, a `postmaster.pid` that is left is stale whatever process now has its number.
 */
async function waitForRemains(data: string): Promise<void> {
  if (look(data) === undefined) return;
  const deadline = performance.now() + REMAINS_WAIT_MS;
  for (let pids = processesIn(data); pids.length > 0; pids = processesIn(data)) {
    if (performance.now() > deadline) {
      throw new Problem("UP_POSTGRES_RUNNING", {
        what: `Cannot use "${data}": a Postgres that this scale did not start runs in it (pid ${pids.join(", ")})`,
        fix: `Stop it: kill -INT ${pids[0] ?? ""}`,
      });
    }
    await Bun.sleep(POLL_MAX_MS);
  }
}
