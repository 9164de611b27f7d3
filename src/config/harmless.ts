/** Which keys of a config file have values that may be shown in a source line: those that are a knob and never a secret. */
import { allKnobs } from "./knob-path.ts";
import type { Keys } from "./mask.ts";

interface Names {
  readonly all: ReadonlySet<string>;
  readonly secret: ReadonlySet<string>;
  readonly url: ReadonlySet<string>;
}

let names: Names | undefined;

export const harmlessKeys: Keys = {
  known(name) {
    names ??= findNames();
    return names.all.has(name);
  },
  harmless(name) {
    names ??= findNames();
    return names.all.has(name) && !names.secret.has(name);
  },
  isUrl(name) {
    names ??= findNames();
    return names.url.has(name);
  },
};

function findNames(): Names {
  const nameOf = ({ path }: { readonly path: readonly string[] }) => path.at(-1) ?? "";
  const knobs = allKnobs();
  return {
    all: new Set(knobs.map(nameOf)),
    secret: new Set(knobs.filter(({ row }) => row.secret === true).map(nameOf)),
    url: new Set(knobs.filter(({ row }) => (row.kind === "list" ? row.of : row).kind === "url").map(nameOf)),
  };
}
