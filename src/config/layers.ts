/**
 * Puts the environment and the flags over what the file says. Not the meaning of the values: they stay words until the
 * knob reads them. Order: flag over environment over file.
 */
import type { Shape } from "../../proxy/base/schema.ts";
import { Problem } from "../problem/problem.ts";
import { writePath } from "./describe.ts";
import { didYouMean } from "./did-you-mean.ts";
import { allKnobs, canBeWords, envName, findKnob, namesIn, rootRow, settablePath } from "./knob-path.ts";
import { type Node, type Origin, overlay, placeOf, type TableNode } from "./node.ts";

export interface FlagWords {
  /** As written in TOML with dots: `app.listen`. */
  readonly path: string;
  readonly text: string;
  /** As the person said it: `--listen`. */
  readonly flag: string;
}

const PREFIX = "SCALE_";

/** An empty variable counts as not set. Returns what could not be used: warnings, for a variable may be another's. */
export function overlayEnv(root: TableNode, env: { readonly [name: string]: string | undefined }): Problem[] {
  const warnings: Problem[] = [];
  for (const name of Object.keys(env).sort()) {
    const value = env[name];
    const words = name.startsWith(PREFIX) ? name.slice(PREFIX.length).split("__") : [];
    if (words.length < 2 || value === undefined || value === "") continue;
    const path = envPath(root, words);
    const origin: Origin = { from: "env", name };
    if (path === undefined) warnings.push(unknownVariable(name, words));
    else if (!overlay(root, path, { kind: "words", value, origin })) warnings.push(inTheWay(path, origin, "warning"));
  }
  return warnings;
}

/** Returns what could not be used: errors, for a flag is meant for us. */
export function overlayFlags(root: TableNode, flags: readonly FlagWords[]): Problem[] {
  const problems: Problem[] = [];
  for (const { path, text, flag } of flags) {
    const words = splitPath(path);
    const origin: Origin = { from: "flag", flag };
    const knob = findKnob(words);
    if ("word" in knob) problems.push(unknownPath(words, knob.meant, origin));
    else if (settablePath(words) === undefined) problems.push(notOneText(path, canBeWords(knob.row), origin));
    else if (!overlay(root, toLeaf(words, knob.row), { kind: "words", value: text, origin }))
      problems.push(inTheWay(words, origin, "error"));
  }
  return problems;
}

/** `a.b."c.d"` → a, b, c.d */
export function splitPath(path: string): string[] {
  const words = path.match(/"[^"]*"|[^."]+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? word.slice(1, -1) : word));
}

/** The knob that the words of a variable name; names that the user chose are looked for without regard to case. */
function envPath(root: TableNode, words: readonly string[]): readonly string[] | undefined {
  let shape: Shape = rootRow;
  let table: TableNode | undefined = root;
  const path: string[] = [];
  for (const word of words) {
    const name: string | undefined = envStep(shape, word, table);
    if (name === undefined) return undefined;
    shape = below(shape, name);
    const node: Node | undefined = table?.entries.get(name)?.node;
    table = node?.kind === "table" ? node : undefined;
    path.push(name);
  }
  return canBeWords(shape) ? toLeaf(path, shape) : undefined;
}

/** A section that has a short form is set by its one knob, so that the others stay as they are. */
function toLeaf(path: readonly string[], shape: Shape): readonly string[] {
  return shape.kind === "table" && shape.short !== undefined ? [...path, shape.short] : path;
}

function envStep(shape: Shape, word: string, table: TableNode | undefined): string | undefined {
  if (shape.kind === "table") {
    const name = word.toLowerCase();
    return Object.hasOwn(shape.rows, name) ? name : undefined;
  }
  if (shape.kind !== "map" || word === "") return undefined;
  const flat = (text: string) => text.toLowerCase().replaceAll("-", "_");
  const existing = [...(table?.entries.keys() ?? [])].find((name) => flat(name) === flat(word));
  // The keys of a map of texts are names of variables themselves, and their case matters.
  return existing ?? (shape.of.kind === "text" ? word : word.toLowerCase());
}

function below(shape: Shape, name: string): Shape {
  if (shape.kind === "map") return shape.of;
  const row = shape.kind === "table" ? shape.rows[name] : undefined;
  return row ?? shape;
}

function unknownVariable(name: string, words: readonly string[]): Problem {
  const names = allKnobs().flatMap(({ path }) => envName(path) ?? []);
  const meant = nearestByWord(words) ?? didYouMean(name, names);
  const onlyFile =
    "word" in findKnob(words.map((word) => word.toLowerCase())) ? undefined : "This knob can only be set in a file.";
  return new Problem("CONFIG_ENV_UNKNOWN", {
    what: `Cannot use ${name}: no knob has that variable${meant === undefined ? "" : `, did you mean ${meant}`}`,
    where: { file: `env ${name}` },
    ...(onlyFile === undefined ? {} : { why: onlyFile }),
    fix: meant === undefined ? "Remove it, or correct its name" : `Set ${meant} instead`,
    severity: "warning",
  });
}

/** Corrects the one word of a variable's name that is wrong, where names of the user's choice stand between. */
function nearestByWord(words: readonly string[]): string | undefined {
  const lower = words.map((word) => word.toLowerCase());
  const missed = findKnob(lower);
  if (!("word" in missed) || missed.meant === undefined) return undefined;
  const better = lower.with(missed.index, missed.meant);
  return "word" in findKnob(better) ? undefined : PREFIX + better.map((word) => word.toUpperCase()).join("__");
}

function unknownPath(words: readonly string[], meant: string | undefined, origin: Origin): Problem {
  const path = writePath(words);
  const better =
    meant === undefined
      ? didYouMean(
          path,
          allKnobs().map((knob) => writePath(knob.path)),
        )
      : undefined;
  const hint = meant ?? better;
  return new Problem("CONFIG_UNKNOWN_KEY", {
    what: `Cannot set ${path}: there is no such knob${hint === undefined ? "" : `, did you mean "${hint}"`}`,
    ...whereOf(origin),
    fix: hint === undefined ? `Begin with one of ${namesIn(rootRow).join(", ")}` : `Write ${hint} instead`,
  });
}

function notOneText(path: string, isInList: boolean, origin: Origin): Problem {
  return new Problem("CONFIG_TYPE", {
    what: `Cannot set ${path}: ${isInList ? "it is in a list, and which item is meant only a file can say" : "it is a section, not a knob"}`,
    ...whereOf(origin),
    fix: isInList ? "Write it in a file" : `Set a knob in it; "scale explain ${path}" lists them`,
  });
}

function inTheWay(path: readonly string[], origin: Origin, severity: "error" | "warning"): Problem {
  return new Problem(severity === "error" ? "CONFIG_UNKNOWN_KEY" : "CONFIG_ENV_UNKNOWN", {
    what: `Cannot set ${writePath(path)}: the file has a plain value where a section is needed`,
    ...whereOf(origin),
    fix: "Write that part of the file as a [section]",
    severity,
  });
}

function whereOf(origin: Origin): { readonly where?: { readonly file: string } } {
  const where = placeOf(origin);
  return where === undefined ? {} : { where };
}
