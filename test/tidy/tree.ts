/** The files that the rules look at, read from a folder. What users' programs and bad trees in `test` are is not ours. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse, type Source } from "./source.ts";

export interface Tree {
  /** All files of any kind, from the root of the tree, sorted. */
  readonly paths: readonly string[];
  readonly sources: readonly Source[];
}

const ROOTS: readonly string[] = ["build.ts", "proxy", "src", "test"];
const SKIPPED: readonly string[] = ["test/data", "test/e2e/apps"];
const CODE = /\.[cm]?[jt]sx?$/;

export function readTree(folder: string): Tree {
  const paths = ROOTS.flatMap((root) => filesBelow(folder, root)).sort();
  const sources = paths
    .filter((path) => CODE.test(path))
    .map((path) => parse(path, readFileSync(join(folder, path), "utf8")));
  return { paths, sources };
}

function filesBelow(folder: string, path: string): string[] {
  if (SKIPPED.includes(path)) return [];
  const found = statSync(join(folder, path), { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (found.isFile()) return [path];
  const entries = readdirSync(join(folder, path), { withFileTypes: true });
  return entries
    .filter((entry) => entry.name !== "node_modules" && (entry.isFile() || entry.isDirectory()))
    .flatMap((entry) => filesBelow(folder, `${path}/${entry.name}`));
}
