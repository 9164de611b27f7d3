/**
 * Which boxes `scale reload` speaks to, and with which token: those that are up in the folder, or one that is named by
 * its name, its admin address or its file. Asks nobody.
 */
import { networkInterfaces } from "node:os";
import { isLocal } from "../../proxy/base/address.ts";
import { adminAddress, defaultAdminAddress } from "../admin/address.ts";
import { adminOf, type Config, roleNames } from "../config/config.ts";
import type { FlagWords } from "../config/layers.ts";
import { load } from "../config/load.ts";
import { Problem } from "../problem/problem.ts";
import { dataFolderOf, readState } from "../up/state-file.ts";

export interface TargetWords {
  readonly folder: string;
  /** A box by its name; those that are up in the folder when absent. */
  readonly box?: string;
  readonly admin?: string;
  readonly tokenFile?: string;
  /** The file of the box. */
  readonly config?: string;
  readonly env: { readonly [name: string]: string | undefined };
}

export interface ReloadTarget {
  /** Absent when only its address is known. */
  readonly name?: string;
  readonly admin: string;
  readonly token?: string;
}

/** Throws a Problem when there is none, or when what it is named by cannot be read. */
export async function targetsOf(words: TargetWords): Promise<readonly ReloadTarget[]> {
  const { listen, token } = await adminKnobs(words);
  const key = token === undefined ? {} : { token };
  const { box } = words;
  const named = box === undefined ? {} : { name: box };
  const isSaid = words.admin !== undefined || words.config !== undefined;
  if (isSaid && listen !== undefined) return [{ ...named, admin: onThisMachine(listen), ...key }];
  const boxes = readState(dataFolderOf(words.folder))?.state.boxes ?? [];
  const up = boxes.filter(({ name }) => box === undefined || name === box);
  if (up.length > 0) return up.map(({ name, admin }) => ({ name, admin, ...key }));
  if (listen !== undefined) return [{ ...named, admin: onThisMachine(listen), ...key }];
  if (box !== undefined) return [{ name: box, admin: defaultAdminAddress(box), ...key }];
  throw new Problem("UP_NOT_RUNNING", {
    what: `Cannot reload: nothing is up in "${words.folder}"`,
    fix: "Name the box: scale reload NAME, or scale reload --admin ADDRESS",
  });
}

/** The variables that may say both, when no file is read and others are not ours to judge. */
const VARIABLES = ["SCALE_ADMIN__LISTEN", "SCALE_ADMIN__TOKEN"] as const;

async function adminKnobs({ folder, admin, tokenFile, config: file, env }: TargetWords): Promise<Config["admin"]> {
  const some = Object.fromEntries(VARIABLES.map((name) => [name, env[name]]));
  // Not --admin: an open address is refused without a token, and here that is the business of the box.
  const flags: readonly FlagWords[] =
    tokenFile === undefined ? [] : [{ path: "admin.token", text: `\${file:${tokenFile}}`, flag: "--token-file" }];
  const { config } = await load({ ...(file === undefined ? { env: some } : { file, env }), flags, folder });
  const known = adminOfOnlyRole(config);
  const listen = admin ?? known.listen;
  const token = tokenFile === undefined ? known.token : config.admin.token;
  return { ...(listen === undefined ? {} : { listen }), ...(token === undefined ? {} : { token }) };
}

/** [app.admin] stands for [admin] when the file is that of an app; a file of several roles has one [admin] for them. */
function adminOfOnlyRole(config: Config): Config["admin"] {
  const [role, ...others] = roleNames.filter((name) => config[name] !== undefined);
  return role === undefined || others.length > 0 ? config.admin : adminOf(config, role);
}

/** A box elsewhere cannot be sent a signal: the process that has its keeper's pid here is another. */
function onThisMachine(text: string): string {
  const address = adminAddress(text);
  if (isLocal(address)) return text;
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const host = address.path === undefined ? address.host : "";
  if (host === "0.0.0.0" || host === "::" || own.some((one) => one.address === host)) return text;
  throw new Problem("CLI_BAD_OPTION", {
    what: `Cannot reload the box at "${text}": it is not an address of this machine`,
    why: "A reload is a signal to the box's keeper.",
    fix: "Run scale reload on the machine of the box",
  });
}
