/**
 * The roles, by name. A role is loaded only in a process that is one, so that no command pays for what it does not use.
 */
import type { RoleFace } from "../proxy/role.ts";
import type { AppSetup } from "./app/setup.ts";
import type { Config } from "./config/config.ts";
import { Problem } from "./problem/problem.ts";
import type { BoxSecrets, CrewWish } from "./run/plan.ts";

export interface Role {
  /** Options are plain data that this role's own `setup` made; nobody between the two looks inside. */
  readonly face: RoleFace<unknown>;
  /** The role's options for this configuration; throws Problems when they cannot be had. */
  setup(config: Config, context: SetupContext): unknown;
  /** The crews that stand with this role's own. "lb" among them makes it a box with a front. */
  crews?(options: unknown): readonly CrewWish[];
}

export interface SetupContext {
  readonly mode: "production" | "development";
  /** Where what the configuration says is relative to: the folder of its file, or the current one. */
  readonly folder: string;
  readonly box: BoxSecrets;
}

/** Only those that are built; `src/config/not-built.ts` refuses the others before anyone gets here. */
export async function loadRole(name: string): Promise<Role> {
  switch (name) {
    case "app":
      return loadApp();
    case "lb":
      return loadLb();
    case "pool":
      return loadPool();
    default:
      throw new Problem("CONFIG_NOT_BUILT", { what: `Cannot be a "${name}": this build has no such role yet` });
  }
}

async function loadApp(): Promise<Role> {
  const [{ face }, { makeSetup }] = await Promise.all([import("./app/app.ts"), import("./setup/app.ts")]);
  return {
    face: face as RoleFace<unknown>,
    setup: makeSetup,
    crews: (options) => (options as AppSetup).crews ?? [],
  };
}

async function loadLb(): Promise<Role> {
  const [{ face }, { makeSetup }] = await Promise.all([import("../proxy/lb/lb.ts"), import("./setup/lb.ts")]);
  return { face: face as RoleFace<unknown>, setup: makeSetup };
}

async function loadPool(): Promise<Role> {
  const [{ face }, { makeSetup }] = await Promise.all([import("../proxy/pool/pool.ts"), import("./setup/pool.ts")]);
  return { face: face as RoleFace<unknown>, setup: makeSetup };
}
