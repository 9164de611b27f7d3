/**
 * What a test file says when it wants programs that are not ours: `const { test, path } = needs("psql")`. Where one is
 * missing its tests are skipped, and `npm test` names the packages; under `npm test` they were installed before, if they
 * could be. The runner reads the names from the file's text, so they are literals: never a variable.
 */
import { describe, test } from "bun:test";
import { findTool, tools, type ToolName } from "./tools.ts";

export interface Needs {
  readonly test: typeof test;
  readonly describe: typeof describe;
  /** Absolute path of one of the programs asked for; call it inside a test or hook. */
  path(name: ToolName): string;
}

export function needs(...names: readonly ToolName[]): Needs {
  const found = new Map(names.map((name) => [name, findTool(name)] as const));
  const skip = names.some((name) => found.get(name) === undefined);
  return {
    test: (skip ? test.skipIf(true) : test) as typeof test,
    describe: (skip ? describe.skipIf(true) : describe) as typeof describe,
    path: (name) => pathOf(found, name),
  };
}

function pathOf(found: ReadonlyMap<ToolName, string | undefined>, name: ToolName): string {
  const path = found.get(name);
  if (path !== undefined) return path;
  const why = found.has(name) ? `not installed (${tools[name].packages.join(" ")})` : "not among the file's needs";
  throw new Error(`Cannot run "${name}": ${why}`);
}
