/**
 * Everything between the words of a person and the typed tree: file, environment and flags are read, put over each other,
 * checked against the knob tables and against each other. All problems come at once.
 * Invariant: what `load` returns can be obeyed as far as the text can tell; what it throws is `Problems`.
 */
import { resolve, dirname } from "node:path";
import { Problem, Problems } from "../problem/problem.ts";
import { type Config, configRows, type RoleName } from "./config.ts";
import { checkConflicts } from "./conflicts.ts";
import type { Draft, Inspection } from "./draft.ts";
import { fillDefaults } from "./fill.ts";
import { type FlagWords, overlayEnv, overlayFlags } from "./layers.ts";
import { checkLocalFiles } from "./local-files.ts";
import { harmlessKeys } from "./harmless.ts";
import { emptyTable, type Origin } from "./node.ts";
import { warnNotBuilt } from "./not-built.ts";
import { readSource } from "./read.ts";
import { checkReferences } from "./references.ts";
import { type Found, type ResolvedValue, resolveTree } from "./resolve.ts";
import { parseToml, type Toml } from "./toml.ts";

export interface Sources {
  /** As the person named it; relative to `folder`. */
  readonly file?: string;
  readonly flags: readonly FlagWords[];
  readonly env: { readonly [name: string]: string | undefined };
  /** What relative names on the command line are relative to; the current folder when absent. */
  readonly folder?: string;
  /** The role that is about to start: its section must be there, and what only other boxes need may be missing here. */
  readonly role?: RoleName;
  /** For `scale check`: every section must have what its role needs, and there must be one. */
  readonly strict?: boolean;
}

export interface Loaded {
  readonly config: Config;
  readonly values: readonly ResolvedValue[];
  readonly warnings: readonly Problem[];
  /** Where each value and section was written, by its path. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** More are not told at once. */
export const PROBLEMS_MAX = 100;

/** Throws Problems, warnings included, when there is an error among them. */
export async function load(sources: Sources): Promise<Loaded> {
  const folder = sources.folder ?? process.cwd();
  const toml = await readFile(sources, folder);
  const layered = [...overlayEnv(toml.root, sources.env), ...overlayFlags(toml.root, sources.flags)];
  const resolved = resolveTree(configRows, toml.root, {
    env: sources.env,
    folder,
    fileFolder: sources.file === undefined ? folder : dirname(resolve(folder, sources.file)),
    broken: toml.broken,
  });
  const draft = resolved.tree as Inspection["config"];
  const found: Found[] = [...resolved.found];
  if (!toml.broken)
    inspect({ ...resolved, config: draft, found, needs: (role) => sources.strict === true || sources.role === role });
  const needed = found.filter(({ isLocal, path }) => !isLocal || isNeeded(draft, path, sources.role));
  const problems = [...toml.problems, ...layered, ...needed.map(({ problem }) => problem)];
  if (!toml.broken && !problems.some(isError)) problems.push(...checkSections(draft, sources));
  if (problems.some(isError)) throw new Problems(withLimit(inOrder(problems)));
  // Without problems the tree has the type that the knob tables say (see resolve.ts).
  const filled = fillDefaults(resolved.tree as unknown as Config);
  return {
    config: filled.config,
    values: [...resolved.values, ...filled.values],
    warnings: inOrder([...problems, ...warnNotBuilt(filled.config, resolved.origins)]),
    origins: resolved.origins,
  };
}

async function readFile(sources: Sources, folder: string): Promise<Toml> {
  if (sources.file === undefined) return { root: emptyTable(), problems: [], broken: false };
  try {
    return await parseToml(readSource(sources.file, resolve(folder, sources.file), harmlessKeys));
  } catch (error) {
    if (error instanceof Problem) throw new Problems([error]);
    throw error;
  }
}

function inspect(inspection: Inspection): void {
  checkReferences(inspection);
  checkConflicts(inspection);
  checkLocalFiles(inspection);
}

/** The sections that the file, for what is asked of it, has to have. */
function checkSections(config: Inspection["config"], { role, strict, file }: Sources): Problem[] {
  const where = file === undefined ? {} : { where: { file } };
  if (role !== undefined && config[role] === undefined) {
    const fix =
      file === undefined
        ? `See "scale --role ${role} --help" for the flags that do without a file`
        : `Add [${role}] to it`;
    return [
      new Problem("CONFIG_NO_SECTION", {
        what: `Cannot be role "${role}": ${file === undefined ? "nothing describes it" : `there is no [${role}]`}`,
        ...where,
        fix,
      }),
    ];
  }
  const hasRole = (["app", "pool", "lb", "router"] as const).some((name) => config[name] !== undefined);
  if (strict !== true || hasRole) return [];
  return [
    new Problem("CONFIG_EMPTY", {
      what: `Cannot use "${file ?? "the environment"}": it ${isBlank(config) ? "is empty" : "describes no role"}`,
      ...where,
      fix: 'Add a section, for instance [app] with entry = "./server.ts"',
    }),
  ];
}

function isBlank(config: Inspection["config"]): boolean {
  return (["postgres", "redis", "queue"] as const).every((section) => Object.keys(config[section] ?? {}).length === 0);
}

/** Whether a box of that role reads the knob, so that what it says must be there on this machine. */
function isNeeded(config: Inspection["config"], path: Found["path"], role: RoleName | undefined): boolean {
  const [section, name] = path;
  if (role === undefined || section === role || section === "admin" || section === "log") return true;
  if (section === "edge" || section === "autoscale") return role === "lb";
  if (section === "postgres") return storesOf(config, role).includes(String(name));
  if (section === "redis") return role === "app" && isOnlyOr(config.redis, config.app?.cache, name);
  if (section === "queue") return role === "app" && isOnlyOr(config.queue, config.app?.queue, name);
  return false;
}

function storesOf(config: Inspection["config"], role: RoleName): readonly (string | undefined)[] {
  if (role === "pool") return Object.values(config.pool?.databases ?? {}).map((database) => database?.store);
  if (role === "router") return config.router?.shards ?? [];
  if (role === "app")
    return Object.keys(config.postgres ?? {}).filter((name) => isOnlyOr(config.postgres, config.app?.db, name));
  return [];
}

/** Whether the store is the one that is named, or, when none is, the only one. */
function isOnlyOr(
  stores: Draft<{ [name: string]: object }>,
  named: string | undefined,
  name: string | number | undefined,
): boolean {
  return named === undefined ? Object.keys(stores ?? {}).length === 1 : named === name;
}

function isError(problem: Problem): boolean {
  return problem.parts.severity !== "warning";
}

/** The first of them, and how many more there are. */
function withLimit(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= PROBLEMS_MAX) return problems;
  const what = `Cannot show all problems: there are ${problems.length - PROBLEMS_MAX} more, or even more than that`;
  return [
    ...problems.slice(0, PROBLEMS_MAX),
    new Problem("CONFIG_MANY", { what, fix: "Correct these, and check again" }),
  ];
}

/** By place; what has none comes last, in the order it was found. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const rank = ({ parts: { where } }: Problem) =>
    [where?.line ?? (where === undefined ? 2e9 : 1e9), where?.column ?? 0] as const;
  return problems.toSorted((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1]);
}
