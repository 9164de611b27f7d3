/**
 * What `up` is to bring up: a person's words and the file, read together. The file is read as the box will read it, so
 * that what is wrong with it is said before anything has been started.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { mentionsListen } from "../app/program.ts";
import { findProgram, readManifest } from "./find-program.ts";
import type { Config } from "../config/config.ts";
import { load, type Loaded } from "../config/load.ts";
import { type Problem, Problems } from "../problem/problem.ts";
import { unpack } from "./embedded.ts";
import { chooseTier, type TierChoice } from "./tier.ts";
import type { UpWords } from "./up.ts";

const USUAL_FILE = "scale.toml";
const DEMO = "demo";
const EXPORTS = /\bexport\s+default\b|\bmodule\.exports\b/;
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
  readonly choice: TierChoice;
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
    return orderOf(first, { program, entry: named, tier: words.tier });
  }
  const found = programHere(projectFolder(configFile));
  if (found !== undefined) {
    return orderOf(await read(configFile, found), {
      program: relative(process.cwd(), found),
      entry: found,
      tier: words.tier,
    });
  }
  const demo = join(await unpack(DEMO), "main.js");
  return orderOf(await read(configFile, demo), { program: DEMO, entry: demo, tier: words.tier });
}

/** The program that a folder has, if it looks like one that serves: whoever says `up` there means that one. */
function programHere(folder: string): string | undefined {
  const found = findProgram(folder, readManifest(folder));
  if (found === undefined) return undefined;
  const path = join(folder, found.entry);
  const source = readFileSync(path, "utf8");
  return mentionsListen(source, path) || EXPORTS.test(source) ? path : undefined;
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

interface Wanted {
  readonly program: string;
  readonly entry: string | undefined;
  readonly tier: number | undefined;
}

function orderOf({ loaded, embeddedPostgres }: Read, { program, entry, tier }: Wanted): UpOrder {
  const { config, warnings } = loaded;
  const choice = chooseTier(tier, config.app?.workers ?? 1);
  return { config, warnings, program, embeddedPostgres, choice, ...(entry === undefined ? {} : { entry }) };
}

/** The environment of a box that uses the embedded Postgres: its URL has a password, and does not belong on a command line. */
export function databaseEnvironment(url: string | undefined): Record<string, string> {
  return url === undefined ? {} : { [EMBEDDED]: url };
}
