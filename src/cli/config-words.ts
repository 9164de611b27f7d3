/** The options of `scale config`: those of a role, since they are part of what is resolved. */
import { existsSync } from "node:fs";
import { type RoleName, roleNames } from "../config/config.ts";

const USUAL_FILE = "scale.toml";

export interface ResolvedWords {
  readonly file?: string;
  readonly role?: RoleName;
  readonly options: Readonly<Record<string, unknown>>;
  readonly json: boolean;
}

export function configWords(options: Readonly<Record<string, unknown>>): ResolvedWords {
  const { config } = options;
  const file = typeof config === "string" ? config : existsSync(USUAL_FILE) ? USUAL_FILE : undefined;
  const role = roleNames.find((name) => name === options["role"]);
  return {
    options,
    json: options["json"] === true,
    ...(file === undefined ? {} : { file }),
    ...(role === undefined ? {} : { role }),
  };
}
