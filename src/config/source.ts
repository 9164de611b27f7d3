/**
 * The text of a config file, and the places in it that problems point at. Lines leave here only with their secrets
 * hidden. Invariant: `place(line, column, width)` names the line and column as an editor does, both from 1.
 */
import type { Place } from "../problem/problem.ts";
import { HIDDEN, type Keys, maskToml } from "./mask.ts";
import { STARS } from "./mask-url.ts";

/** A longer line is not shown. */
export const LINE_SHOWN_MAX = 1_000;

export class Source {
  /** The name as the person gave it. */
  readonly file: string;
  readonly text: string;
  readonly #keys: Keys;
  readonly #lineStarts: number[];
  #masked: readonly string[] | undefined;

  constructor(file: string, text: string, keys: Keys) {
    this.file = file;
    this.text = text;
    this.#keys = keys;
    this.#lineStarts = [0];
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) this.#lineStarts.push(at + 1);
  }

  /** The place of an offset into the text. */
  at(offset: number, width = 1): Place {
    const { line, column } = this.position(offset);
    return this.place(line, column, width);
  }

  position(offset: number): { readonly line: number; readonly column: number } {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  place(line: number, column: number, width: number): Place {
    const place = { file: this.file, line, column };
    const masked = this.#maskedLine(line);
    if (masked === undefined || masked.length > LINE_SHOWN_MAX) return { ...place, width };
    return { ...place, ...unveil(masked, column, width) };
  }

  #maskedLine(line: number): string | undefined {
    this.#masked ??= maskToml(this.text, this.#keys).split("\n");
    return this.#masked[line - 1]?.replace(/\r$/, "");
  }
}

const HIDDEN_RUNS = new RegExp(`${HIDDEN}+([ \\t]+${HIDDEN}+)*`, "g");
const HIDDEN_COMMENT = new RegExp(`[ \\t]*#[ \\t${HIDDEN}]*$`);

/** Turns every run of hidden letters into three stars, so that a length is not told, and leaves out a comment. */
function unveil(masked: string, column: number, width: number): Pick<Place, "text" | "caret" | "width"> {
  const shorten = (part: string) => part.replace(HIDDEN_RUNS, STARS);
  const start = column - 1;
  const before = shorten(masked.slice(0, start));
  const under = shorten(masked.slice(start, start + width));
  const after = shorten(masked.slice(start + width).replace(HIDDEN_COMMENT, ""));
  const caret = before.length === start ? {} : { caret: before.length + 1 };
  return { text: before + under + after, ...caret, width: Math.max(1, under.length) };
}
