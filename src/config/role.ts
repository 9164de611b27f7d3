/** What a role is to those who start it: its face, and how its options are made of the configuration. */
import type { RoleFace } from "../../proxy/role.ts";
import type { Config } from "./config.ts";

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
