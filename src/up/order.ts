/**
 * What `up` is to bring up: a person's words and the file, read together. The file is read as the box will read it, so
 * that what is wrong with it is said before anything has been started.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { load, type Loaded } from "../config/load.ts";
import { type Problem, Problems } from "../problem/problem.ts";
import { unpack } from "./embedded.ts";
import type { UpWords } from "./up.ts";

const USUAL_FILE = "scale.toml";
const DEMO = "demo";
/** Named so that a file may say `db = "main"` before it has a Postgres of its own. */
const EMBEDDED = "SCALE_POSTGRES__MAIN__PRIMARY";

export interface UpOrder {
  readonly config: Config;
  readonly warnings: readonly Problem[];
  /** What a person sees of it: a path, a command line, or "demo". */
  readonly program: string;
  /** Given to the box as an argument; absent when the file says what to run, which a reload may then change. */
  readonly entry?: string;
  /** Whether the file leaves Postgres to us. */
  readonly embeddedPostgres: boolean;
}

/** `--config`, else a scale.toml in the current folder. */
export function configFileOf(words: UpWords): string | undefined {
  if (words.config !== undefined) return resolve(words.config);
  const usual = resolve(USUAL_FILE);
  return existsSync(usual) ? usual : undefined;
}

/** Where a person works, and where `.scale` lies. */
export function projectFolder(configFile: string | undefined): string {
  return configFile === undefined ? process.cwd() : dirname(configFile);
}

/** Throws Problems. */
export async function readOrder(words: UpWords, configFile: string | undefined): Promise<UpOrder> {
  const named = words.app === undefined ? undefined : resolve(words.app);
  const first = await read(configFile, named);
  const { app } = first.loaded.config;
  if (named !== undefined || app?.entry !== undefined || app?.command !== undefined) {
    const program = (app?.command ?? [relative(process.cwd(), app?.entry ?? "")]).join(" ");
    return orderOf(first, program, named);
  }
  const demo = join(await unpack(DEMO), "main.js");
  return orderOf(await read(configFile, demo), DEMO, demo);
}

interface Read {
  readonly loaded: Loaded;
  readonly embeddedPostgres: boolean;
}

async function read(file: string | undefined, entry: string | undefined): Promise<Read> {
  const sources = {
    ...(file === undefined ? {} : { file }),
    // Without a program the demo is what runs: then [app] need not be there.
    ...(entry === undefined ? {} : { role: "app" as const }),
    flags: entry === undefined ? [] : [{ path: "app.entry", text: entry, flag: "the argument" }],
  };
  try {
    const loaded = await load({ ...sources, env: process.env });
    return { loaded, embeddedPostgres: Object.keys(loaded.config.postgres).length === 0 };
  } catch (error) {
    if (!(error instanceof Problems) || !error.list.every(({ code }) => code === "CONFIG_UNKNOWN_STORE")) throw error;
    const env = { ...process.env, [EMBEDDED]: "postgres://embedded" };
    return { loaded: await load({ ...sources, env }), embeddedPostgres: true };
  }
}

function orderOf({ loaded, embeddedPostgres }: Read, program: string, entry: string | undefined): UpOrder {
  const { config, warnings } = loaded;
  return { config, warnings, program, embeddedPostgres, ...(entry === undefined ? {} : { entry }) };
}

/** The environment of a box that uses the embedded Postgres: its URL has a password, and does not belong on a command line. */
export function databaseEnvironment(url: string | undefined): Record<string, string> {
  return url === undefined ? {} : { [EMBEDDED]: url };
}
