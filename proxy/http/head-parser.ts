/**
 * The machine that reads field lines byte by byte and may stop and go on at any byte (RFC 9112 §5). What reads the start line
 * and judges the whole is a subclass: `RequestParser`, `ResponseParser`, `TrailerParser`.
 * Invariants: no byte is looked at more than twice, so a peer that sends one at a time costs no more; the verdict depends on the bytes
 * alone and not on how they were cut; only CRLF ends a line.
 */
import { COLON, CR, HTAB, LF, runEnd, SP, TOKEN, UNDERSCORE_BIT, VALUE } from "./characters.ts";
import { knownField } from "./fields.ts";
import type { Flaw } from "./flaws.ts";
import type { HttpHead } from "./head.ts";
import type { HttpLimits } from "./limits.ts";

/** The head is not complete yet: call again with at least its first byte still there. */
export const MORE = -1;
/** The head is refused, and `flaw` says why. */
export const BAD = -2;

/** Steps below this one belong to the start line. */
export const FIELDS = 16;
const NAME = 17;
const BLANKS = 18;
const FIELD_VALUE = 19;
const LINE_LF = 20;
const LAST_LF = 21;
const DONE = 22;

export abstract class HeadParser {
  readonly head: HttpHead;
  readonly limits: HttpLimits;
  flaw: Flaw = "CUT";
  protected step = 0;
  /** Where the line that is being read starts, and where it has to end; counted from the head's first byte. */
  protected line = 0;
  #lineStop = 0;
  #scanned = 0;
  /** Of the name that is being read: all bits of its bytes in `TOKEN`. */
  #bits = 0;
  #value = 0;

  constructor(head: HttpHead, limits: HttpLimits) {
    this.head = head;
    this.limits = limits;
  }

  /** The first step of a new message. */
  protected abstract readonly firstStep: number;
  /** Goes on with the start line at `at`, up to `stop`; answers where it stands then, or BAD. */
  protected abstract startLine(bytes: Uint8Array, at: number, stop: number): number;
  /** Judges the whole once its last byte is read. */
  protected abstract judge(): Flaw | undefined;

  /** Whether bytes of a head were read and are not complete. */
  get midway(): boolean {
    return this.#scanned > 0;
  }

  /**
   * Reads the head that starts at `start` as far as there are bytes. Answers the offset behind it, MORE or BAD. After MORE
   * the next call gets all bytes from the head's first one on, in whatever array, and goes on where this one stopped.
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    const { head } = this;
    if (this.#scanned === 0) this.#begin(bytes, start);
    head.bytes = bytes;
    head.base = start;
    const stop = Math.min(end, start + this.limits.headBytesMax);
    let at = start + this.#scanned;
    while (at < stop && this.step !== DONE) {
      at = this.step < FIELDS ? this.startLine(bytes, at, stop) : this.#fields(bytes, at, stop);
      if (at === BAD) return BAD;
    }
    if (this.step === DONE) return this.#finish(at);
    this.#scanned = at - start;
    if (this.#scanned >= this.limits.headBytesMax) return this.fail("HEAD_LONG");
    return MORE;
  }

  /** Forgets what was read of an incomplete head. */
  reset(): void {
    this.#scanned = 0;
  }

  protected fail(flaw: Flaw): typeof BAD {
    this.flaw = flaw;
    this.#scanned = 0;
    return BAD;
  }

  /** The start line ends at `at`, behind its CRLF. */
  protected beginFields(at: number): void {
    this.head.linesStart = at - this.head.base;
    this.step = FIELDS;
  }

