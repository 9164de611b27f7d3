/**
 * The tree of what was written, read against the knob tables: the typed tree, every value with its origin, and all that
 * is wrong. The only walk over knobs and values together; one plain value is `leaf.ts`.
 * Invariant: without problems the tree has the type `Config`, for the types in `schema.ts` say what this file does.
 */
import type { ListShape, MapShape, Row, Rows, Shape, TableShape } from "../../proxy/base/schema.ts";
import { LIST_COUNT_MAX, MAP_COUNT_MAX, treeName } from "../../proxy/base/schema.ts";
import type { ProblemCode } from "../problem/codes.ts";
import { Problem } from "../problem/problem.ts";
import { describe, writePath, writeToml } from "./describe.ts";
import { didYouMean } from "./did-you-mean.ts";
import { type Flaw, interpolate } from "./interpolate.ts";
import { namesIn } from "./knob-path.ts";
import { type Given, HIDDEN_SUBJECT, type LeafShape, type Outcome, readLeaf } from "./leaf.ts";
import { isWholeReference, looksSecret, maskUrls, STARS } from "./mask-url.ts";
import { parseBytes, parseDuration } from "./measure.ts";
import { emptyTable, type Node, nodeOf, type Origin, placeOf, type Scalar, type TableNode } from "./node.ts";
import {
  type KnobPath,
  kindFix,
  lowerFirst,
  nameOf,
  nodeSubject,
  type Spot,
  tooMany,
  unknownSection,
  usualFix,
  valueSubject,
  whereIs,
  writeHeader,
} from "./wording.ts";

/** One value as it may be printed. */
export interface ResolvedValue {
  readonly path: string;
  /** As TOML, secrets hidden. */
  readonly shown: string;
  readonly origin: Origin;
  readonly hidden: boolean;
}

export interface Found {
  readonly path: KnobPath;
  readonly problem: Problem;
  /** Lies in this machine's files or environment, not in the text: another box may well have it. */
  readonly isLocal: boolean;
}

export interface Resolved {
  /** Has the type `Config` when there are no problems. */
  readonly tree: { readonly [section: string]: unknown };
  readonly values: readonly ResolvedValue[];
  readonly found: readonly Found[];
  /** Of every value, table and list item that was looked at, by its written path. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The paths of values that no message may repeat. */
  readonly hidden: ReadonlySet<string>;
}

export interface Circumstances {
  readonly env: { readonly [name: string]: string | undefined };
  /** What relative paths in the file are relative to, and those of flags and environment. */
  readonly fileFolder: string;
  readonly folder: string;
  /** Some statements of the file could not be read, so that what is missing may be in them. */
  readonly broken: boolean;
}

export function resolveTree(rows: Rows, root: TableNode, around: Circumstances): Resolved {
  const resolver = new Resolver(around);
  const row: Row = { kind: "table", rows, doc: "" };
  const tree = resolver.table(row, root, { row, path: [], hidden: false });
  return { tree, values: resolver.values, found: resolver.found, origins: resolver.origins, hidden: resolver.hidden };
}

/** After so many problems no more are looked for. */
const FOUND_MAX = 1_000;

class Resolver {
  readonly values: ResolvedValue[] = [];
  readonly found: Found[] = [];
  readonly origins = new Map<string, Origin>();
  readonly hidden = new Set<string>();
  readonly #around: Circumstances;

  constructor(around: Circumstances) {
    this.#around = around;
  }

  table(shape: TableShape, node: TableNode, at: Spot): { [name: string]: unknown } {
    const meant = new Set<string | undefined>();
    for (const [name, entry] of node.entries) {
      if (!Object.hasOwn(shape.rows, name))
        meant.add(this.#unknown(shape, name, { at, origin: entry.at, node: entry.node }));
    }
    const values: [string, unknown][] = [];
    for (const [name, row] of Object.entries(shape.rows)) {
      if (meant.has(name) && !node.entries.has(name)) continue;
      const below = { row, path: [...at.path, name], hidden: at.hidden || row.secret === true };
      const value = this.#row(row, node, below);
      if (value !== undefined) values.push([treeName(name, row), value]);
    }
    return Object.fromEntries(values);
  }

  #row(row: Row, parent: TableNode, at: Spot): unknown {
    const written = parent.entries.get(String(at.path.at(-1)))?.node;
    if (written !== undefined) return this.#value(row, written, at);
    if (row.default !== undefined) return this.#value(row, nodeOf(row.default), at);
    if (row.required === true) this.#missing(row, parent, at);
    if (row.required === true || row.optional === true) return undefined;
    return row.kind === "table" || row.kind === "map" ? this.#value(row, emptyTable(), at) : undefined;
  }

