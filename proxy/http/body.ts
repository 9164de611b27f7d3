/**
 * Finds the end of a body and what in it is content, over byte ranges and resumable at every byte; content is pointed at, not
 * copied (RFC 9112 §6 and §7.1). Chunk extensions are checked, counted and dropped. Trailers are the parser's.
 * Invariant: no byte behind the end of the body is ever looked at.
 */
import { BACKSLASH, CR, EQUALS, LF, QUOTE, SEMICOLON, TOKEN, VALUE } from "./characters.ts";
import type { Flaw } from "./flaws.ts";
import { FRAMING, type Framing } from "./head.ts";
import type { HttpLimits } from "./limits.ts";

/** What `read` has found. */
export const BODY = {
  /** Nothing more in this range. */
  more: 0,
  /** Content in [start, end). */
  data: 1,
  /** The chunks are over, and trailers start at `at`. */
  trailers: 2,
  /** The body is over. */
  done: 3,
  /** The body is refused, and `flaw` says why. */
  bad: 4,
} as const;
export type BodyFound = (typeof BODY)[keyof typeof BODY];

const SIZE = 0;
const EXTENSION_NAME = 1;
const EXTENSION_VALUE = 2;
const EXTENSION_TOKEN = 3;
const QUOTED = 4;
const QUOTED_PAIR = 5;
const EXTENSION_END = 6;
const SIZE_LF = 7;
const DATA = 8;
const DATA_CR = 9;
const DATA_LF = 10;

const SIZE_DIGITS_MAX = 16;

export class BodyReader {
  flaw: Flaw = "CUT";
  /** Where the next `read` goes on. */
  at = 0;
  start = 0;
  end = 0;
  readonly #limits: HttpLimits;
  #framing: Framing = FRAMING.none;
  /** Of the body or of the chunk. */
  #left = 0;
  #step = SIZE;
  #digits = 0;
  #named = false;
  #extensionBytes = 0;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  begin(framing: Framing, length: number): void {
    this.#framing = framing;
    this.#left = framing === FRAMING.length ? length : 0;
    this.#step = SIZE;
    this.#digits = 0;
    this.#extensionBytes = 0;
  }

  /** Whether the end of the wire is the end of the body. */
  get endsWithWire(): boolean {
    return this.#framing === FRAMING.close;
  }

  /** Reads on at `from`. Each call finds one thing; `at` is where the next one starts. */
  read(bytes: Uint8Array, from: number, end: number): BodyFound {
    this.at = from;
    switch (this.#framing) {
      case FRAMING.none:
        return BODY.done;
      case FRAMING.length:
        return this.#left === 0 ? BODY.done : this.#content(end);
      case FRAMING.chunked:
        return this.#chunked(bytes, end);
      default:
        this.start = from;
        this.end = end;
        this.at = end;
        return from < end ? BODY.data : BODY.more;
    }
  }

  #content(end: number): BodyFound {
    if (this.at === end) return BODY.more;
    this.start = this.at;
    this.end = Math.min(end, this.at + this.#left);
    this.#left -= this.end - this.start;
    this.at = this.end;
    return BODY.data;
  }

  #chunked(bytes: Uint8Array, end: number): BodyFound {
    while (this.at < end) {
      if (this.#step === DATA) {
        if (this.#left > 0) return this.#content(end);
        this.#step = DATA_CR;
      }
      const byte = bytes[this.at]!;
      this.at += 1;
      if (this.#step === SIZE_LF && byte === LF) {
        this.#digits = 0;
        this.#step = this.#left === 0 ? SIZE : DATA;
        if (this.#left === 0) return BODY.trailers;
      } else if (!this.#framingByte(byte)) return BODY.bad;
    }
    return BODY.more;
  }

  #framingByte(byte: number): boolean {
    switch (this.#step) {
      case SIZE:
        return this.#sizeByte(byte);
      case DATA_CR:
        this.#step = DATA_LF;
        return byte === CR || this.#refuse("CHUNK_END");
      case DATA_LF:
        this.#step = SIZE;
        this.#left = 0;
        return byte === LF || this.#refuse("CHUNK_END");
      case SIZE_LF:
        return this.#refuse("LINE_END");
      default:
        return this.#extensionByte(byte);
    }
  }

  #sizeByte(byte: number): boolean {
    const digit = HEX[byte]!;
    if (digit !== NO_DIGIT) {
      this.#digits += 1;
      this.#left = this.#left * 16 + digit;
      const held = this.#digits <= SIZE_DIGITS_MAX && this.#left <= Number.MAX_SAFE_INTEGER;
      return held || this.#refuse("CHUNK_SIZE");
    }
    if (this.#digits === 0) return this.#refuse("CHUNK_SIZE");
    return this.#sizeEnds(byte) || this.#refuse(byte === LF ? "LINE_END" : "CHUNK_SIZE");
  }

  /** CR or the semicolon of an extension. */
  #sizeEnds(byte: number): boolean {
    if (byte !== CR && byte !== SEMICOLON) return false;
    this.#step = byte === CR ? SIZE_LF : EXTENSION_NAME;
    this.#named = false;
    return true;
  }

  /** `;name`, `;name=token` or `;name="quoted"`, without blanks between them (RFC 9112 §7.1.1). */
  #extensionByte(byte: number): boolean {
    this.#extensionBytes += 1;
    if (this.#extensionBytes > this.#limits.extensionBytesMax) return this.#refuse("CHUNK_EXTENSION_LONG");
    const good = this.#step === QUOTED || this.#step === QUOTED_PAIR ? this.#quotedByte(byte) : this.#nameByte(byte);
    return good || this.#refuse(byte === LF ? "LINE_END" : "CHUNK_EXTENSION");
  }

  #nameByte(byte: number): boolean {
    const isToken = TOKEN[byte] !== 0;
    switch (this.#step) {
      case EXTENSION_NAME:
        if (isToken) return (this.#named = true);
        if (!this.#named) return false;
        if (byte !== EQUALS) return this.#sizeEnds(byte);
        this.#step = EXTENSION_VALUE;
        return true;
      case EXTENSION_VALUE:
        this.#step = byte === QUOTE ? QUOTED : EXTENSION_TOKEN;
        return isToken || byte === QUOTE;
      case EXTENSION_TOKEN:
        return isToken || this.#sizeEnds(byte);
      default:
        return this.#sizeEnds(byte);
    }
  }

  #quotedByte(byte: number): boolean {
    if (this.#step === QUOTED_PAIR) this.#step = QUOTED;
    else if (byte === BACKSLASH) this.#step = QUOTED_PAIR;
    else if (byte === QUOTE) this.#step = EXTENSION_END;
    return VALUE[byte] === 1;
  }

  #refuse(flaw: Flaw): boolean {
    this.flaw = flaw;
    return false;
  }
}

const NO_DIGIT = 0xff;
const HEX = new Uint8Array(256).fill(NO_DIGIT);
for (let value = 0; value < 16; value++) {
  const letter = value.toString(16);
  HEX[letter.charCodeAt(0)] = value;
  HEX[letter.toUpperCase().charCodeAt(0)] = value;
}
