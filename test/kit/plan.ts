/**
 * Which test files `npm test` runs, in which order and how: quick suites in one `bun test` each over all cores; end to
 * end, a run per file and one after the other, since those own ports, databases and the whole machine's attention.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Suite } from "./suite.ts";

interface Kind {
  readonly name: string;
  readonly pattern: string;
  /** Each file in a run of its own. */
  readonly alone?: true;
  /** Needs dist/scale. */
  readonly built?: true;
  /** Only with `--long`. */
  readonly long?: true;
  readonly testTimeoutMs: number;
  readonly limitMs: number;
}

const MINUTE = 60_000;

export const kinds: readonly Kind[] = [
  { name: "tidy", pattern: "test/tidy.test.ts", testTimeoutMs: MINUTE, limitMs: 2 * MINUTE },
  { name: "unit", pattern: "test/unit/**/*.test.ts", testTimeoutMs: MINUTE / 2, limitMs: 8 * MINUTE },
  { name: "talk", pattern: "test/talk/**/*.test.ts", testTimeoutMs: MINUTE / 2, limitMs: 4 * MINUTE },
  { name: "sim", pattern: "test/sim/**/*.test.ts", testTimeoutMs: MINUTE, limitMs: 5 * MINUTE },
  { name: "fuzz", pattern: "test/fuzz/**/*.test.ts", testTimeoutMs: 2 * MINUTE, limitMs: 5 * MINUTE },
  {
    name: "e2e",
    pattern: "test/e2e/**/*.test.ts",
    alone: true,
    built: true,
    testTimeoutMs: 2 * MINUTE,
    limitMs: 8 * MINUTE,
  },
  {
    name: "long",
    pattern: "test/long/**/*.test.ts",
    alone: true,
    built: true,
    long: true,
    testTimeoutMs: 60 * MINUTE,
    limitMs: 90 * MINUTE,
  },
];

export interface Planned extends Suite {
  readonly built: boolean;
}

export interface Selection {
  readonly long: boolean;
  /** Names of kinds, or paths of files or folders; empty for all. */
  readonly only: readonly string[];
}

/** Throws when a word of `only` names nothing: a typing error must not pass as "0 failed". */
export function plan(root: string, selection: Selection): readonly Planned[] {
  const planned = kinds.flatMap((kind) => (kind.long && !selection.long ? [] : planKind(root, kind, selection.only)));
  const files = planned.flatMap((suite) => suite.files);
  const idle = selection.only.find(
    (word) => !kinds.some((kind) => kind.name === word) && !files.some((file) => isBelow(file, word)),
  );
  if (idle !== undefined) throw new Error(`Cannot run "${idle}": no suite or test file of that name`);
  return planned;
}

function planKind(root: string, kind: Kind, only: readonly string[]): readonly Planned[] {
  const chosen = only.length === 0 || only.includes(kind.name);
  const files = filesOf(root, kind.pattern).filter((file) => chosen || only.some((word) => isBelow(file, word)));
  const { name, testTimeoutMs, limitMs } = kind;
  const common = { testTimeoutMs, limitMs, built: kind.built === true };
  if (!kind.alone) return files.length === 0 ? [] : [{ name, files, ...common }];
  return files.map((file) => ({ name: file.replace(/^test\//, ""), files: [file], ...common }));
}

/** Test files of applications inside fixtures belong to those applications. */
function filesOf(root: string, pattern: string): readonly string[] {
  if (!existsSync(join(root, "test"))) return [];
  const files = [...new Bun.Glob(pattern).scanSync({ cwd: root, dot: false })];
  return files.filter((file) => !file.includes("node_modules/") && !file.includes("/apps/")).sort();
}

function isBelow(file: string, word: string): boolean {
  const path = word.replace(/^\.\//, "").replace(/\/$/, "");
  return file === path || file.startsWith(`${path}/`);
}
