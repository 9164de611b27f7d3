/**
 * The quick forms: a box described by a few flags, with or without a file. Turns them into words at the paths of knobs,
 * which `layers.ts` puts over the rest. Which flags there are is commander's business (`src/cli/role-flags.ts`).
 */
import { Problem } from "../problem/problem.ts";
import type { RoleName } from "./config.ts";
import { writeKey, writePath } from "./describe.ts";
import type { FlagWords } from "./layers.ts";
import { parseUrl } from "./url.ts";

export interface QuickWords {
  /** The program, with --role app. */
  readonly entry: string | undefined;
  /** As commander gives them: listen, to, replica, workers, admin, logLevel, set, config. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The flag for a knob of the role, besides --set. */
const ofRole = {
  listen: { flag: "--listen", path: (role: RoleName) => `${role}.listen` },
  workers: { flag: "--workers", path: (role: RoleName) => `${role}.workers` },
} as const;

/** The flag for a knob that every role has. */
const ofEvery = {
  admin: { flag: "--admin", path: () => "admin.listen" },
  logLevel: { flag: "--log-level", path: () => "log.level" },
} as const;

const plainFlags = { ...ofRole, ...ofEvery } as const;

/** The names that --to and --replica give to what they describe. */
const UPSTREAM = "app";
const STORE = "main";

/** Throws a Problem when the flags do not describe a box. */
export function quickForm(role: RoleName, { entry, options }: QuickWords): FlagWords[] {
  const flags: FlagWords[] = [];
  for (const [option, { flag, path }] of Object.entries(ofRole)) {
    const text = options[option];
    if (typeof text === "string") flags.push({ path: path(role), text, flag });
  }
  if (entry !== undefined) flags.push(entryFlag(role, entry));
  const to = typeof options["to"] === "string" ? options["to"] : undefined;
  const replicas = textsOf(options["replica"]);
  if (to !== undefined) flags.push(...toFlags(role, to));
  if (replicas.length > 0) flags.push(replicaFlag(role, replicas));
  flags.push(...commonFlags(options));
  if (options["config"] === undefined && flags.length === 0) throw missing(role);
  return flags;
}

/** Those that say the same for every role, and without one. */
export function commonFlags(options: QuickWords["options"]): FlagWords[] {
  const flags: FlagWords[] = [];
  for (const [option, { flag, path }] of Object.entries(ofEvery)) {
    const text = options[option];
    if (typeof text === "string") flags.push({ path: path(), text, flag });
  }
  return [...flags, ...textsOf(options["set"]).map(setFlag)];
}

/** The flag that sets the knob, besides --set; for explanations. */
export function flagOf(path: readonly string[]): string | undefined {
  const [role, ...rest] = path;
  const knob = writePath(path);
  if (knob === "app.entry") return "the argument";
  if (knob === `lb.upstreams.NAME.servers`) return "--to";
  if (knob === "postgres.NAME.primary") return "--to (of a pool)";
  if (knob === "postgres.NAME.replicas") return "--replica (of a pool)";
  const isRole = role === "app" || role === "pool" || role === "lb" || role === "router";
  for (const { flag, path: pathOf } of Object.values(plainFlags)) {
    if (pathOf(isRole ? role : "app") === [role, ...rest].join(".")) return flag;
  }
  return undefined;
}

function entryFlag(role: RoleName, entry: string): FlagWords {
  if (role === "app") return { path: "app.entry", text: entry, flag: "argument [entry]" };
  throw new Problem("CONFIG_QUICK", {
    what: `Cannot use "${entry}": a box of role ${role} runs no program`,
    fix: "Remove it, or use --role app",
  });
}

function toFlags(role: RoleName, to: string): FlagWords[] {
  const flag = "--to";
  if (role === "lb") return [{ path: `lb.upstreams.${UPSTREAM}.servers`, text: to, flag }];
  if (role !== "pool") throw noUse(role, flag);
  return [
    { path: `postgres.${STORE}.primary`, text: to, flag },
    { path: `pool.databases.${writeKey(databaseOf(to))}.store`, text: STORE, flag },
  ];
}

function replicaFlag(role: RoleName, replicas: readonly string[]): FlagWords {
  if (role !== "pool") throw noUse(role, "--replica");
  return { path: `postgres.${STORE}.replicas`, text: replicas.join(","), flag: "--replica" };
}

/** As libpq does it: the database, else one that is called like the user. */
function databaseOf(url: string): string {
  const parts = parseUrl(url, ["postgres", "postgresql"]);
  if (typeof parts === "string") return "postgres";
  const name = parts.database === "" ? (parts.user ?? "postgres") : parts.database;
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function setFlag(assignment: string): FlagWords {
  const equals = assignment.indexOf("=");
  if (equals > 0)
    return { path: assignment.slice(0, equals).trim(), text: assignment.slice(equals + 1), flag: "--set" };
  throw new Problem("CONFIG_QUICK", {
    what: "Cannot use --set: there is no = between the knob and its value",
    where: { file: "flag --set" },
    fix: "Write it like --set app.pool.max=30",
  });
}

function noUse(role: RoleName, flag: string): Problem {
  return new Problem("CONFIG_QUICK", {
    what: `Cannot use ${flag}: a box of role ${role} has no use for it`,
    where: { file: `flag ${flag}` },
    fix:
      role === "app"
        ? "Name the database in a file, or in SCALE_POSTGRES__MAIN__PRIMARY"
        : "Describe it in a file: --config FILE",
  });
}

const examples = {
  app: "scale --role app --listen 3000 server.ts",
  lb: "scale --role lb --listen 127.0.0.1:8080 --to 127.0.0.1:3001,127.0.0.1:3002",
  pool: "scale --role pool --listen 127.0.0.1:6432 --to postgres://user@host/name",
  router: "scale --role router --config scale.toml",
} as const satisfies Record<RoleName, string>;

function missing(role: RoleName): Problem {
  return new Problem("CONFIG_QUICK", {
    what: `Cannot be role "${role}": neither a file nor flags describe it`,
    fix: `Write for instance ${examples[role]}, or name a file with --config`,
  });
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
