/**
 * Cuts a TOML text that does not parse into statements (a header, or a key with its value), so that each can be looked
 * at alone. Guesses where a statement with an open bracket was meant to end. Invariant: statements are in order, do not
 * overlap, and leave out only blank lines and comments.
 */
import { type Piece, scan } from "./scan.ts";

export interface Statement {
  readonly text: string;
  readonly start: number;
  readonly isHeader: boolean;
}

const HEADER = /^[ \t]*\[\[?[ \t]*[\w."'-]+[ \t]*\]\]?[ \t]*(#.*)?$/;
const KEY = /^[ \t]*[\w."'-]+[ \t]*=/;

export function statements(text: string): Statement[] {
  const found: Statement[] = [];
  let start = 0;
  const brackets: string[] = [];
  let behindEquals = false;
  for (const piece of scan(text)) {
    if (piece.kind === "mark") {
      const letter = text[piece.start] ?? "";
      if (behindEquals) count(brackets, letter);
      behindEquals ||= letter === "=";
    }
    if (piece.kind !== "newline") continue;
    if (brackets.length > 0 && !startsAnew(text, piece, brackets.at(-1) ?? "")) continue;
    brackets.length = 0;
    behindEquals = false;
    push(found, text, { start, end: piece.start });
    start = piece.end;
  }
  push(found, text, { start, end: text.length });
  return found;
}

/** A bracket of a header does not go over lines, so only those behind an `=` are counted. */
function count(brackets: string[], letter: string): void {
  if (letter === "[" || letter === "{") brackets.push(letter);
  if (letter === "]" || letter === "}") brackets.pop();
}

/** Whether the next line can only be a new statement, so that the open bracket was forgotten. */
function startsAnew(text: string, newline: Piece, innermost: string): boolean {
  const end = text.indexOf("\n", newline.end);
  const line = text.slice(newline.end, end === -1 ? undefined : end).replace(/\r$/, "");
  if (HEADER.test(line)) return true;
  return innermost === "[" && KEY.test(line);
}

function push(
  found: Statement[],
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
): void {
  const part = text.slice(start, end);
  if (/^\s*(#[^\n]*)?$/.test(part)) return;
  found.push({ text: part, start, isHeader: /^\s*\[/.test(part) });
}
