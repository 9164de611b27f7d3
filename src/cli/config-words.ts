/** The options of `scale config`, checked: those of a box, since they are part of what is resolved. */
import { existsSync } from "node:fs";
import type { RoleName } from "../config/config.ts";
import { Problem } from "../problem/problem.ts";
import { roleOf } from "./role-word.ts";

const USUAL_FILE = "scale.toml";

export interface ResolvedWords {
  readonly file?: string;
  readonly role?: RoleName;
  readonly options: Readonly<Record<string, unknown>>;
  readonly json: boolean;
}

/** Throws a Problem when they cannot all be obeyed. */
export function configWords(named: string | undefined, options: Readonly<Record<string, unknown>>): ResolvedWords {
  const file = fileOf(named, options["config"]);
  const role = options["role"] === undefined ? undefined : roleOf(options["role"]);
  if (role === undefined) demandNoRoleFlag(options);
  return {
    options,
    json: options["json"] === true,
    ...(file === undefined ? {} : { file }),
    ...(role === undefined ? {} : { role }),
  };
}

function fileOf(named: string | undefined, config: unknown): string | undefined {
  const flag = typeof config === "string" ? config : undefined;
  if (named !== undefined && flag !== undefined && named !== flag) {
    throw new Problem("CLI_USAGE", {
      what: `Cannot read both "${named}" and "${flag}": it is one file`,
      fix: "Name it once",
    });
  }
  return named ?? flag ?? (existsSync(USUAL_FILE) ? USUAL_FILE : undefined);
}

const roleFlags = { listen: "--listen", workers: "--workers", to: "--to", replica: "--replica" } as const;

function demandNoRoleFlag(options: Readonly<Record<string, unknown>>): void {
  for (const [option, flag] of Object.entries(roleFlags)) {
    if (options[option] === undefined) continue;
    throw new Problem("CLI_USAGE", {
      what: `Cannot use ${flag} without --role: it is a knob of one role`,
      fix: `Add --role app, pool, lb or router, or name the knob: --set app.listen=3000`,
    });
  }
}
