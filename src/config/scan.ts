/**
 * A forgiving lexer for TOML: cuts any text, however broken, into strings, comments, words and marks. For what must work
 * where the real parser gives up: to hide secrets in a line that is shown, and to find where the next statement begins.
 * Not a parser: it accepts everything. Invariant: the pieces are in order and touch each other, from 0 to the end.
 * Spec: toml.io/en/v1.0.0.
 */
export type PieceKind = "string" | "comment" | "word" | "mark" | "space" | "newline";

export interface Piece {
  readonly kind: PieceKind;
  readonly start: number;
  readonly end: number;
  /** Of a string: whether its closing quote is there. */
  readonly closed?: boolean;
}

const SPACE = /[ \t\r]+/y;
const COMMENT = /#[^\n]*/y;
const WORD = /[^\s#"'=[\]{},]+/y;

export function scan(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    const piece = pieceAt(text, at);
    pieces.push(piece);
    at = piece.end;
  }
  return pieces;
}

function pieceAt(text: string, start: number): Piece {
  const letter = text[start];
  if (letter === "\n") return { kind: "newline", start, end: start + 1 };
  if (letter === '"' || letter === "'") return stringAt(text, start, letter);
  const space = run(SPACE, text, start);
  if (space > start) return { kind: "space", start, end: space };
  const comment = run(COMMENT, text, start);
  if (comment > start) return { kind: "comment", start, end: comment };
  const word = run(WORD, text, start);
  if (word > start) return { kind: "word", start, end: word };
  return { kind: "mark", start, end: start + 1 };
}

/** A string without its closing quote ends with its line, also one that could go over many: so the damage stays small. */
function stringAt(text: string, start: number, quote: string): Piece {
  const long = quote.repeat(3);
  if (text.startsWith(long, start)) {
    const end = closing(text, start + 3, long);
    if (end !== -1) return { kind: "string", start, end: afterExtraQuotes(text, end, quote), closed: true };
  }
  for (let at = start + 1; at < text.length && text[at] !== "\n"; at += 1) {
    if (text[at] === quote) return { kind: "string", start, end: at + 1, closed: true };
    if (quote === '"' && text[at] === "\\" && text[at + 1] !== "\n") at += 1;
  }
  return { kind: "string", start, end: lineEnd(text, start), closed: false };
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}

/** One or two quotes may stand directly before the three that close. */
function afterExtraQuotes(text: string, end: number, quote: string): number {
  let last = end;
  while (last < end + 2 && text[last] === quote) last += 1;
  return last;
}

/** The end of a string over many lines; -1 when it has none. */
function closing(text: string, from: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 1)) {
    if (quote.startsWith("'") || !isEscaped(text, at, from)) return at + quote.length;
  }
  return -1;
}

/** Whether an odd number of backslashes stands before `at`. */
function isEscaped(text: string, at: number, from: number): boolean {
  let first = at;
  while (first > from && text[first - 1] === "\\") first -= 1;
  return (at - first) % 2 === 1;
}

function run(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : start;
}
