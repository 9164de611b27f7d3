/** Which keys of a config file have values that may be shown in a source line: those that are a knob and never a secret. */
import { allKnobs } from "./knob-path.ts";
import type { Keys } from "./mask.ts";

let names: ReadonlySet<string> | undefined;

export const harmlessKeys: Keys = {
  harmless(name) {
    names ??= findNames();
    return names.has(name);
  },
};

function findNames(): ReadonlySet<string> {
  const harmless = new Set<string>();
  const secret = new Set<string>();
  for (const { path, row } of allKnobs()) (row.secret === true ? secret : harmless).add(path.at(-1) ?? "");
  return harmless.difference(secret);
}
