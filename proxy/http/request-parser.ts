/**
 * Reads the head of a request: method, target, version, fields (RFC 9112 §3), strictly. The target's bytes are checked and
 * cut here, its meaning is judged with the whole head (`request-rules.ts`).
 */
import { startsWith } from "../base/bytes.ts";
import { ASTERISK, CR, LF, QUESTION, runEnd, SLASH, SP, TARGET, TOKEN } from "./characters.ts";
import type { Flaw } from "./flaws.ts";
import { HeadParser } from "./head-parser.ts";
import { METHOD, methodOf } from "./head.ts";
import { judgeRequest } from "./request-rules.ts";

const START = 0;
const START_LF = 1;
const METHOD_BYTES = 2;
const TARGET_BYTES = 3;
const VERSION = 4;
const ZERO = 0x30;
const NINE = 0x39;
const ONE = 0x31;
/** "HTTP/1.", of which the digit before the point is looked at apart. */
const VERSION_BYTES = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f, ONE, 0x2e);
const MAJOR_AT = 5;
/** What nearly every request has: looked for as a whole first. */
const PLAIN_VERSION = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f, ONE, 0x2e, ONE, CR, LF);

export class RequestParser extends HeadParser {
  protected readonly firstStep = START;
  /** How much of the version, or of an empty line before the request, was read. */
  #read = 0;
  #major = 0;

  protected startLine(bytes: Uint8Array, from: number, stop: number): number {
    let at = this.step === START ? this.#wholeLine(bytes, from, stop) : from;
    if (at !== from) return at;
    if (this.step <= START_LF) at = this.#start(bytes, at, stop);
    if (this.step === METHOD_BYTES) at = this.#method(bytes, at, stop);
    if (this.step === TARGET_BYTES) at = this.#target(bytes, at, stop);
    if (this.step >= VERSION && at >= 0) at = this.#version(bytes, at, stop);
    return at;
  }

  protected judge(): Flaw | undefined {
    return judgeRequest(this.head);
  }