  #begin(bytes: Uint8Array, start: number): void {
    this.head.begin(bytes, start);
    this.step = this.firstStep;
    this.line = 0;
  }

  #finish(at: number): number {
    this.#scanned = 0;
    this.head.length = at - this.head.base;
    this.head.linesEnd = this.line;
    const flaw = this.judge();
    return flaw === undefined ? at : this.fail(flaw);
  }

  #fields(bytes: Uint8Array, from: number, stop: number): number {
    let at = this.step === FIELDS ? this.#wholeLines(bytes, from, stop) : from;
    while (at < stop) {
      if (this.step === FIELDS) at = this.#begins(bytes, at);
      if (this.step === NAME) at = this.#name(bytes, at, stop);
      if (this.step === BLANKS) at = this.#blanks(bytes, at, stop);
      if (this.step === FIELD_VALUE) at = this.#valueBytes(bytes, at, stop);
      if (at === BAD) return BAD;
      if (at < stop && this.step >= LINE_LF) {
        at = this.#lineEnds(bytes, at);
        if (this.step === DONE || at === BAD) return at;
      }
    }
    return at;
  }

  /**
   * The fast way: lines that are whole and good, one after the other. It stops before the first that is not, which is then
   * read step by step; so no byte is looked at more than twice.
   */
  #wholeLines(bytes: Uint8Array, from: number, stop: number): number {
    const { head, limits } = this;
    const { base } = head;
    const { lineBytesMax } = limits;
    let line = from;
    while (head.count < limits.fieldsMax) {
      const end = stop - line > lineBytesMax ? line + lineBytesMax : stop;
      let at = line;
      let bits = 0;
      for (; at < end; at++) {
        const lower = TOKEN[bytes[at]!]!;
        if (lower === 0) break;
        bits |= lower;
      }
      if (at === line || at === end || bytes[at] !== COLON) return line;
      const nameEnd = at++;
      while (at < end && isBlank(bytes[at]!)) at++;
      const value = at;
      at = runEnd(VALUE, bytes, at, end);
      if (at + 1 >= end || bytes[at] !== CR || bytes[at + 1] !== LF) return line;
      let valueEnd = at;
      while (valueEnd > value && isBlank(bytes[valueEnd - 1]!)) valueEnd--;
      head.addName(line - base, nameEnd - base, knownField(bytes, line, nameEnd));
      if ((bits & UNDERSCORE_BIT) !== 0) head.markUnderscore();
      head.addValue(value - base, valueEnd - base);
      line = at + 2;
    }
    return line;
  }

  #begins(bytes: Uint8Array, at: number): number {
    const { head, limits } = this;
    this.line = at - head.base;
    if (bytes[at] === CR) {
      this.step = LAST_LF;
      return at + 1;
    }
    if (head.count === limits.fieldsMax) return this.fail("FIELDS_MANY");
    this.#lineStop = this.line + limits.lineBytesMax;
    this.#bits = 0;
    this.step = NAME;
    return at;
  }

  #name(bytes: Uint8Array, from: number, stop: number): number {
    const { head } = this;
    const lineStop = head.base + this.#lineStop;
    const end = stop < lineStop ? stop : lineStop;
    let at = from;
    let bits = this.#bits;
    for (; at < end; at++) {
      const lower = TOKEN[bytes[at]!]!;
      if (lower === 0) break;
      bits |= lower;
    }
    this.#bits = bits;
    if (at === end) return at === lineStop ? this.fail("LINE_LONG") : at;
    if (bytes[at] !== COLON || at === head.base + this.line) return this.fail("FIELD_NAME");
    head.addName(this.line, at - head.base, knownField(bytes, head.base + this.line, at));
    if ((bits & UNDERSCORE_BIT) !== 0) head.markUnderscore();
    this.step = BLANKS;
    return at + 1;
  }

  #blanks(bytes: Uint8Array, from: number, stop: number): number {
    const lineStop = this.head.base + this.#lineStop;
    const end = stop < lineStop ? stop : lineStop;
    let at = from;
    while (at < end && isBlank(bytes[at]!)) at++;
    if (at === end) return at === lineStop ? this.fail("LINE_LONG") : at;
    this.#value = at - this.head.base;
    this.step = FIELD_VALUE;
    return at;
  }

  #valueBytes(bytes: Uint8Array, from: number, stop: number): number {
    const { head } = this;
    const lineStop = head.base + this.#lineStop;
    const end = stop < lineStop ? stop : lineStop;
    const at = runEnd(VALUE, bytes, from, end);
    if (at === end) return at === lineStop ? this.fail("LINE_LONG") : at;
    if (bytes[at] !== CR) return this.fail(bytes[at] === LF ? "LINE_END" : "FIELD_VALUE");
    const start = head.base + this.#value;
    let valueEnd = at;
    while (valueEnd > start && isBlank(bytes[valueEnd - 1]!)) valueEnd--;
    head.addValue(this.#value, valueEnd - head.base);
    this.step = LINE_LF;
    return at + 1;
  }

  /** The line feed behind a carriage return; a carriage return that stands alone is never read as anything. */
  #lineEnds(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== LF) return this.fail("LINE_END");
    if (at - this.head.base >= this.#lineStop && this.step === LINE_LF) return this.fail("LINE_LONG");
    this.step = this.step === LAST_LF ? DONE : FIELDS;
    return at + 1;
  }
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}
