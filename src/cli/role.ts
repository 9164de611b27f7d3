/**
 * `scale --role X`: from a person's words to a running box. The plan is made from its sources each time it is asked for,
 * so that a reload sees the file as it is then.
 */
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { defaultAdminAddress } from "../admin/address.ts";
import { adminOf, type Config, type RoleName } from "../config/config.ts";
import { load } from "../config/load.ts";
import { refuseNotBuilt } from "../config/not-built.ts";
import { quickForm } from "../config/quick.ts";
import { printProblems } from "../problem/print.ts";
import { Problem } from "../problem/problem.ts";
import { loadRole } from "../roles.ts";
import { runBox } from "../run/box.ts";
import type { Plan, ProcessLimits } from "../run/plan.ts";
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
  return runBox(async () => {
    const { config, warnings } = await load({
      ...(typeof file === "string" ? { file } : {}),
      flags: quick,
      env: process.env,
      role,
    });
    if (!warned) tellWarnings(warnings);
    warned = true;
    refuseNotBuilt(config, role);
    const folder = typeof file === "string" ? dirname(resolve(file)) : process.cwd();
    return makePlan({ config, role, name, mode, folder });
  });
}

interface PlanParts {
  readonly config: Config;
  readonly role: RoleName;
  readonly name: string;
  readonly mode: Plan["mode"];
  readonly folder: string;
}

async function makePlan({ config, role, name, mode, folder }: PlanParts): Promise<Plan> {
  const { face, setup } = await loadRole(role);
  const options = setup(config, { mode, folder });
  const workers = face.workers(options);
  const admin = adminOf(config, role);
  const program = face.program?.(options);
  const watch = mode === "development" ? face.sources?.(options) : undefined;
  return {
    role,
    name,
    mode,
    options,
    workers,
    listens: face.listens(options),
    environment: face.environment?.(options) ?? {},
    limits: limitsOf(config, role, workers),
    admin: {
      listen: admin.listen ?? defaultAdminAddress(name),
      ...(admin.token === undefined ? {} : { token: admin.token }),
    },
    log: config.log,
    ...(program === undefined ? {} : { program }),
    ...(watch === undefined ? {} : { watch }),
  };
}

function limitsOf(config: Config, role: RoleName, workers: number): ProcessLimits {
  const section = config[role];
  if (section === undefined)
    throw new Problem("CONFIG_NO_SECTION", { what: `Cannot be role "${role}": the configuration has no [${role}]` });
  const { startTimeoutMs, drainTimeoutMs, stallTimeoutMs, memoryMaxBytes } = section;
  return {
    startTimeoutMs,
    drainTimeoutMs,
    stallTimeoutMs,
    memoryMaxBytes:
      memoryMaxBytes === "auto" ? Math.floor((memoryTotalBytes() * MEMORY_SHARE) / workers) : memoryMaxBytes,
  };
}

/** What is wrong enough to say and not to stop for. That other sections wait for later builds is no news to this role. */
function tellWarnings(warnings: readonly Problem[]): void {
  const worth = warnings.filter((warning) => warning.code !== "CONFIG_NOT_BUILT");
  if (worth.length > 0) process.stderr.write(printProblems(worth, { colour: process.stderr.isTTY === true }));
}
