/**
 * Hides what must not be read in a text that will be shown. A source line is shown with what is wrong in it, and the
 * value beside the mistake may be a password; so a value is hidden unless the key before it is known to be harmless.
 * Works on broken files too, which is why it looks at words and not at meaning.
 * Invariant: the result is as long as the text; hidden letters are `HIDDEN`, which `unveil` turns into stars.
 */
import { type Piece, scan } from "./scan.ts";

/** Stands for a hidden letter until the line is shown; a private-use letter that is in no sane file. */
export const HIDDEN = "\uE000";
export const STARS = "***";

export interface Keys {
  /** Whether the value of a key of that name may be shown. */
  harmless(name: string): boolean;
}

const WHOLE_REFERENCE = /^\$\{(env|file):[^${}]*\}$/;
/** What a knob called key may show: the name of a column, or of a file; not the lines of a private key. */
const PLAIN_KEY = /^([A-Za-z_][A-Za-z0-9_]{0,31}|[\w./-]{1,120}\.(key|pem))$/;
/** user:PASSWORD@ behind a scheme; the password may hold an @ that should have been percent-encoded. */
const URL_PASSWORD = /([A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s:/?#"'@]*:)([^\s"']*)@/g;
const QUERY_PASSWORD = /([?&][^=&\s"']*(?:pass|secret|token|key)[^=&\s"']*=)([^&\s"']*)/gi;

export function isWholeReference(text: string): boolean {
  return WHOLE_REFERENCE.test(text);
}

/** A URL, or a text with URLs in it, without passwords. */
export function maskUrls(text: string, stars: (password: string) => string = () => STARS): string {
  const veil = (_: string, before: string, password: string) =>
    before + (password === "" || isWholeReference(password) ? password : stars(password));
  const masked = text.replace(URL_PASSWORD, (...match: [string, string, string]) => `${veil(...match)}@`);
  return masked.replace(QUERY_PASSWORD, (...match: [string, string, string]) => veil(...match));
}

/** Whether a text may hold a secret that `maskUrls` does not find: a private key, or a password in a crooked URL. */
export function looksSecret(text: string): boolean {
  return text.startsWith("-----BEGIN") || isCrookedUrl(text);
}

function isCrookedUrl(text: string): boolean {
  if (!text.includes("@")) return false;
  return !/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s:/?#@]*(:@|@)[^@]*$/.test(text.replace(URL_PASSWORD, "$1@"));
}

/** The whole file with every doubtful value and every comment hidden. */
export function maskToml(text: string, keys: Keys): string {
  const pieces = scan(text);
  const state: State = { keys, key: undefined, inHeader: false, isFirst: false };
  let masked = "";
  enterLine(state, text, 0);
  for (const [index, piece] of pieces.entries()) {
    const word = text.slice(piece.start, piece.end);
    if (piece.kind === "newline") enterLine(state, text, piece.end);
    if (word === "]") state.inHeader = false;
    if (word === "=") state.key = keyBefore(text, pieces, index);
    if (piece.kind === "mark") state.isFirst = word !== "]" && word !== "}";
    masked += maskPiece(word, piece, state, isKey(text, pieces, index));
    if (piece.kind === "string" || piece.kind === "word") state.isFirst = false;
  }
  return masked;
}

/** Where in the file we are: behind which key, and whether between the brackets of a table's header. */
interface State {
  readonly keys: Keys;
  key: string | undefined;
  inHeader: boolean;
  /** No value has come yet since the last mark; what comes behind a value belongs to nothing. */
  isFirst: boolean;
}

const HEADER_LINE = /^[ \t]*\[\[?([^\]='\n]{1,200}\]|[\w.-]{1,64}[ \t]*(\r?\n|$))/;
const KEY_LINE = /^[ \t]*([\w.-]{1,64}|"[^"]{1,64}"|'[^']{1,64}')[ \t]*=/;

/** A line that is neither a header nor begins with a key goes on with the value of the line before. */
function enterLine(state: State, text: string, start: number): void {
  const line = text.slice(start, start + LINE_LOOK_MAX);
  state.inHeader = HEADER_LINE.test(line);
  if (state.inHeader || KEY_LINE.test(line)) state.key = undefined;
}

/** How much of a line is looked at to see what it is. */
const LINE_LOOK_MAX = 256;
const KEY_LENGTH_MAX = 64;

function maskPiece(word: string, piece: Piece, state: State, isName: boolean): string {
  if (piece.kind === "comment") return word[0] + hide(word.slice(1));
  if (piece.kind !== "string" && piece.kind !== "word") return word;
  if (isName || state.inHeader) return word.length <= KEY_LENGTH_MAX ? word : hide(word);
  if (state.key === undefined) return piece.kind === "string" ? hideInside(word) : word;
  return maskValue(word, piece, state.isFirst ? state.key : "", state.keys);
}

function maskValue(word: string, piece: Piece, key: string, keys: Keys): string {
  const inside = piece.kind === "string" ? word.slice(1, piece.closed === true ? -1 : undefined) : word;
  if (isWholeReference(inside)) return word;
  const harmless = key === "key" ? PLAIN_KEY.test(inside) : keys.harmless(key);
  if (!harmless || looksSecret(inside)) return piece.kind === "string" ? hideInside(word) : hide(word);
  return maskUrls(word, hide);
}

/** Whether the piece stands directly before an `=`. */
function isKey(text: string, pieces: readonly Piece[], index: number): boolean {
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
