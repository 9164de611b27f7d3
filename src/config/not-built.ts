/**
 * What the file may say and this version cannot do yet. The whole file is known from the first version on, so that it never
 * has to be written anew; until a role is built, `scale check` warns of it and starting it is refused.
 */
import { Problem, Problems } from "../problem/problem.ts";
import type { Config, RoleName } from "./config.ts";
import { writePath } from "./describe.ts";
import { allKnobs } from "./knob-path.ts";
import { type Origin, placeOf } from "./node.ts";

interface Lack {
  readonly path: readonly string[];
  /** Whose box cannot do without it, where that is not the first word of the path. */
  readonly role?: RoleName;
  /** What cannot be had, as in "Cannot obey app.workers: …". */
  readonly reason: string;
}

/** Throws Problems when a box of that role cannot obey its section. */
export function refuseNotBuilt(config: Config, role: RoleName): void {
  const lacks = lacksOf(config).filter(({ path, role: whose }) => (whose ?? path[0]) === role);
  if (lacks.length > 0) throw new Problems(lacks.map((lack) => problemOf(lack, undefined)));
}

/** One warning for each thing that somebody wrote and that nothing obeys yet. */
export function warnNotBuilt(config: Config, origins: ReadonlyMap<string, Origin>): Problem[] {
  const warnings: Problem[] = [];
  for (const lack of lacksOf(config)) {
    const origin = origins.get(writePath(lack.path));
    if (origin !== undefined && origin.from !== "default") warnings.push(problemOf(lack, origin));
  }
  return warnings;
}

function problemOf({ path, reason }: Lack, origin: Origin | undefined): Problem {
  const where = origin === undefined ? undefined : placeOf(origin);
  const name = path.length === 1 ? `[${writePath(path)}]` : writePath(path);
  return new Problem("CONFIG_NOT_BUILT", {
    what: `Cannot obey ${name} yet: ${reason}`,
    fix: "Leave it out for now, or use a later version",
    ...(where === undefined ? {} : { where, severity: "warning" }),
  });
}

function lacksOf(config: Config): Lack[] {
  const lacks: Lack[] = [];
  for (const { path, row } of allKnobs()) {
    if (row.notBuilt !== undefined && isThere(config, path)) lacks.push({ path, reason: row.notBuilt });
  }
  lacks.push(...replicaLacks(config));
  const [pointer] = (config.app?.db ?? "").split("/");
  if (pointer === "router") lacks.push({ path: ["app", "db"], reason: "the router comes with tier 4" });
  return lacks;
}

/** A pool that sent everything to the primary would be a replica bought in vain. */
function replicaLacks({ pool, postgres }: Config): Lack[] {
  const stores = new Set(Object.values(pool?.databases ?? {}).map(({ store }) => store));
  return [...stores].flatMap((store): Lack[] => {
    if ((postgres[store]?.replicas.length ?? 0) === 0) return [];
    return [{ path: ["postgres", store, "replicas"], role: "pool", reason: "replicas come with tier 3" }];
  });
}

/** Whether the tree has something at the path; an empty map is nothing. */
function isThere(config: Config, path: readonly string[]): boolean {
  let value: unknown = config;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return false;
    value = (value as { readonly [name: string]: unknown })[name];
  }
  return value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0);
}
