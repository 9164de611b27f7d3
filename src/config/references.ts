/**
 * What only the whole file can tell: names that refer to other sections, and knobs that need or exclude each other. Each
 * check takes the draft and adds what it finds. Files on this machine are `local-files.ts`.
 */
import type { ProblemCode } from "../problem/codes.ts";
import { Problem } from "../problem/problem.ts";
import { words, writeKey, writePath } from "./describe.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Inspection } from "./draft.ts";
import { placeOf } from "./node.ts";
import type { KnobPath } from "./wording.ts";

export interface Finding {
  readonly what: string;
  readonly why?: string;
  readonly fix?: string;
  readonly severity?: "error" | "warning";
  /** See `Found`. */
  readonly isLocal?: boolean;
}

/** A message repeats no more of a value. */
const QUOTE_LENGTH_MAX = 120;

/** The value as a message may say it. */
export function quote({ hidden }: Inspection, path: KnobPath, value: string): string {
  if (hidden.has(writePath(path))) return "its value";
  return JSON.stringify(value.length <= QUOTE_LENGTH_MAX ? value : `${value.slice(0, QUOTE_LENGTH_MAX)}…`);
}

/** Adds a problem at the place of the knob, or of the nearest section that somebody wrote. */
export function report(inspection: Inspection, path: KnobPath, code: ProblemCode, finding: Finding): void {
  const { isLocal = false, ...parts } = finding;
  let end = path.length;
  let origin = inspection.origins.get(writePath(path));
  while (end > 1 && (origin === undefined || origin.from === "default")) {
    end -= 1;
    origin = inspection.origins.get(writePath(path.slice(0, end)));
  }
  const where = origin === undefined ? undefined : placeOf(origin);
  const problem = new Problem(code, where === undefined ? parts : { ...parts, where });
  inspection.found.push({ path, problem, isLocal });
}

export function checkReferences(inspection: Inspection): void {
  checkDb(inspection);
  checkStoreOf(inspection, "cache", "redis");
  checkStoreOf(inspection, "queue", "queue");
  checkPool(inspection);
  checkUpstreams(inspection);
  checkShards(inspection);
}

function checkDb(inspection: Inspection): void {
  const { app, pool, router, postgres } = inspection.config;
  if (app === undefined) return;
  const stores = Object.keys(postgres ?? {});
  if (app.db === undefined) return unclear(inspection, "db", stores);
  if (isOpen(app.db)) return;
  const [name, database] = app.db.split("/");
  if (name === "router") return router === undefined ? noSection(inspection, "router") : undefined;
  if (name === "pool") {
    if (pool === undefined) return noSection(inspection, "pool");
    const databases = Object.keys(pool.databases ?? {});
    if (database === undefined) return databases.length > 1 ? unclearDatabase(inspection, databases) : undefined;
    return refer(inspection, {
      path: ["app", "db"],
      name: database,
      to: databases,
      section: "pool.databases",
      code: "CONFIG_UNKNOWN_STORE",
    });
  }
  refer(inspection, {
    path: ["app", "db"],
    name: app.db,
    to: stores,
    section: "postgres",
    code: "CONFIG_UNKNOWN_STORE",
    also: ["pool", "router"],
  });
}

function checkStoreOf(inspection: Inspection, knob: "cache" | "queue", section: "redis" | "queue"): void {
  const { app } = inspection.config;
  const name = app?.[knob];
  const stores = Object.keys(inspection.config[section] ?? {});
  if (app !== undefined && name === undefined) return unclear(inspection, knob, stores);
  refer(inspection, { path: ["app", knob], name, to: stores, section, code: "CONFIG_UNKNOWN_STORE" });
}

function checkPool(inspection: Inspection): void {
  const { pool, postgres } = inspection.config;
  const databases = Object.entries(pool?.databases ?? {});
  const to = Object.keys(postgres ?? {});
  for (const [database, of] of databases) {
    const path = ["pool", "databases", database, "store"];
    refer(inspection, { path, name: of?.store, to, section: "postgres", code: "CONFIG_UNKNOWN_STORE" });
  }
  if (pool !== undefined && databases.length === 0 && inspection.needs("pool") && !isMistaken(inspection, "pool")) {
    report(inspection, ["pool"], "CONFIG_REQUIRED", {
      what: "Cannot use pool: it has no databases",
      why: "Clients name a database when they connect; without any, none can.",
      fix: `Write for instance [pool.databases.shop] with store = ${JSON.stringify(to[0] ?? "main")}`,
    });
  }
}

function checkUpstreams(inspection: Inspection): void {
  const { lb, autoscale } = inspection.config;
  const to = Object.keys(lb?.upstreams ?? {});
  const base = { to, section: "lb.upstreams", code: "CONFIG_UNKNOWN_UPSTREAM" } as const;
  for (const [index, route] of (lb?.routes ?? []).entries()) {
    refer(inspection, { ...base, path: ["lb", "routes", index, "upstream"], name: route?.upstream });
  }
  for (const [index, listen] of (lb?.listen ?? []).entries()) {
    refer(inspection, { ...base, path: ["lb", "listen", index, "upstream"], name: listen?.upstream });
    if (listen?.mode === "tcp" && listen.upstream === undefined && to.length > 1)
      needsUpstream(inspection, ["lb", "listen", index], to);
  }
  refer(inspection, { ...base, path: ["autoscale", "upstream"], name: autoscale?.upstream });
  if (lb === undefined) return;
  if (to.length === 0 && inspection.needs("lb") && !isMistaken(inspection, "lb")) {
    report(inspection, ["lb"], "CONFIG_REQUIRED", {
      what: "Cannot use lb: it has no upstreams",
      why: "An upstream is a group of servers that requests go to.",
      fix: 'Write for instance [lb.upstreams.app] with servers = ["127.0.0.1:3000"]',
    });
  }
  const balances = (lb.listen ?? []).some((listen) => listen?.mode === "http");
  if (to.length > 1 && balances && (lb.routes ?? []).length === 0) needsUpstream(inspection, ["lb", "routes"], to);
  if (autoscale !== undefined && autoscale.upstream === undefined && to.length > 1)
    needsUpstream(inspection, ["autoscale"], to);
}

