/**
 * The roles, by name. A role is loaded only in a process that is one, so that no command pays for what it does not use.
 */
import type { RoleFace } from "../proxy/role.ts";
import type { Config } from "./config/config.ts";
import { Problem } from "./problem/problem.ts";

export interface Role {
  /** Options are plain data that this role's own `setup` made; nobody between the two looks inside. */
  readonly face: RoleFace<unknown>;
  /** The role's options for this configuration; throws Problems when they cannot be had. */
  setup(config: Config, context: SetupContext): unknown;
}

export interface SetupContext {
  readonly mode: "production" | "development";
  /** Where what the configuration says is relative to: the folder of its file, or the current one. */
  readonly folder: string;
}

/** Only those that are built; `src/config/not-built.ts` refuses the others before anyone gets here. */
export async function loadRole(name: string): Promise<Role> {
  if (name !== "app") {
    throw new Problem("CONFIG_NOT_BUILT", { what: `Cannot be a "${name}": this build has no such role yet` });
  }
  const [{ face }, { makeSetup }] = await Promise.all([import("./app/app.ts"), import("./app/setup.ts")]);
  return { face: face as RoleFace<unknown>, setup: makeSetup };
}
