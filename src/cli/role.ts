/**
 * `scale --role X`: from a person's words to a running box. The plan is made from its sources each time it is asked for,
 * so that a reload sees the file as it is then.
 */
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import type { RoleFace } from "../../proxy/role.ts";
import { defaultAdminAddress } from "../admin/address.ts";
import { adminOf, type Config, type RoleName } from "../config/config.ts";
import type { FlagWords } from "../config/layers.ts";
import { load } from "../config/load.ts";
import { refuseNotBuilt } from "../config/not-built.ts";
import { quickForm } from "../config/quick.ts";
import { printProblems } from "../problem/print.ts";
import { Problem } from "../problem/problem.ts";
import { loadRole } from "../roles.ts";
import { runBox } from "../run/box.ts";
import type { BoxSecrets, Crew, Plan, ProcessLimits, Wish } from "../run/plan.ts";
import { memoryTotalBytes } from "../run/proc.ts";
import { roleOf } from "./role-word.ts";

/** What is left to the system, the keeper and the steward. */
const MEMORY_SHARE = 0.9;

type Options = Readonly<Record<string, unknown>>;

export async function runRole(entry: string | undefined, options: Options): Promise<number> {
  const role = roleOf(options["role"]);
  const quick = quickForm(role, { entry, options });
  const file = options["config"];
  const mode = options["dev"] === true ? "development" : "production";
  const name = typeof options["name"] === "string" ? options["name"] : `${hostname()}-${role}`;
  let warned = false;
  return runBox(async (wish, box) => {
    const { config, warnings } = await load({
      ...(typeof file === "string" ? { file } : {}),
      flags: [...quick, ...wishFlags(role, wish)],
      env: process.env,
      role,
    });
    if (!warned) tellWarnings(warnings);
    warned = true;
    refuseNotBuilt(config, role);
    const folder = typeof file === "string" ? dirname(resolve(file)) : process.cwd();
    return makePlan({ config, role, name, mode, folder, box });
  });
}

/** What `scale app --count` has said since the box started. */
function wishFlags(role: RoleName, { workers }: Wish): FlagWords[] {
  return workers === undefined ? [] : [{ path: `${role}.workers`, text: String(workers), flag: "--count" }];
}

interface PlanParts {
  readonly config: Config;
  readonly role: RoleName;
  readonly name: string;
  readonly mode: Plan["mode"];
  readonly folder: string;
  readonly box: BoxSecrets;
}

async function makePlan({ config, role, name, mode, folder, box }: PlanParts): Promise<Plan> {
  const { face, setup, crews } = await loadRole(role);
  const options = setup(config, { mode, folder, box });
  const others = crews?.(options) ?? [];
  const own = crewFrom(role, face, options);
  const more = await Promise.all(
    others.map(async (one) => crewFrom(one.role, (await loadRole(one.role)).face, one.options)),
  );
  const fronted = others.some((one) => one.role === "lb");
  if (box.fronted !== undefined && box.fronted !== fronted) throw frontProblem(own.workers);
  const admin = adminOf(config, role);
  const watch = mode === "development" ? face.sources?.(options) : undefined;
  const processes = [own, ...more].reduce((sum, crew) => sum + crew.workers, 0);
  return {
    role,
    name,
    mode,
    crews: [own, ...more],
    ...(fronted ? { front: { folder: box.folder } } : {}),
    listens: face.listens(options),
    limits: limitsOf(config, role, processes),
    admin: {
      listen: admin.listen ?? defaultAdminAddress(name),
      ...(admin.token === undefined ? {} : { token: admin.token }),
    },
    log: config.log,
    ...(watch === undefined ? {} : { watch }),
  };
}

function crewFrom(role: RoleName, face: RoleFace<unknown>, options: unknown): Crew {
  const program = face.program?.(options);
  return {
    name: role,
    options,
    workers: face.workers(options),
    environment: face.environment?.(options) ?? {},
    sockets: face.sockets?.(options) ?? [],
    ...(program === undefined ? {} : { program }),
  };
}

function frontProblem(workers: number): Problem {
  return new Problem("RUN_NEEDS_FRONT", {
    what: `Cannot run ${workers} workers: this box began with one, which owns its port itself`,
    fix: "Restart the box",
  });
}

function limitsOf(config: Config, role: RoleName, processes: number): ProcessLimits {
  const section = config[role];
  if (section === undefined)
    throw new Problem("CONFIG_NO_SECTION", { what: `Cannot be role "${role}": the configuration has no [${role}]` });
  const { startTimeoutMs, drainTimeoutMs, stallTimeoutMs, memoryMaxBytes } = section;
  return {
    startTimeoutMs,
    drainTimeoutMs,
    stallTimeoutMs,
    memoryMaxBytes:
      memoryMaxBytes === "auto" ? Math.floor((memoryTotalBytes() * MEMORY_SHARE) / processes) : memoryMaxBytes,
  };
}

/** What is wrong enough to say and not to stop for. That other sections wait for later builds is no news to this role. */
function tellWarnings(warnings: readonly Problem[]): void {
  const worth = warnings.filter((warning) => warning.code !== "CONFIG_NOT_BUILT");
  if (worth.length > 0) process.stderr.write(printProblems(worth, { colour: process.stderr.isTTY === true }));
}