  /**
   * The fast way: a line that is whole, good and in origin form, as nearly all are. Any other is read step by step from its
   * start, which is then still at `from`.
   */
  #wholeLine(bytes: Uint8Array, from: number, stop: number): number {
    const { head, limits } = this;
    let at = from;
    while (at < stop && TOKEN[bytes[at]!] !== 0) at++;
    const methodEnd = at;
    if (at === from || at - from > limits.methodBytesMax || bytes[at] !== SP || bytes[at + 1] !== SLASH) return from;
    const end = Math.min(stop, at + 1 + limits.targetBytesMax);
    at = runEnd(TARGET, bytes, at + 1, end);
    if (bytes[at] !== SP || !startsWith(bytes, at + 1, PLAIN_VERSION) || at + 1 + PLAIN_VERSION.length > stop)
      return from;
    const method = methodOf(bytes, from, methodEnd);
    if (method === METHOD.CONNECT || method === METHOD.TRACE) return from;
    head.method = method;
    head.methodStart = 0;
    head.methodEnd = methodEnd - from;
    head.targetStart = head.methodEnd + 1;
    head.pathStart = head.targetStart;
    head.targetEnd = at - from;
    this.beginFields(at + 1 + PLAIN_VERSION.length);
    return at + 1 + PLAIN_VERSION.length;
  }

  /** One empty line before the request is skipped (RFC 9112 §2.2). */
  #start(bytes: Uint8Array, from: number, stop: number): number {
    let at = from;
    if (this.step === START && bytes[at] === CR) {
      this.step = START_LF;
      at += 1;
    }
    if (at === stop) return at;
    if (this.step === START_LF) {
      if (bytes[at] !== LF) return this.fail("LINE_END");
      at += 1;
      this.line = 2;
    }
    this.step = METHOD_BYTES;
    return at;
  }

  #method(bytes: Uint8Array, from: number, stop: number): number {
    const { head, limits } = this;
    const start = head.base + this.line;
    let at = from;
    while (at < stop && TOKEN[bytes[at]!] !== 0) at++;
    if (at - start > limits.methodBytesMax) return this.fail("METHOD_LONG");
    if (at === stop) return at;
    if (bytes[at] !== SP || at === start) return this.fail("METHOD");
    head.methodStart = this.line;
    head.methodEnd = at - head.base;
    head.method = methodOf(bytes, start, at);
    if (head.method === METHOD.CONNECT) return this.fail("METHOD_CONNECT");
    if (head.method === METHOD.TRACE) return this.fail("METHOD_TRACE");
    head.targetStart = head.methodEnd + 1;
    this.step = TARGET_BYTES;
    return at + 1;
  }

  #target(bytes: Uint8Array, from: number, stop: number): number {
    const { head, limits } = this;
    const start = head.base + head.targetStart;
    const limit = start + limits.targetBytesMax;
    const end = stop <= limit ? stop : limit + 1;
    const at = runEnd(TARGET, bytes, from, end);
    if (at > limit) return this.fail("TARGET_LONG");
    if (at === stop) return at;
    if (bytes[at] !== SP || at === start) return this.fail("TARGET");
    head.targetEnd = at - head.base;
    if (!this.#cutTarget(bytes, start, at)) return this.fail("TARGET_FORM");
    this.#read = 0;
    this.step = VERSION;
    return at + 1;
  }

  /** Finds the path in the target. False when the target has none of the forms of RFC 9112 §3.2. */
  #cutTarget(bytes: Uint8Array, start: number, end: number): boolean {
    const { head } = this;
    head.pathStart = head.targetStart;
    if (bytes[start] === SLASH) return true;
    if (bytes[start] === ASTERISK) return end - start === 1 && head.method === METHOD.OPTIONS;
    const scheme = schemeLength(bytes, start, end);
    if (scheme === 0) return false;
    head.secureTarget = scheme === "https://".length;
    let at = start + scheme;
    while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION) at++;
    head.authorityStart = start + scheme - head.base;
    head.authorityEnd = at - head.base;
    head.pathStart = head.authorityEnd;
    return true;
  }

  #version(bytes: Uint8Array, from: number, stop: number): number {
    for (let at = from; at < stop; at++) {
      const byte = bytes[at]!;
      const place = this.#read++;
      if (place === MAJOR_AT && byte >= ZERO && byte <= NINE) this.#major = byte - ZERO;
      else if (place < VERSION_BYTES.length && byte !== VERSION_BYTES[place]) return this.fail("VERSION");
      else if (place === VERSION_BYTES.length && !this.#minor(byte)) return this.fail("VERSION");
      else if (place === VERSION_BYTES.length + 1 && byte !== CR)
        return this.fail(byte === LF ? "LINE_END" : "VERSION");
      else if (place === VERSION_BYTES.length + 2) return this.#lineEnds(byte, at);
    }
    return stop;
  }

  #minor(byte: number): boolean {
    if (byte < ZERO || byte > NINE) return false;
    this.head.minor = byte === ZERO ? 0 : 1;
    return true;
  }

  #lineEnds(byte: number, at: number): number {
    if (byte !== LF) return this.fail("LINE_END");
    if (this.#major !== 1) return this.fail("VERSION_MAJOR");
    this.beginFields(at + 1);
    return at + 1;
  }
}

/** Bytes of "http://" or "https://" at `start`, in any case; 0 for any other scheme, or none. */
function schemeLength(bytes: Uint8Array, start: number, end: number): number {
  for (const scheme of SCHEMES) {
    let index = 0;
    while (index < scheme.length && start + index < end && (bytes[start + index]! | 0x20) === scheme[index]) index++;
    if (index === scheme.length) return index;
  }
  return 0;
}

const SCHEMES: readonly Uint8Array[] = ["http://", "https://"].map((text) =>
  Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
);
