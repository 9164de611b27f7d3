/**
 * What the app role is told: the configuration boiled down to plain data that can be sent to a worker. `src/setup/app.ts`
 * makes it in the keeper; here is its shape, and what is read out of it.
 */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import type { CrewWish } from "../run/plan.ts";
import type { SharedPool } from "./database.ts";

export interface AppSetup {
  readonly program: AppProgram;
  readonly listen: Address;
  readonly workers: number;
  /** What the program gets as DATABASE_URL; absent when no store is configured (the variable may be set all the same). */
  readonly databaseUrl?: string;
  /** In its place, behind a front: the pool that all workers of this box share, whose port only the running box knows. */
  readonly sharedPool?: SharedPool;
  readonly redisUrl?: string;
  /** Most connections of `db`, in each worker. */
  readonly poolMax: number;
  /** Additions to the environment, as the user wrote them; they win over ours. */
  readonly env: Readonly<Record<string, string>>;
  readonly mode: "production" | "development";
  readonly deno: "auto" | "on" | "off";
  readonly startTimeoutMs: number;
  /** The crews of the front; without any, the one worker owns its address. */
  readonly crews?: readonly CrewWish[];
}

export type AppProgram =
  | { readonly kind: "entry"; readonly path: string }
  | { readonly kind: "command"; readonly argv: readonly string[]; readonly folder: string };

/** The environment the program finds, beyond what the box itself was started with and what only a worker knows. */
export function programEnvironment(setup: AppSetup): Record<string, string> {
  const { listen, databaseUrl, redisUrl } = setup;
  return {
    NODE_ENV: setup.mode,
    ...(listen.path === undefined ? { HOST: listen.host, PORT: String(listen.port) } : {}),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...setup.env,
  };
}

/** The folder whose changes mean that the program has changed: its package's, or just its own. */
export function sourceFolder(setup: AppSetup): string {
  const { program } = setup;
  if (program.kind === "command") return program.folder;
  const home = dirname(program.path);
  for (let folder = home; folder !== dirname(folder); folder = dirname(folder)) {
    if (statSync(join(folder, "package.json"), { throwIfNoEntry: false }) !== undefined) return folder;
  }
  return home;
}

/** For logs and for `scale status`. */
export function listensOf(setup: AppSetup): readonly string[] {
  return [formatAddress(setup.listen)];
}
