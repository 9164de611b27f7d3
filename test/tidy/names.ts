/** Rules "names" and "barrels" (style, rules 6 and 27): a file is called after what it exports, and exports its own. */
import ts from "typescript";
import { isHouse } from "./rooms.ts";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

/** Words that say nothing of what is inside. */
const EMPTY_WORDS: readonly string[] = [
  "util",
  "utils",
  "helper",
  "helpers",
  "common",
  "shared",
  "core",
  "misc",
  "lib",
  "libs",
];
/** As the last word of a longer name these are as empty; the others may be adjectives or subjects there. */
const EMPTY_ENDINGS: readonly string[] = ["util", "utils", "helper", "helpers", "misc"];

const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const CODE = /(?:\.test|\.d)?\.[cm]?[jt]sx?$/;

export function names({ paths }: Tree): Violation[] {
  return paths.filter(isHouse).flatMap((path) => {
    const what = nameFault(path);
    return what === undefined ? [] : [{ rule: "names", path, line: 1, what }];
  });
}

export function barrels({ sources }: Tree): Violation[] {
  return sources
    .filter(({ path }) => isHouse(path))
    .filter(({ path, ast }) => /(?:^|\/)index\.[cm]?[jt]sx?$/.test(path) || isBarrel(ast))
    .map(({ path }) => ({ rule: "barrels", path, line: 1, what: "only passes on what others export" }));
}

function nameFault(path: string): string | undefined {
  const words = path.replace(CODE, "").split("/");
  const empty = words.find(
    (word) => EMPTY_WORDS.includes(word) || EMPTY_ENDINGS.includes(word.split("-").at(-1) ?? ""),
  );
  if (empty !== undefined) return `"${empty}" says nothing: find the missing noun`;
  const stem = words.at(-1) ?? "";
  return CODE.test(path) && !KEBAB.test(stem) ? `"${stem}" is not kebab-case` : undefined;
}

/** Nothing but imports and exports: then all that it exports is someone else's. */
function isBarrel(ast: ts.SourceFile): boolean {
  const passesOn = ast.statements.some(ts.isExportDeclaration);
  return passesOn && ast.statements.every((one) => ts.isImportDeclaration(one) || ts.isExportDeclaration(one));
}
