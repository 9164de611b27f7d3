/**
 * What the fields of a head say of the body and of the connection, judged once and strictly (RFC 9112 §6, RFC 9110 §7.6.1 and
 * §8.6). Requests and responses share these rules; what only one of them has stands in their own files.
 * Invariant: a head that passes has at most one Content-Length, which is plain decimal, or one Transfer-Encoding, which is
 * `chunked`, and never both.
 */
import { equalsAsciiFold, NONE, parseDecimal } from "../base/bytes.ts";
import { COMMA, HTAB, SP, TOKEN } from "./characters.ts";
import { FIELD } from "./fields.ts";
import type { Flaw } from "./flaws.ts";
import { FRAMING, type HttpHead } from "./head.ts";

const LENGTH = FIELD["content-length"];
const CODING = FIELD["transfer-encoding"];
const CONNECTION = FIELD.connection;
const ZERO = 0x30;

/** Sets `lengthField`, `framing` if it is chunked, and what `Connection` says. */
export function judgeFraming(head: HttpHead): Flaw | undefined {
  if (!head.has(LENGTH) && !head.has(CODING) && !head.has(CONNECTION)) return undefined;
  const flaw = judgeLength(head) ?? judgeCoding(head);
  if (flaw !== undefined) return flaw;
  if (head.has(LENGTH) && head.has(CODING)) return "LENGTH_AND_CODING";
  for (let index = head.find(CONNECTION); index !== NONE; index = head.find(CONNECTION, index + 1)) {
    if (!judgeConnection(head, index)) return "CONNECTION";
  }
  return undefined;
}

function judgeLength(head: HttpHead): Flaw | undefined {
  const index = head.find(LENGTH);
  if (index === NONE) return undefined;
  if (head.repeats(LENGTH)) return "LENGTH_MANY";
  const start = head.valueStart(index);
  const end = head.valueEnd(index);
  if (end - start > 1 && head.bytes[start] === ZERO) return "LENGTH";
  const value = parseDecimal(head.bytes, start, end);
  if (value === NONE) return "LENGTH";
  head.lengthField = value;
  return undefined;
}

/** Nothing but `chunked` is served; the rest is told apart only for the status. */
function judgeCoding(head: HttpHead): Flaw | undefined {
  const index = head.find(CODING);
  if (index === NONE) return undefined;
  if (head.repeats(CODING)) return "CODING";
  if (head.minor === 0) return "CODING_OLD";
  const { bytes } = head;
  const start = head.valueStart(index);
  const end = head.valueEnd(index);
  if (equalsAsciiFold(bytes, start, end, "chunked")) {
    head.framing = FRAMING.chunked;
    return undefined;
  }
  return isCodingList(bytes, start, end) ? "CODING_UNKNOWN" : "CODING";
}

/** Well formed, other codings first and `chunked` once at the end. */
function isCodingList(bytes: Uint8Array, start: number, end: number): boolean {
  let chunked = 0;
  let other = 0;
  let at = start;
  for (;;) {
    const last = tokenEnd(bytes, at, end);
    if (last === at) return false;
    const isChunked = equalsAsciiFold(bytes, at, last, "chunked");
    if (chunked > 0 || equalsAsciiFold(bytes, at, last, "identity")) return false;
    if (isChunked) chunked += 1;
    else other += 1;
    const behind = skipBlanks(bytes, last, end);
    if (behind === end) break;
    if (bytes[behind] !== COMMA) return false;
    at = skipBlanks(bytes, behind + 1, end);
  }
  return chunked === 1 && other > 0;
}

/** Sets `close`, `keepAlive`, `upgrade` (said, not yet whether it holds) and `nominates`. */
function judgeConnection(head: HttpHead, index: number): boolean {
  const { bytes } = head;
  const end = head.valueEnd(index);
  for (let at = nextElement(bytes, head.valueStart(index), end); at < end; at = nextElement(bytes, at, end)) {
    const last = tokenEnd(bytes, at, end);
    const behind = skipBlanks(bytes, last, end);
    if (last === at || (behind < end && bytes[behind] !== COMMA)) return false;
    if (equalsAsciiFold(bytes, at, last, "keep-alive")) head.keepAlive = true;
    else if (equalsAsciiFold(bytes, at, last, "close")) head.close = true;
    else if (equalsAsciiFold(bytes, at, last, "upgrade")) head.upgrade = true;
    else head.nominates = true;
    at = last;
  }
  return true;
}

/** Shows every name that `Connection` lists; the list has been judged. */
export function forEachNomination(head: HttpHead, see: (start: number, end: number) => void): void {
  const { bytes } = head;
  for (let index = head.find(CONNECTION); index !== NONE; index = head.find(CONNECTION, index + 1)) {
    const end = head.valueEnd(index);
    for (let at = nextElement(bytes, head.valueStart(index), end); at < end; at = nextElement(bytes, at, end)) {
      const last = tokenEnd(bytes, at, end);
      see(at, last);
      at = last;
    }
  }
}

/** The first byte of the next element of a list, behind blanks and commas. */
function nextElement(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === COMMA || bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}

function tokenEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && TOKEN[bytes[at]!] !== 0) at++;
  return at;
}

function skipBlanks(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}
