/**
 * Reads the head of a response: version, status, reason, fields (RFC 9112 §4), strictly. How its body ends depends on the
 * request too, which the owner names in `method` before it parses.
 */
import { startsWith } from "../base/bytes.ts";
import { CR, LF, runEnd, SP, VALUE } from "./characters.ts";
import type { Flaw } from "./flaws.ts";
import { HeadParser } from "./head-parser.ts";
import { METHOD, type Method } from "./head.ts";
import { judgeResponse } from "./response-rules.ts";

const STATUS_LINE = 0;
const REASON = 1;
const REASON_LF = 2;
const ZERO = 0x30;
const NINE = 0x39;
/** "HTTP/1." */
const PREFIX = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e);
const MINOR_AT = 7;
const BLANK_AT = 8;
const STATUS_AT = 9;
const STATUS_END = 12;

export class ResponseParser extends HeadParser {
  /** Of the request that is answered. */
  method: Method = METHOD.other;
  protected readonly firstStep = STATUS_LINE;

  protected startLine(bytes: Uint8Array, from: number, stop: number): number {
    let at = from;
    if (this.step === STATUS_LINE) at = this.#statusLine(bytes, at, stop);
    if (this.step === REASON && at >= 0) at = this.#reason(bytes, at, stop);
    if (this.step === REASON_LF && at >= 0 && at < stop) {
      if (bytes[at] !== LF) return this.fail("LINE_END");
      at += 1;
      this.beginFields(at);
    }
    return at;
  }

  protected judge(): Flaw | undefined {
    return judgeResponse(this.head, this.method);
  }

  #statusLine(bytes: Uint8Array, from: number, stop: number): number {
    const { head } = this;
    // Nearly every server says the same up to the minor version, in one piece.
    const whole = from === head.base && stop - from > MINOR_AT && startsWith(bytes, from, PREFIX);
    for (let at = whole ? from + MINOR_AT : from; at < stop; at++) {
      const byte = bytes[at]!;
      const place = at - head.base;
      if (place === STATUS_END) return this.#statusEnds(byte, at);
      if (place < PREFIX.length || place === BLANK_AT) {
        if (byte !== (place === BLANK_AT ? SP : PREFIX[place])) return this.fail(this.#versionFlaw(byte, place));
        continue;
      }
      if (byte < ZERO || byte > NINE) return this.fail(place === MINOR_AT ? "VERSION" : "STATUS");
      if (place === MINOR_AT) head.minor = byte === ZERO ? 0 : 1;
      else if (place >= STATUS_AT) head.status = head.status * 10 + byte - ZERO;
    }
    return stop;
  }

  #versionFlaw(byte: number, place: number): Flaw {
    if (place === BLANK_AT) return "VERSION";
    return place === PREFIX.length - 2 && byte >= ZERO && byte <= NINE ? "VERSION_MAJOR" : "VERSION";
  }

  /** Behind the status stands a blank; where a server has no reason to tell, many leave that out too. */
  #statusEnds(byte: number, at: number): number {
    const { head } = this;
    if (head.status < 100 || head.status > 599 || (byte !== SP && byte !== CR)) return this.fail("STATUS");
    this.step = REASON;
    const start = byte === SP ? at + 1 : at;
    head.reasonStart = start - head.base;
    return start;
  }

  #reason(bytes: Uint8Array, from: number, stop: number): number {
    const { head, limits } = this;
    const limit = head.base + limits.lineBytesMax;
    const at = runEnd(VALUE, bytes, from, stop);
    if (at >= limit) return this.fail("LINE_LONG");
    if (at === stop) return at;
    if (bytes[at] !== CR) return this.fail(bytes[at] === LF ? "LINE_END" : "STATUS");
    head.reasonEnd = at - head.base;
    this.step = REASON_LF;
    return at + 1;
  }
}