  #value(shape: Shape, node: Node, at: Spot): unknown {
    this.origins.set(writePath(at.path), node.origin);
    switch (shape.kind) {
      case "table":
        return this.#tableOrShort(shape, node, at);
      case "map":
        return this.#map(shape, node, at);
      case "list":
        return this.#list(shape, node, at);
      case "either":
        return this.#either(shape.of, node, at);
      default:
        return this.#leaf(shape, node, at);
    }
  }

  #tableOrShort(shape: TableShape, node: Node, at: Spot): unknown {
    if (node.kind === "table") return this.table(shape, node, at);
    if (shape.short === undefined) return this.#wrongKind(shape, node, at);
    const short = shape.rows[shape.short];
    if (node.kind === "list" && short?.kind !== "list") return this.#wrongKind(shape, node, at);
    const wrapped = emptyTable(node.origin);
    wrapped.entries.set(shape.short, { at: node.origin, node });
    return this.table(shape, wrapped, at);
  }

  #map(shape: MapShape, node: Node, at: Spot): unknown {
    if (node.kind !== "table") return this.#wrongKind(shape, node, at);
    const limit = shape.countMax ?? MAP_COUNT_MAX;
    if (node.entries.size > limit) this.#add(at, node.origin, tooMany(node.entries.size, limit));
    const values: [string, unknown][] = [];
    for (const [name, entry] of node.entries) {
      const below = { ...at, row: { ...shape.of, doc: "" }, path: [...at.path, name] };
      if (shape.keys === "name" && !/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(name)) this.#badName(name, below, entry.at);
      else values.push([name, this.#value(shape.of, entry.node, below)]);
    }
    return Object.fromEntries(values.slice(0, limit));
  }

  #list(shape: ListShape, node: Node, at: Spot): unknown {
    const items = this.#items(shape, node);
    if (items === undefined) return this.#wrongKind(shape, node, at);
    const [min, max] = [shape.countMin ?? 0, shape.countMax ?? LIST_COUNT_MAX];
    if (items.length > max) this.#add(at, node.origin, tooMany(items.length, max));
    if (items.length < min) {
      this.#add(at, node.origin, {
        code: "CONFIG_RANGE",
        reason: `the list needs at least ${min} ${min === 1 ? "item" : "items"}`,
      });
    }
    const before = this.values.length;
    const values = items
      .slice(0, max)
      .map((item, index) => this.#value(shape.of, item, { ...at, path: [...at.path, index] }));
    if (isLeaf(shape.of)) this.#joinShown(before, node.origin, at);
    else if (items.length === 0) this.#show(at, "[]", { origin: node.origin, hidden: false });
    return values;
  }

  /** A list of plain values is printed as one. */
  #joinShown(before: number, origin: Origin, at: Spot): void {
    const parts = this.values.splice(before);
    const hidden = parts.some((part) => part.hidden);
    this.#show(at, `[${parts.map((part) => part.shown).join(", ")}]`, { origin, hidden });
  }

  #items(shape: ListShape, node: Node): readonly Node[] | undefined {
    if (node.kind === "list") return node.items;
    if (node.kind === "words") {
      // A URL of several hosts has commas of its own.
      const comma = shape.of.kind === "url" ? /,(?=\s*[A-Za-z][A-Za-z0-9+.-]*:\/\/)/ : ",";
      const parts = node.value.split(comma).map((part) => part.trim());
      return parts.map((value): Node => ({ kind: "words", value, origin: node.origin }));
    }
    return shape.single === true ? [node] : undefined;
  }

  /** The first shape that takes the value; when none does, the problems of the one that is meant, if that is plain. */
  #either(shapes: readonly Shape[], node: Node, at: Spot): unknown {
    const before = { values: this.values.length, found: this.found.length };
    const tries: Found[][] = [];
    for (const shape of shapes) {
      const value = this.#value(shape, node, at);
      if (this.found.length === before.found) return value;
      tries.push(this.found.splice(before.found));
      this.values.splice(before.values);
    }
    const fitting = tries.filter((_, index) => fits(shapes[index], node));
    const [only] = fitting;
    if (only !== undefined && fitting.length === 1) this.found.push(...only);
    else this.#noneFits(shapes, tries, { node, at });
    return undefined;
  }

  /** A text that none of the shapes takes: what they have in common is said, and the word that was probably meant. */
  #noneFits(
    shapes: readonly Shape[],
    tries: readonly Found[][],
    { node, at }: { readonly node: Node; readonly at: Spot },
  ): void {
    const shape: Shape = { kind: "either", of: shapes };
    if ((node.kind !== "text" && node.kind !== "words") || !shapes.some(takesText))
      return void this.#wrongKind(shape, node, at);
    const [parsed] = tries[shapes.findIndex((one) => takesText(one) && one.kind !== "choice")] ?? [];
    if (parsed?.problem.code === "CONFIG_RANGE") return void this.found.push(parsed);
    const subjectText = valueSubject(node, at);
    const choices = shapes.flatMap((one) => (one.kind === "choice" ? one.of : []));
    const meant = subjectText === HIDDEN_SUBJECT ? undefined : didYouMean(node.value, choices);
    const code = parsed?.problem.code ?? "CONFIG_CHOICE";
    const reason = `${subjectText} is not ${describe(shape)}`;
    if (meant === undefined) this.#add(at, node.origin, { code, reason });
    else
      this.#add(at, node.origin, {
        code: "CONFIG_CHOICE",
        reason: `${reason}, did you mean "${meant}"`,
        fix: `Write ${nameOf(at.path)} = "${meant}"`,
      });
  }

  #leaf(shape: LeafShape, node: Node, at: Spot): unknown {
    if (node.kind === "list" || node.kind === "table") return this.#wrongKind(shape, node, at);
    const given = this.#given(shape, node, at);
    if (given === undefined) {
      this.#show(at, shownText(node, undefined, at.hidden), { origin: node.origin, hidden: true });
      return standIn(shape, String(node.value));
    }
    const outcome: Outcome = readLeaf(shape, given);
    if (outcome.flaw !== undefined) this.#add(at, node.origin, outcome.flaw);
    else
      this.#show(at, shownText(node, outcome.value, at.hidden), {
        origin: node.origin,
        hidden: at.hidden || given.hidden,
      });
    return outcome.flaw === undefined ? outcome.value : undefined;
  }

  /** The value with its references looked up. */
  #given(shape: LeafShape, node: Scalar, at: Spot): Given | undefined {
    const folder = node.origin.from === "file" ? this.#around.fileFolder : this.#around.folder;
    const base = { node, folder, name: nameOf(at.path) };
    if (node.kind !== "text" && node.kind !== "words")
      return { ...base, text: undefined, free: false, hidden: at.hidden };
    const result = interpolate(node.value, { env: this.#around.env, folder, inUrl: shape.kind === "url" });
    if (result.flaw !== undefined) {
      this.#add(at, node.origin, result.flaw, result.flaw.code !== "CONFIG_REFERENCE");
      return undefined;
    }
    const referred = result.references > 0;
    const hidden = at.hidden || referred || looksSecret(node.value);
    return { ...base, text: result.value, free: node.kind === "words" || referred, hidden };
  }

  #show(at: Spot, shown: string, { origin, hidden }: { readonly origin: Origin; readonly hidden: boolean }): void {
    const path = writePath(at.path);
    if (hidden) this.hidden.add(path);
    this.values.push({ path, shown, origin, hidden });
  }

  #add(at: Spot, origin: Origin, flaw: Flaw, isLocal = false): void {
    this.#report(flaw.code, `Cannot use ${writePath(at.path)}: ${flaw.reason}`, { ...flaw, at, origin, isLocal });
  }

  #report(code: ProblemCode, what: string, parts: ReportParts): void {
    if (this.found.length >= FOUND_MAX) return;
    const where = placeOf(parts.origin);
    const problem = new Problem(code, {
      what,
      ...(where === undefined ? {} : { where }),
      ...(parts.why === undefined ? {} : { why: parts.why }),
      fix: parts.fix ?? usualFix(parts.at),
    });
    this.found.push({ path: parts.at.path, problem, isLocal: parts.isLocal === true });
  }

  #wrongKind(shape: Shape, node: Node, at: Spot): undefined {
    const fix = kindFix(shape, node, at);
    const parts = fix === undefined ? {} : { fix };
    const reason = `${nodeSubject(node, at)}, wanted ${describe(shape)}`;
    this.#add(at, node.origin, { code: "CONFIG_TYPE", reason, ...parts });
    return undefined;
  }

  #missing(row: Row, parent: TableNode, at: Spot): void {
    if (this.#around.broken) return;
    const name = nameOf(at.path);
    const where = writePath(at.path.slice(0, -1));
    this.#report("CONFIG_REQUIRED", `Cannot use ${where}: it has no ${name}`, {
      at,
      origin: parent.origin,
      why: `${name}: ${lowerFirst(row.doc)}.`,
    });
  }

  #badName(name: string, at: Spot, origin: Origin): void {
    const what = `Cannot use ${writePath(at.path.slice(0, -1))}: ${JSON.stringify(name.slice(0, 64))} is not a name`;
    const fix = "Use letters, digits, - and _, at most 63, beginning with a letter or digit";
    this.#report("CONFIG_NAME", what, { at, origin, fix });
  }

  /** Returns the name that was probably meant. */
  #unknown(
    shape: TableShape,
    name: string,
    seen: { readonly at: Spot; readonly origin: Origin; readonly node: Node },
  ): string | undefined {
    if (this.found.length >= FOUND_MAX) return undefined;
    const path = seen.at.path;
    const known = namesIn(shape);
    const meant = didYouMean(name, known);
    const word = JSON.stringify(name.slice(0, 64));
    const isRoot = path.length === 0;
    const what = isRoot
      ? unknownSection(name, seen.node)
      : `Cannot use ${word} in ${writeHeader(path)}: there is no such knob`;
    const better = isRoot ? `[${meant}]` : meant;
    const fix = meant === undefined ? (whereIs(name) ?? `Known here: ${known.join(", ")}`) : `Write ${better} instead`;
    this.#report(
      "CONFIG_UNKNOWN_KEY",
      meant === undefined ? what : `${what}, did you mean ${isRoot ? better : JSON.stringify(meant)}`,
      {
        at: { ...seen.at, path: [...path, name] },
        origin: seen.origin,
        fix,
      },
    );
    return meant;
  }
}

