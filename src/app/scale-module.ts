/**
 * The module "scale", as the program sees it: `db`, a postgres.js client on the database of DATABASE_URL, and `log`, the
 * log of the box. It wins over a package of that name. Its types for users are in `scale-types.ts`.
 * Invariant: nothing is dialled before the program uses `db`.
 */
import postgres from "postgres";
import type { Log, LogFields } from "../../proxy/base/log.ts";
import { Problem } from "../problem/problem.ts";
import { placeOf, userFrames } from "./trace.ts";

export interface ScaleModule {
  readonly db: postgres.Sql;
  readonly log: ProgramLog;
  /** 1 … n: which of the box's workers this is. */
  readonly worker: number;
}

export type ProgramLog = Pick<Log, "debug" | "info" | "warn" | "error">;

export interface ScaleModuleParts {
  /** Asked when the program first imports the module: it may have set the variable itself. */
  databaseUrl(): string | undefined;
  /** The URL of the pool that the workers share, and the unix socket on which it is nearer. */
  readonly shared?: { readonly url: string; readonly path: string };
  readonly worker: number;
  /** Most connections of `db`. */
  readonly poolMax: number;
  /** What the database calls these connections (pg_stat_activity). */
  readonly applicationName: string;
  readonly log: Log;
}

/** postgres.js waits up to 20 s for its next try; a database that is back should be used at once. */
const RETRY_MAX_SECONDS = 1;
const RETRY_FIRST_SECONDS = 0.05;
const CONNECT_TIMEOUT_SECONDS = 10;

export class ScaleModuleMaker {
  readonly #parts: ScaleModuleParts;
  #made: ScaleModule | undefined;
  #client: postgres.Sql | undefined;

  constructor(parts: ScaleModuleParts) {
    this.#parts = parts;
  }

  /** From now on `import … from "scale"` and `require("scale")` find it, in this process. */
  install(): void {
    Bun.plugin({
      name: "scale",
      setup: (build) => {
        build.module("scale", () => {
          const made = this.make();
          return { exports: { ...made, default: made }, loader: "object" };
        });
      },
    });
  }

  make(): ScaleModule {
    this.#made ??= {
      db: this.#database(),
      log: programLog(this.#parts.log),
      worker: this.#parts.worker,
    };
    return this.#made;
  }

  /** Waits for the queries that run, at most `timeoutMs`, and hangs up. */
  async close(timeoutMs: number): Promise<void> {
    await this.#client?.end({ timeout: timeoutMs / 1_000 });
  }

  #database(): postgres.Sql {
    const { poolMax, applicationName, log, shared } = this.#parts;
    const url = this.#parts.databaseUrl();
    if (url === undefined || url === "") return noDatabase();
    this.#client = postgres(url, {
      ...(url === shared?.url ? { path: shared.path } : {}),
      max: poolMax,
      connect_timeout: CONNECT_TIMEOUT_SECONDS,
      connection: { application_name: applicationName },
      backoff: (tries) => Math.min(RETRY_MAX_SECONDS, RETRY_FIRST_SECONDS * 2 ** tries),
      onnotice: (notice) => log.debug("postgres_notice", { severity: notice["severity"], code: notice["code"] }),
    });
    return this.#client;
  }
}

/** A program may import `db` and never use it; only use is an error. */
function noDatabase(): postgres.Sql {
  const refuse = (): never => {
    const [frame] = userFrames(new Error("used").stack);
    throw new Problem("APP_NO_DATABASE", {
      what: "Cannot use `db`: there is no database",
      ...(frame === undefined ? {} : { where: placeOf(frame) }),
      fix: 'Add [postgres.main] with primary = "postgres://…", or set DATABASE_URL, or run `scale up`',
    });
  };
  return new Proxy(refuse as unknown as postgres.Sql, {
    apply: refuse,
    get: (_target, name) => (typeof name === "symbol" || name === "then" ? undefined : refuse()),
  });
}

function programLog(log: Log): ProgramLog {
  const own = log.with({ from: "program" });
  return {
    debug: (event: string, fields?: LogFields) => own.debug(event, fields),
    info: (event: string, fields?: LogFields) => own.info(event, fields),
    warn: (event: string, fields?: LogFields) => own.warn(event, fields),
    error: (event: string, fields?: LogFields) => own.error(event, fields),
  };
}
