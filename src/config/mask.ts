/**
 * Hides what must not be read in a text that will be shown. A source line is shown with what is wrong in it, and the
 * value beside the mistake may be a password; so a value is hidden unless the key before it is known to be harmless.
 * Works on broken files too, which is why it looks at words and not at meaning.
 * Invariant: the result is as long as the text; hidden letters are `HIDDEN`, which `unveil` turns into stars.
 */
import { isPlainUrl, isWholeReference, looksSecret, maskUrls } from "./mask-url.ts";
import { type Piece, scan } from "./scan.ts";

/** Stands for a hidden letter until the line is shown; a private-use letter that is in no sane file. */
export const HIDDEN = "\uE000";

export interface Keys {
  /** Whether a section or knob has that name; names are no secrets. */
  known(name: string): boolean;
  /** Whether the value of a key of that name may be shown. */
  harmless(name: string): boolean;
  /** Whether the value of a key of that name is a URL, so that a broken one may be a password in parts. */
  isUrl(name: string): boolean;
}

/** What a knob called key may show: the name of a column, or of a file; not the lines of a private key. */
const PLAIN_KEY = /^([A-Za-z_][A-Za-z0-9_]{0,31}|[\w./-]{1,120}\.(key|pem))$/;

/** The whole file with every doubtful value and every comment hidden. */
export function maskToml(text: string, keys: Keys): string {
  const pieces = scan(text);
  const state: State = { keys, key: undefined, depth: 0, inHeader: false, isFirst: false };
  let masked = "";
  enterLine(state, text, 0);
  for (const [index, piece] of pieces.entries()) {
    const word = text.slice(piece.start, piece.end);
    if (piece.kind === "newline") enterLine(state, text, piece.end);
    if (word === "=") state.key = keyBefore(text, pieces, index);
    if (piece.kind === "mark") passMark(state, word);
    masked += maskPiece(word, piece, state, isBeforeEquals(text, pieces, index));
    if (piece.kind === "string" || piece.kind === "word") state.isFirst = false;
  }
  return masked;
}

/** Where in the file we are. */
interface State {
  readonly keys: Keys;
  /** The key whose value may follow; undefined at the beginning of a statement, "" where nothing is expected. */
  key: string | undefined;
  /** Open brackets of that value. */
  depth: number;
  /** Between the brackets of a table's header. */
  inHeader: boolean;
  /** No value has come yet since the last mark; what comes behind a value belongs to nothing. */
  isFirst: boolean;
}

const HEADER_LINE = /^[ \t]*\[\[?([^\]='\n]{1,200}\]|[\w.-]{1,64}[ \t]*(\r?\n|$))/;
const KEY_LINE = /^[ \t]*([\w.-]{1,64}|"[^"]{1,64}"|'[^']{1,64}')[ \t]*=/;

/** Only the value of an open bracket goes on in the next line. */
function enterLine(state: State, text: string, start: number): void {
  const line = text.slice(start, start + LINE_LOOK_MAX);
  state.inHeader = HEADER_LINE.test(line);
  const isNew = state.inHeader || KEY_LINE.test(line);
  if (isNew) state.depth = 0;
  if (isNew || start === 0) state.key = undefined;
  else if (state.depth === 0) state.key = "";
}

function passMark(state: State, mark: string): void {
  if (mark === "]") state.inHeader = false;
  const closes = mark === "]" || mark === "}";
  state.isFirst = !closes;
  if (state.key === undefined) return;
  if (mark === "[" || mark === "{") state.depth += 1;
  if (closes) state.depth = Math.max(0, state.depth - 1);
}

/** How much of a line is looked at to see what it is. */
const LINE_LOOK_MAX = 256;
const KEY_LENGTH_MAX = 64;

function maskPiece(word: string, piece: Piece, state: State, isBeforeEquals: boolean): string {
  if (piece.kind === "comment") return word[0] + hide(word.slice(1));
  if (piece.kind !== "string" && piece.kind !== "word") return word;
  const isName = isBeforeEquals && (state.key === undefined || state.depth > 0);
  if ((isName || state.inHeader) && word.length <= KEY_LENGTH_MAX) return word;
  if (piece.kind === "word" && isHarmlessWord(word, state.keys)) return word;
  return maskValue(word, piece, state.isFirst ? (state.key ?? "") : "", state.keys);
}

/** The name of a knob, also with the colon of YAML behind it, or a sign or two. */
function isHarmlessWord(word: string, keys: Keys): boolean {
  return keys.known(word.replace(/:$/, "")) || /^[^A-Za-z0-9]{1,2}$/.test(word);
}

function maskValue(word: string, piece: Piece, key: string, keys: Keys): string {
  const inside = piece.kind === "string" ? word.slice(1, piece.closed === true ? -1 : undefined) : word;
  if (isWholeReference(inside)) return word;
  const harmless = key === "key" ? PLAIN_KEY.test(inside) : keys.harmless(key);
  const isBroken = looksSecret(inside) || (keys.isUrl(key) && !isPlainUrl(inside));
  if (!harmless || isBroken) return piece.kind === "string" ? hideInside(word) : hide(word);
  return maskUrls(word, hide);
}

/** Whether the piece stands directly before an `=`. */
function isBeforeEquals(text: string, pieces: readonly Piece[], index: number): boolean {
  const next = pieces[index + 1];
  const mark = next?.kind === "space" ? pieces[index + 2] : next;
  return mark !== undefined && text[mark.start] === "=";
}

/** The last word of the name before the `=` at `index`. */
function keyBefore(text: string, pieces: readonly Piece[], index: number): string {
  const before = pieces[index - 1];
  const piece = before?.kind === "space" ? pieces[index - 2] : before;
  if (piece === undefined || (piece.kind !== "word" && piece.kind !== "string")) return "";
  const word = text.slice(piece.start, piece.end);
  const bare = piece.kind === "string" ? word.slice(1, -1) : word;
  return bare.slice(bare.lastIndexOf(".") + 1);
}

function hide(text: string): string {
  return text.replace(/[^\s]/gs, HIDDEN);
}

function hideInside(word: string): string {
  return word.length < 2 ? word : word[0] + hide(word.slice(1, -1)) + (word.at(-1) === word[0] ? word.at(-1) : HIDDEN);
}
