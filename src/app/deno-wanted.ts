/**
 * Whether a program was written for Deno: whether its own files ask for the global `Deno`. Packages are not looked at:
 * many of them look which runtime they are on, and must go on finding Bun.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { withoutComments } from "./program.ts";

/** More own files than this are not read. */
export const FILES_MAX = 64;
const FILE_BYTES_MAX = 1 << 20;
const ENDINGS = ["", ".ts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", "/index.ts", "/index.js"];
const READABLE = new Set([".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"]);
const DENO_FILES = ["deno.json", "deno.jsonc"];
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'](\.{1,2}\/[^"'\n]+)["']/g;

export function wantsDeno(entry: string): boolean {
  const home = dirname(entry);
  if (DENO_FILES.some((name) => isFile(join(home, name)))) return true;
  const waiting = [entry];
  const known = new Set(waiting);
  for (let file = waiting.shift(); file !== undefined && known.size <= FILES_MAX; file = waiting.shift()) {
    const source = read(file);
    if (asksForDeno(source, file)) return true;
    for (const found of importsOf(source, file)) {
      if (!known.has(found)) waiting.push(found);
      known.add(found);
    }
  }
  return false;
}

/** Looking whether there is a `Deno` is not asking for one. */
export function asksForDeno(source: string, path: string): boolean {
  if (!/\bDeno\s*\??\./.test(source)) return false;
  const code = withoutComments(source, path);
  return /\bDeno\s*\??\.\s*[A-Za-z]/.test(code) && !/typeof\s+(globalThis\.)?Deno\b/.test(code);
}

function importsOf(source: string, file: string): string[] {
  return [...source.matchAll(IMPORT)].flatMap(([, path = ""]) => {
    const base = resolve(dirname(file), path);
    const found = ENDINGS.map((ending) => base + ending).find(isFile);
    return found !== undefined && READABLE.has(extname(found)) ? [found] : [];
  });
}

function read(file: string): string {
  return READABLE.has(extname(file)) || extname(file) === "" ? readFileSync(file, "utf8") : "";
}

function isFile(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size <= FILE_BYTES_MAX;
}
