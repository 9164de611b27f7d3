/**
 * The words in which `resolve.ts` says what is wrong: what was written, where it would belong, and what to write instead.
 * Invariant: a value that is hidden, or looks like a secret, is not repeated.
 */
import type { Row, Shape } from "../../proxy/base/schema.ts";
import { describe, words, writeKey, writePath, writeToml } from "./describe.ts";
import type { Flaw } from "./interpolate.ts";
import { allKnobs } from "./knob-path.ts";
import { HIDDEN_SUBJECT, kindOf, subject } from "./leaf.ts";
import { looksSecret, maskUrls } from "./mask-url.ts";
import type { Node, Scalar } from "./node.ts";

export type KnobPath = readonly (string | number)[];

/** Where the reading of the tree is. */
export interface Spot {
  /** The row the value belongs to, for examples. */
  readonly row: Row;
  readonly path: KnobPath;
  /** A secret, by the row or one above it. */
  readonly hidden: boolean;
}

/** A name that has more homes tells nothing. */
const HOMES_MAX = 6;
/** A longer text is not turned into a list for somebody. */
const LISTED_LENGTH_MAX = 100;

export function unknownSection(name: string, node: Node): string {
  const written = writeKey(name.slice(0, 64));
  const thing =
    node.kind === "table"
      ? `[${written}]: there is no such section`
      : `${written}: there is no such knob outside of a section`;
  return `Cannot use ${thing}`;
}

/** Where a knob of that name does exist. */
export function whereIs(name: string): string | undefined {
  const homes = allKnobs().filter(({ path }) => path.at(-1) === name && path.length > 1);
  const [first] = homes;
  if (first === undefined || homes.length > HOMES_MAX) return undefined;
  return `${name} belongs in ${words(homes.map(({ path }) => `[${writePath(path.slice(0, -1))}]`))}`;
}

/** `[app.pool]`, or `[[lb.listen]]` for an item of a list. */
export function writeHeader(path: KnobPath): string {
  return typeof path.at(-1) === "number" ? `[[${writePath(path.slice(0, -1))}]]` : `[${writePath(path)}]`;
}

/** For what has no fix of its own: an example, the default, or what it may be. */
export function usualFix({ row, path }: Spot): string {
  const name = nameOf(path);
  if (row.example !== undefined) return `Write for instance ${name} = ${row.example}`;
  if (row.default !== undefined) return `Correct it, or remove it to have the default, ${writeToml(row.default)}`;
  return `Set ${name} to ${describe(row)}`;
}

/** "4" is a text. */
export function nodeSubject(node: Node, at: Spot): string {
  if (node.kind === "list") return "it is a list";
  if (node.kind === "table") return "it is a table";
  return `${valueSubject(node, at)} is ${kindOf(node)}`;
}

/** The value, or that there is one. */
export function valueSubject(node: Scalar, at: Spot): string {
  const text = node.kind === "text" || node.kind === "words" ? node.value : undefined;
  const hidden = at.hidden || (text !== undefined && (text.includes("${") || looksSecret(text)));
  return hidden ? HIDDEN_SUBJECT : subject({ node, text, hidden, free: false, name: "", folder: "" });
}

/** For a doc in the middle of a sentence; an abbreviation keeps its capitals. */
export function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.slice(0, 1).toLowerCase() + text.slice(1) : text;
}

/** What to write when the kind of value is wrong; undefined when the usual fix says more. */
export function kindFix(shape: Shape, node: Node, at: Spot): string | undefined {
  const name = nameOf(at.path);
  if (at.hidden) return undefined;
  if (shape.kind === "list" && node.kind === "text" && node.value.length <= LISTED_LENGTH_MAX) {
    return `Put it in brackets: ${name} = ${writeToml(maskUrls(node.value).split(/\s+/))}`;
  }
  if ((shape.kind === "table" || shape.kind === "map") && node.kind !== "list") return `Write [${writePath(at.path)}]`;
  return undefined;
}

export function tooMany(count: number, limit: number): Flaw {
  return { code: "CONFIG_RANGE", reason: `${count} are more than ${limit}` };
}

/** The last name of a path, as it stands before the = in the file. */
export function nameOf(path: KnobPath): string {
  const name = path.findLast((part) => typeof part === "string");
  return name === undefined ? "" : writeKey(name);
}
