/**
 * Finds the program that a folder already has, so that `scale init` points at it instead of writing another: what
 * `npm start` runs, else package.json's "main", else a file with one of the usual names. Reads, never runs, anything.
 */
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join, normalize, sep } from "node:path";

export interface Found {
  /** Relative to the folder, as `./src/server.ts`. */
  readonly entry: string;
  /** How it was found, for a person. */
  readonly by: string;
}

/** The part of package.json that matters here. */
export interface Manifest {
  readonly start: string | undefined;
  readonly main: string | undefined;
  /** Names of all dependencies. */
  readonly dependencies: ReadonlySet<string>;
}

const EXTENSIONS = ["ts", "mts", "cts", "tsx", "js", "mjs", "cjs", "jsx"];
const NAMES = ["server", "app", "index", "main"];
const FOLDERS = ["", "src/"];
/** What starts a JavaScript program, in front of its path. */
const RUNNERS = /^(node|bun|deno|tsx|ts-node|nodemon)$/;

export function findProgram(folder: string, manifest: Manifest | undefined): Found | undefined {
  const started = manifest?.start === undefined ? undefined : programIn(manifest.start);
  if (started !== undefined && isProgram(folder, started))
    return { entry: entryOf(started), by: '"start" in package.json' };
  const main = manifest?.main;
  if (main !== undefined && isProgram(folder, main)) return { entry: entryOf(main), by: '"main" in package.json' };
  for (const below of FOLDERS) {
    for (const name of NAMES) {
      const file = EXTENSIONS.map((extension) => `${below}${name}.${extension}`).find((path) =>
        isProgram(folder, path),
      );
      if (file !== undefined) return { entry: entryOf(file), by: "its name" };
    }
  }
  return undefined;
}

/** `undefined` when there is none or it is not readable as JSON: then it tells nothing, and it stays as it is. */
export function readManifest(folder: string): Manifest | undefined {
  const content = parse(join(folder, "package.json"));
  if (content === undefined) return undefined;
  const { main, scripts, dependencies, devDependencies } = content;
  const start = isRecord(scripts) ? scripts["start"] : undefined;
  const names = [dependencies, devDependencies].flatMap((part) => (isRecord(part) ? Object.keys(part) : []));
  return {
    main: typeof main === "string" ? main : undefined,
    start: typeof start === "string" ? start : undefined,
    dependencies: new Set(names),
  };
}

/** The path in `node --enable-source-maps ./server.js`: the first word after the runner that names a program. */
export function programIn(command: string): string | undefined {
  const words = command.split(/\s+/).filter((word) => word !== "");
  const runner = words.findIndex((word) => RUNNERS.test(word));
  if (runner === -1) return undefined;
  return words.slice(runner + 1).find((word) => !word.startsWith("-") && hasExtension(word));
}

function parse(path: string): { readonly [name: string]: unknown } | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isRecord(content) ? content : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code !== undefined) return undefined;
    throw error;
  }
}

/** A file of this folder with the extension of a program; what cannot be looked at is none. */
function isProgram(folder: string, path: string): boolean {
  const within = normalize(path);
  if (!hasExtension(path) || isAbsolute(path) || within.startsWith(`..${sep}`)) return false;
  try {
    return statSync(join(folder, within)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return false;
  }
}

function hasExtension(path: string): boolean {
  return EXTENSIONS.includes(path.slice(path.lastIndexOf(".") + 1)) && !path.endsWith(".d.ts");
}

function entryOf(path: string): string {
  return `./${normalize(path)}`;
}

function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
