/**
 * Knobs by their path (`pool.databases.NAME.size`): finding one, listing all, and the names it has in the environment and
 * among the flags. Not their values. Invariant: a path found here is a path that `resolve.ts` can meet.
 */
import type { Row, Rows, Shape } from "../../proxy/base/schema.ts";
import { configRows } from "./config.ts";
import { didYouMean } from "./did-you-mean.ts";

/** A knob, or a section of knobs, with where it stands. */
export interface Knob {
  /** With NAME, USER … in the place of names that the user chooses, and [] behind a list of tables. */
  readonly path: readonly string[];
  readonly row: Row;
}

export const rootRow: Row = { kind: "table", doc: "the config file", rows: configRows };

/** Every knob and section, in the order of the tables. */
export function allKnobs(rows: Rows = configRows, before: readonly string[] = []): Knob[] {
  return Object.entries(rows).flatMap(([name, row]) => {
    const path = [...before, name];
    return [{ path, row }, ...knobsIn(row, path)];
  });
}

/** The knobs below a shape: its rows, those of its items, or none. */
export function knobsIn(shape: Shape, path: readonly string[]): Knob[] {
  switch (shape.kind) {
    case "table":
      return allKnobs(shape.rows, path);
    case "map":
      return knobsIn(shape.of, [...path, shape.key]);
    case "list":
      return knobsIn(shape.of, path);
    case "either":
      return shape.of.flatMap((one) => knobsIn(one, path));
    default:
      return [];
  }
}

export interface Missed {
  /** The part of the path that is no knob, and its index. */
  readonly word: string;
  readonly index: number;
  readonly meant: string | undefined;
}

/** The knob of that path; a name in it may be the placeholder or any name. */
export function findKnob(path: readonly string[]): Knob | Missed {
  let row: Row = rootRow;
  const found: string[] = [];
  for (const [index, word] of path.entries()) {
    const step = stepInto(row, word);
    if (step === undefined) return { word, index, meant: didYouMean(word, namesIn(row)) };
    found.push(step.name);
    row = step.row;
  }
  return { path: found, row };
}

/** The names a table has, through lists, short forms and choices of shapes. */
export function namesIn(shape: Shape): string[] {
  if (shape.kind === "table") return Object.keys(shape.rows);
  if (shape.kind === "list") return namesIn(shape.of);
  if (shape.kind === "either") return shape.of.flatMap(namesIn);
  return [];
}

interface Step {
  readonly name: string;
  readonly row: Row;
}

function stepInto(shape: Shape & { readonly doc?: string }, word: string): Step | undefined {
  switch (shape.kind) {
    case "table": {
      const row = Object.hasOwn(shape.rows, word) ? shape.rows[word] : undefined;
      return row === undefined ? undefined : { name: word, row };
    }
    case "map":
      return { name: shape.key, row: { doc: shape.doc ?? "", ...shape.of } };
    case "list":
      return stepInto(shape.of, word);
    case "either": {
      for (const one of shape.of) {
        const step = stepInto(one, word);
        if (step !== undefined) return step;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/** SCALE_POOL__DATABASES__NAME__SIZE; undefined for what only a file can say, such as a knob in a list of tables. */
export function envName(path: readonly string[]): string | undefined {
  const settable = settablePath(path);
  return settable && `SCALE_${settable.map((part) => part.toUpperCase().replaceAll("-", "_")).join("__")}`;
}

/** The path that one text can be put at: the knob's own, or that of one entry of a map. */
export function settablePath(path: readonly string[]): readonly string[] | undefined {
  let row: Row = rootRow;
  for (const word of path) {
    if (row.kind === "list" || row.kind === "either") return undefined;
    const step = stepInto(row, word);
    if (step === undefined) return undefined;
    row = step.row;
  }
  if (row.kind === "map" && row.of.kind === "text") return [...path, row.key];
  return canBeWords(row) ? path : undefined;
}

/** Whether one text can say all of it. */
export function canBeWords(shape: Shape): boolean {
  if (shape.kind === "map") return false;
  if (shape.kind === "table") return shape.short !== undefined;
  if (shape.kind === "list") return canBeWords(shape.of);
  if (shape.kind === "either") return shape.of.some(canBeWords);
  return true;
}
