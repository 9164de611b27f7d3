/**
 * Makes the program's files run as its tsconfig.json says, where the runtime of an executable does not look at it: JSX other
 * than React's, and decorators of TypeScript's old kind. Files that need neither are none of its business, nor are packages.
 * Invariant: errors name the line and column of the file as it was written.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { memoryFile } from "../run/os.ts";
import type { TsOptions } from "./tsconfig.ts";

type Loader = "ts" | "tsx" | "jsx";

interface Loaded {
  readonly contents: string;
  readonly loader: Loader | "js";
}

/** More own files than this are not searched for decorators. */
const FILES_MAX = 10_000;
const LEGACY = '{"compilerOptions":{"experimentalDecorators":true}}';
/** What the runtime makes of a decorator of the old kind has this in it. */
const DECORATED = "__legacyDecorateClassTS";

/** For this process, and from now on. */
export function installDialect(options: TsOptions | undefined): void {
  if (options === undefined) return;
  const folder = dirname(options.file);
  const decorated = new Set(options.legacyDecorators ? ownFiles(folder).filter(hasDecorators) : []);
  if (options.jsx === undefined && decorated.size === 0) return;
  const tsconfig = decorated.size === 0 ? "" : unnamedFile(options.compilerOptions);
  Bun.plugin({
    name: "tsconfig",
    setup: (build) => {
      build.onLoad({ filter: filterOf(folder, decorated, options.jsx !== undefined) }, ({ path }) =>
        decorated.has(path) ? compile(path, tsconfig) : withComment(path, options.jsx ?? ""),
      );
    },
  });
}

/** What the runtime is once asked to leave to us it cannot be given back: only files that must be changed are named. */
function filterOf(folder: string, decorated: ReadonlySet<string>, jsx: boolean): RegExp {
  const named = [...decorated].map((path) => RegExp.escape(path));
  const below = `${RegExp.escape(folder === "/" ? "" : folder)}/(?!(?:.*/)?node_modules/).*\\.[jt]sx`;
  return new RegExp(`^(?:${[...named, ...(jsx ? [below] : [])].join("|")})$`);
}

/** TypeScript files below the folder, without packages and hidden folders. */
function ownFiles(folder: string): string[] {
  const found: string[] = [];
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined && found.length < FILES_MAX; at = folders.pop()) {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith(".")) folders.push(path);
      if (entry.isFile() && /(?<!\.d)\.[cm]?tsx?$/.test(entry.name)) found.push(path);
    }
  }
  return found;
}

/** The comment stands behind the last line, where it moves no other; a file that says it itself is right. */
function withComment(path: string, comment: string): Loaded {
  const source = readFileSync(path, "utf8");
  return { contents: source.includes("@jsx") ? source : `${source}\n${comment}`, loader: loaderOf(path) };
}

/** A file that cannot be parsed has none: the runtime says best what is wrong with it. */
function hasDecorators(path: string): boolean {
  const source = readFileSync(path, "utf8");
  const loader = loaderOf(path);
  if (!source.includes("@")) return false;
  try {
    return new Bun.Transpiler({ loader, target: "bun", tsconfig: LEGACY }).transformSync(source).includes(DECORATED);
  } catch (error) {
    if (error instanceof Error || isMessage(error)) return false;
    throw error;
  }
}

/** One file, nothing that it imports; the map leads errors back to the file as it was written. */
async function compile(path: string, tsconfig: string): Promise<Loaded> {
  const { outputs } = await Bun.build({
    entrypoints: [path],
    target: "bun",
    tsconfig,
    sourcemap: "external",
    plugins: [
      {
        name: "alone",
        setup: (build) => {
          build.onResolve({ filter: /./ }, (asked) =>
            asked.importer === "" ? undefined : { path: asked.path, external: true },
          );
        },
      },
    ],
  });
  const [code, map] = await Promise.all(outputs.map((output) => output.text()));
  const sources = JSON.stringify({ ...(JSON.parse(map ?? "{}") as object), sources: [path] });
  const url = `data:application/json;base64,${Buffer.from(sources).toString("base64")}`;
  return { contents: `${code ?? ""}\n//# sourceMappingURL=${url}\n`, loader: "js" };
}

/** The bundler reads its options from a file, and follows not every `extends` that TypeScript does. */
function unnamedFile(compilerOptions: TsOptions["compilerOptions"]): string {
  const fd = memoryFile("tsconfig.json");
  writeFileSync(fd, JSON.stringify({ compilerOptions }));
  return `/proc/self/fd/${fd}`;
}

function loaderOf(path: string): Loader {
  const ending = extname(path);
  return ending === ".tsx" || ending === ".jsx" ? (ending.slice(1) as Loader) : "ts";
}

/** What the runtime throws for a file it cannot parse is no Error. */
function isMessage(error: unknown): boolean {
  return typeof error === "object" && error !== null && "name" in error && error.name === "BuildMessage";
}
