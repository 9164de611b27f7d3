/**
 * Loads the user's program, as the main module of its process, and finds out how it wants to be served: it listened by
 * itself, or its default export says what to serve. Not the listening (`ports.ts`) and not the text of errors (`trace.ts`).
 */
import { realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import { Problem } from "../problem/problem.ts";
import type { ServeOptions } from "./serve-options.ts";
import { requireAsNode } from "./require.ts";
import { problemOf } from "./trace.ts";

/** What a module's default export can be. */
export type Export =
  | { readonly kind: "fetch"; readonly options: ServeOptions }
  | { readonly kind: "listener"; readonly listen: (port: number) => unknown }
  | { readonly kind: "nothing" }
  | { readonly kind: "useless"; readonly what: string };

/** The file itself, without links: what `require.main` and `import.meta.main` compare with. Throws APP_ENTRY_MISSING. */
export function findEntry(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === true) return realpathSync(path);
  throw new Problem("APP_ENTRY_MISSING", {
    what: `Cannot run "${path}": ${stat === undefined ? "there is no such file" : isFolder(stat.isDirectory())}`,
    where: { file: path },
    fix:
      stat === undefined ? "Correct the path; a relative one starts at the file that says it" : "Name the file in it",
  });
}

/** Makes `entry` the main module and runs it; resolves with its exports. Rejects with a Problem. */
export async function loadProgram(entry: string): Promise<unknown> {
  beMain(entry);
  requireAsNode();
  try {
    return await importFromRoot(entry);
  } catch (error) {
    throw problemOf(error, { code: "APP_LOAD_FAILED", what: `Cannot load "${basename(entry)}"`, file: entry });
  }
}

/**
 * What our own code imports, the runtime first looks up in the `paths` of the current directory's tsconfig.json, which could
 * so put any file in the program's place. It looks before `import` returns, so for that moment we stand where there is none;
 * the program's own tsconfig.json holds for what the program imports.
 */
function importFromRoot(entry: string): Promise<unknown> {
  const here = process.cwd();
  process.chdir("/");
  try {
    return import(entry);
  } finally {
    process.chdir(here);
  }
}

/** How the exports of a program ask to be served. */
export function exportOf(exports: unknown): Export {
  const value = defaultOf(exports);
  if (value === undefined || value === null) return { kind: "nothing" };
  if (isObject(value)) {
    if (typeof value["fetch"] === "function" || isPlainObject(value["routes"]))
      return { kind: "fetch", options: optionsOf(value) };
    if (typeof value["listen"] === "function") return { kind: "listener", listen: (port) => listen(value, port) };
    if (isPlainObject(value) && Object.keys(value).length === 0) return { kind: "nothing" };
  }
  return { kind: "useless", what: describe(value) };
}

/** Whether a program with this source is likely to listen by itself, later. Comments do not count. */
export function mentionsListen(source: string, path: string): boolean {
  return /\.listen\s*\(|\bserve\s*\(/.test(withoutComments(source, path));
}

/** Whether another file could listen for it. */
export function importsAnything(source: string, path: string): boolean {
  return /\b(import|require)\b/.test(withoutComments(source, path));
}

/** The source as the runtime sees it; empty when it cannot be parsed. */
export function withoutComments(source: string, path: string): string {
  const loader = /\.[cm]?tsx?$/.test(path) ? "tsx" : "jsx";
  try {
    return new Bun.Transpiler({ loader: /\.[cm]?ts$/.test(path) ? "ts" : loader }).transformSync(source);
  } catch (error) {
    if (error instanceof Error || isNamedMessage(error)) return "";
    throw error;
  }
}

/** What the runtime does for a file named on its command line. */
function beMain(entry: string): void {
  (Bun as { main: string }).main = entry;
  process.argv = [process.execPath, entry];
}

/** A CommonJS module compiled from ESM has its default export one step further in. */
function defaultOf(exports: unknown): unknown {
  if (!isObject(exports)) return undefined;
  const value = exports["default"];
  const isWrapped = isObject(value) && value["__esModule"] === true && "default" in value;
  return isWrapped ? value["default"] : value;
}

/** A plain object is Bun.serve's own options; of an object with a class only `fetch` is known. */
function optionsOf(value: Readonly<Record<string, unknown>>): ServeOptions {
  if (isPlainObject(value)) return value;
  const { fetch, websocket } = value;
  return {
    ...(typeof fetch === "function" ? { fetch: (...args: unknown[]) => Reflect.apply(fetch, value, args) } : {}),
    ...(isObject(websocket) ? { websocket } : {}),
  };
}

/** Fastify takes an object and answers with a promise; Express, Koa and an http.Server take a number. */
function listen(app: Readonly<Record<string, unknown>>, port: number): unknown {
  const isFastify = typeof app["inject"] === "function" && typeof app["ready"] === "function";
  const call = app["listen"] as (this: unknown, at: unknown) => unknown;
  return call.call(app, isFastify ? { port } : port);
}

function isFolder(yes: boolean): string {
  return yes ? "it is a folder" : "it is not a file";
}

function describe(value: unknown): string {
  if (typeof value === "function") return "a function without listen";
  if (isObject(value)) return `an object with ${Object.keys(value).slice(0, 5).join(", ") || "nothing that serves"}`;
  return `a ${typeof value}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isNamedMessage(error: unknown): boolean {
  return isObject(error) && (error["name"] === "BuildMessage" || error["name"] === "AggregateError");
}