function needsUpstream(inspection: Inspection, path: KnobPath, upstreams: readonly string[]): void {
  const isRoutes = path.at(-1) === "routes";
  report(inspection, path, "CONFIG_UNKNOWN_UPSTREAM", {
    what: `Cannot use ${writePath(path.slice(0, isRoutes ? 1 : undefined))}: ${isRoutes ? "it has no routes" : "it names no upstream"} and there are ${upstreams.length} upstreams`,
    fix: isRoutes ? `Write [[lb.routes]] with upstream = "${upstreams[0]}"` : `Write ${oneOf("upstream", upstreams)}`,
  });
}

function checkShards(inspection: Inspection): void {
  const { router, postgres } = inspection.config;
  const shards = router?.shards ?? [];
  const to = Object.keys(postgres ?? {});
  for (const [index, shard] of shards.entries()) {
    const path = ["router", "shards", index];
    refer(inspection, { path, name: shard, to, section: "postgres", code: "CONFIG_UNKNOWN_SHARD" });
    if (shards.indexOf(shard) !== index && shard !== undefined) {
      report(inspection, path, "CONFIG_UNKNOWN_SHARD", {
        what: `Cannot use router.shards: ${quote(inspection, path, shard)} is in it twice`,
        fix: "Remove one of the two; the order of the others matters",
      });
    }
  }
  for (const [table, kind] of Object.entries(router?.tables ?? {})) {
    if (typeof kind !== "string" || !kind.startsWith("single:")) continue;
    const known = [...new Set(shards.filter((shard) => shard !== undefined))];
    const name = kind.slice("single:".length);
    refer(inspection, {
      path: ["router", "tables", table],
      name,
      to: known,
      section: "router.shards",
      code: "CONFIG_UNKNOWN_SHARD",
    });
  }
}

interface Reference {
  readonly path: KnobPath;
  readonly name: string | undefined;
  /** The names there are. */
  readonly to: readonly string[];
  readonly section: "postgres" | "redis" | "queue" | "pool.databases" | "lb.upstreams" | "router.shards";
  readonly code: ProblemCode;
  /** Other words that would have been right. */
  readonly also?: readonly string[];
}

function refer(inspection: Inspection, { path, name, to, section, code, also = [] }: Reference): void {
  if (name === undefined || to.includes(name) || isOpen(name)) return;
  const isHidden = inspection.hidden.has(writePath(path));
  const meant = isHidden ? undefined : didYouMean(name, [...to, ...also]);
  const list = section === "router.shards";
  const table = isHidden ? `[${section}.NAME] of that name` : `[${section}.${writeKey(name)}]`;
  const missing = list ? `${quote(inspection, path, name)} is not in router.shards` : `there is no ${table}`;
  const others = to.length === 1 ? `Write ${to[0]}, the only one there is` : `Write one of ${words([...to])}`;
  const add = list ? "add it to router.shards" : `add ${table}`;
  const fix =
    meant !== undefined ? `Write ${meant}, or ${add}` : to.length === 0 ? `A${add.slice(1)}` : `${others}, or ${add}`;
  report(inspection, path, code, {
    what: `Cannot use ${writePath(path)}: ${missing}${meant === undefined ? "" : `, did you mean "${meant}"`}`,
    fix,
  });
}

function unclear(inspection: Inspection, knob: "db" | "cache" | "queue", stores: readonly string[]): void {
  if (stores.length < 2 || !inspection.needs("app")) return;
  report(inspection, ["app", knob], "CONFIG_STORE_UNCLEAR", {
    what: `Cannot tell what app.${knob} is: there are ${stores.length} stores it could be`,
    fix: `Write ${oneOf(knob, stores)} in [app]`,
  });
}

function unclearDatabase(inspection: Inspection, databases: readonly string[]): void {
  report(inspection, ["app", "db"], "CONFIG_STORE_UNCLEAR", {
    what: `Cannot tell which database of the pool app.db is: there are ${databases.length}`,
    fix: `Write ${oneOf(
      "db",
      databases.map((name) => `pool/${name}`),
    )} in [app]`,
  });
}

/** `db = "main" or db = "other"` */
function oneOf(knob: string, values: readonly string[]): string {
  return words(values.map((value) => `${knob} = ${JSON.stringify(value)}`));
}

function noSection(inspection: Inspection, section: "pool" | "router"): void {
  report(inspection, ["app", "db"], "CONFIG_UNKNOWN_STORE", {
    what: `Cannot use app.db: there is no [${section}]`,
    why: `db = "${section}" goes through a box with --role ${section}, whose section says where it listens.`,
    fix: `Add [${section}], or name a [postgres.NAME]`,
  });
}

/** Whether something in the section is wrong already, so that what seems to be missing may be meant by it. */
function isMistaken({ found }: Inspection, section: "pool" | "lb"): boolean {
  return found.some(({ path, problem }) => path[0] === section && path.length <= 2 && problem.code !== "CONFIG_RANGE");
}

/** The name stands in the environment of another box. */
function isOpen(name: string): boolean {
  return name.includes("${");
}
