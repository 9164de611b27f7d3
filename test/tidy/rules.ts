/** All rules of the house, and the one call that runs them. */
import { barrels, names } from "./names.ts";
import { cycles } from "./cycles.ts";
import { doors } from "./doors.ts";
import { forms } from "./forms.ts";
import { layers, packages } from "./layers.ts";
import { asynchrony, reach, signals } from "./reach.ts";
import { sizes } from "./sizes.ts";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

/** What each rule wants, in one line. */
export const RULES = {
  layers: "imports point down, and rooms on one floor do not know each other",
  packages: "proxy has no dependency",
  cycles: "no rooms and no files import each other in a circle",
  doors: "every role has the same doors",
  names: "names say what is inside, in kebab-case",
  barrels: "no file only passes on what others export",
  sockets: "sockets are touched in proxy/net only",
  exit: "process.exit is in src/main.ts only",
  signals: "signals are taken in src/run/signals.ts only",
  ffi: "bun:ffi is in src/run/os.ts only",
  "handed in": "time, chance, digests, log and network are handed in to proxy",
  pure: "base, pg, http, sql and upstream touch no runtime and never wait",
  forms: "no any, enum, namespace, empty catch or silenced type checker",
  file: "a file has at most 600 lines",
  function: "a function has at most 70 lines",
  parameters: "a function takes at most 4 parameters",
  nesting: "code is nested at most 4 deep",
} as const satisfies { readonly [rule: string]: string };

export type Rule = keyof typeof RULES;

const CHECKS: readonly ((tree: Tree) => Violation[])[] = [
  layers,
  packages,
  cycles,
  doors,
  names,
  barrels,
  reach,
  asynchrony,
  signals,
  forms,
  sizes,
];

export function check(tree: Tree): Violation[] {
  return CHECKS.flatMap((run) => run(tree));
}