interface ReportParts {
  readonly at: Spot;
  readonly origin: Origin;
  readonly why?: string;
  readonly fix?: string;
  readonly isLocal?: boolean;
}

/** Whether a value of that kind is meant for the shape, right or wrong. */
function fits(shape: Shape | undefined, node: Node): boolean {
  if (shape === undefined) return false;
  if (node.kind === "table") return shape.kind === "table" || shape.kind === "map";
  if (node.kind === "list") return shape.kind === "list";
  if (node.kind === "integer" || node.kind === "float") return shape.kind === "integer" || shape.kind === "number";
  if (node.kind === "flag") return shape.kind === "flag";
  if (node.kind === "text") return /^[0-9]+$/.test(node.value) && (shape.kind === "integer" || shape.kind === "number");
  return false;
}

/** For a value that only another box can look up: of the right type, and never used here. */
function standIn(shape: LeafShape, text: string): unknown {
  if (shape.kind === "integer" || shape.kind === "number") return shape.min;
  if (shape.kind === "flag") return false;
  if (shape.kind === "choice") return shape.of[0];
  if (shape.kind === "duration") return parseDuration(shape.min);
  return shape.kind === "bytes" ? parseBytes(shape.min) : text;
}

function isLeaf(shape: Shape): boolean {
  if (shape.kind === "either") return shape.of.every(isLeaf);
  return shape.kind !== "table" && shape.kind !== "map" && shape.kind !== "list";
}

function shownText(node: Scalar, value: unknown, hidden: boolean): string {
  const text = node.kind === "text" || node.kind === "words" ? node.value : undefined;
  if (hidden && !(text !== undefined && isWholeReference(text))) return JSON.stringify(STARS);
  if (text === undefined) return typeof value === "string" ? writeToml(value) : String(node.value);
  if (text.includes("${")) return writeToml(maskUrls(text));
  if (looksSecret(text)) return JSON.stringify(STARS);
  if (typeof value === "string") return writeToml(maskUrls(value));
  return node.kind === "words" && typeof value !== "string" && /^[0-9.+-]+$|^(true|false)$/.test(text)
    ? text
    : writeToml(text);
}

function takesText(shape: Shape): boolean {
  return (
    shape.kind !== "integer" &&
    shape.kind !== "number" &&
    shape.kind !== "flag" &&
    shape.kind !== "table" &&
    shape.kind !== "map"
  );
}
