/**
 * Cuts SQL into tokens, byte by byte, as Postgres' own scanner does: words, names in quotes, strings of all kinds, dollar
 * quotes, nested comments. It makes no string but where it is asked for one, may be fed a text in parts, and understands
 * nothing of what it cuts.
 * Invariant: nothing inside of a comment or a string is taken for a word. What it cannot know is the session's
 * `standard_conforming_strings`, which it is told.
 * Spec: PostgreSQL documentation, "Lexical Structure".
 */

/** Hears of tokens. A word's text is at most `WORD_BYTES_MAX` long: what is longer names nothing that is looked for. */
export interface Tokens {
  /** Unquoted, in lower case. */
  word(lexer: Lexer): void;
  /** In double quotes, as it stands; `plain` is false for what has escapes that were not undone. */
  name(lexer: Lexer, plain: boolean): void;
  /** In single or dollar quotes; `plain` as above. */
  string(lexer: Lexer, plain: boolean): void;
  /** Anything else that is not space: one byte. */
  symbol(byte: number): void;
}

/** Postgres cuts names at 63 bytes. */
export const WORD_BYTES_MAX = 128;

const IN = {
  space: 0,
  word: 1,
  name: 2,
  string: 3,
  /** Where a backslash takes the next byte's meaning. */
  escapes: 4,
  /** Behind the quote that may have ended a string or be half of a doubled one. */
  quoted: 5,
  lineComment: 6,
  blockComment: 7,
  dash: 8,
  slash: 9,
  commentStar: 10,
  commentSlash: 11,
  dollarTag: 12,
  dollarBody: 13,
  dollarEnd: 14,
  backslash: 15,
  number: 16,
  /** Behind U&, which may begin a name or string with escapes. */
  unicode: 17,
} as const;

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const AMPERSAND = 0x26;
const LOWER_E = 0x65;
const LOWER_U = 0x75;

const SPACE = 1;
const WORD_START = 2;
const DIGIT = 4;
const WORD_PART = 8;

const CLASSES: Uint8Array = classes();

export class Lexer {
  /** The token that is told of, in lower case when it is a word. */
  readonly text = new Uint8Array(WORD_BYTES_MAX);
  length = 0;
  /** Sum over the word's bytes, for a quick look whether it may be one that is looked for. */
  hash = 0;
  /** The token was longer than `text`. */
  cut = false;

  #in: number = IN.space;
  #depth = 0;
  /** What ends the token in quotes that is open: QUOTE or DOUBLE_QUOTE. */
  #quote = 0;
  #plain = true;
  #escapes = false;
  /** The last token was a string with escapes: one that follows it at once is more of the same. */
  #goesOn = false;
  readonly #tag = new Uint8Array(WORD_BYTES_MAX);
  #tagLength = 0;
  #tagAt = 0;
  #standardStrings = true;

  begin(standardStrings: boolean): void {
    this.#in = IN.space;
    this.#standardStrings = standardStrings;
    this.#goesOn = false;
    this.#start();
  }

  /** [start, end) of the text. */
  feed(bytes: Uint8Array, start: number, end: number, tokens: Tokens): void {
    let at = start;
    while (at < end) at = this.#step(bytes, at, end, tokens);
  }

  /** The text has ended. */
  finish(tokens: Tokens): void {
    if (this.#in === IN.word || this.#in === IN.unicode) tokens.word(this);
    else if (this.#in === IN.quoted) this.#tell(tokens);
    else if (this.#in === IN.dash) tokens.symbol(DASH);
    else if (this.#in === IN.slash) tokens.symbol(SLASH);
    this.#in = IN.space;
  }

  /** The token as text; what is not ASCII becomes other characters, one each. */
  string(): string {
    let text = "";
    for (let at = 0; at < this.length; at++) text += String.fromCharCode(this.text[at]!);
    return text;
  }

  is(word: string): boolean {
    if (this.length !== word.length || this.cut) return false;
    for (let at = 0; at < word.length; at++) if (this.text[at] !== word.charCodeAt(at)) return false;
    return true;
  }

  /** Takes at least one byte, or changes what it is in. Returns where to go on. */
  #step(bytes: Uint8Array, at: number, end: number, tokens: Tokens): number {
    switch (this.#in) {
      case IN.space:
        return this.#between(bytes, at, end, tokens);
      case IN.word:
        return this.#word(bytes, at, end, tokens);
      case IN.number:
        return this.#number(bytes, at, end);
      case IN.name:
      case IN.string:
        return this.#quoted(bytes, at, end);
      case IN.escapes:
      case IN.backslash:
        return this.#escaped(bytes, at, end);
      case IN.quoted:
        return this.#doubled(bytes[at]!, at, tokens);
      case IN.unicode:
        return this.#unicode(bytes[at]!, at, tokens);
      case IN.dollarTag:
        return this.#dollarTag(bytes[at]!, at, tokens);
      case IN.dollarBody:
      case IN.dollarEnd:
        return this.#dollarBody(bytes, at, end, tokens);
      default:
        return this.#comment(bytes, at, end, tokens);
    }
  }

  #between(bytes: Uint8Array, from: number, end: number, tokens: Tokens): number {
    let at = from;
    while (at < end && CLASSES[bytes[at]!] === SPACE) at += 1;
    if (at === end) return at;
    const byte = bytes[at]!;
    const kind = CLASSES[byte]!;
    if (byte !== QUOTE && byte !== DASH) this.#goesOn = false;
    if ((kind & WORD_START) !== 0) return this.#open(IN.word, at);
    if ((kind & DIGIT) !== 0) return this.#open(IN.number, at);
    if (byte === QUOTE) return this.#openQuotes(QUOTE, !this.#standardStrings || this.#goesOn, at + 1);
    if (byte === DOUBLE_QUOTE) return this.#openQuotes(DOUBLE_QUOTE, false, at + 1);
    if (byte === DASH) this.#in = IN.dash;
    else if (byte === SLASH) this.#in = IN.slash;
    else if (byte === DOLLAR) this.#openDollar();
    else tokens.symbol(byte);
    return at + 1;
  }

  #word(bytes: Uint8Array, from: number, end: number, tokens: Tokens): number {
    const { text } = this;
    let { length, hash } = this;
    let at = from;
    for (; at < end; at++) {
      let byte = bytes[at]!;
      if ((CLASSES[byte]! & WORD_PART) === 0) break;
      if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
      hash = (Math.imul(hash, 31) + byte) | 0;
      if (length < WORD_BYTES_MAX) text[length++] = byte;
      else this.cut = true;
    }
    this.length = length;
    this.hash = hash;
    if (at === end) return at;
    return this.#endWord(bytes[at]!, at, tokens);
  }

  /** A word of one letter may be what a string begins with: E'…', U&'…', B'…', N'…', X'…'. */
  #endWord(next: number, at: number, tokens: Tokens): number {
    const first = this.length === 1 ? this.text[0]! : 0;
    if (next === QUOTE && first === LOWER_E) return this.#openQuotes(QUOTE, true, at + 1);
    if (next === AMPERSAND && first === LOWER_U) {
      this.#in = IN.unicode;
      return at + 1;
    }
    this.#in = IN.space;
    tokens.word(this);
    return at;
  }

  #unicode(byte: number, at: number, tokens: Tokens): number {
    if (byte === QUOTE || byte === DOUBLE_QUOTE) {
      this.#openQuotes(byte, false, at);
      this.#plain = false;
      return at + 1;
    }
    this.#in = IN.space;
    tokens.word(this);
    tokens.symbol(AMPERSAND);
    return at;
  }

  /** Digits only: what hangs on them is a word, as it was for Postgres before 15 and is an error since. */
  #number(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    while (at < end && (CLASSES[bytes[at]!]! & DIGIT) !== 0) at += 1;
    if (at < end) this.#in = IN.space;
    return at;
  }

  #quoted(bytes: Uint8Array, from: number, end: number): number {
    const quote = this.#quote;
    let at = from;
    for (; at < end && bytes[at] !== quote; at++) this.#keep(bytes[at]!);
    if (at < end) this.#in = IN.quoted;
    return at + 1;
  }

  #escaped(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    if (this.#in === IN.backslash) {
      this.#plain = false;
      this.#in = IN.escapes;
      at += 1;
    }
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === BACKSLASH) {
        this.#in = IN.backslash;
        return at + 1;
      }
      if (byte === QUOTE) {
        this.#in = IN.quoted;
        return at + 1;
      }
      this.#keep(byte);
    }
    return at;
  }

  #doubled(byte: number, at: number, tokens: Tokens): number {
    if (byte === this.#quote) {
      this.#keep(byte);
      this.#in = this.#escapes ? IN.escapes : IN.string;
      return at + 1;
    }
    this.#in = IN.space;
    this.#tell(tokens);
    return at;
  }

  #tell(tokens: Tokens): void {
    const plain = this.#plain && !this.cut;
    this.#goesOn = this.#escapes && this.#quote === QUOTE;
    if (this.#quote === QUOTE) tokens.string(this, plain);
    else tokens.name(this, plain);
  }

  /** `$1`, `$$`, `$tag$`, or a stray dollar. */
  #dollarTag(byte: number, at: number, tokens: Tokens): number {
    if (byte === DOLLAR) {
      this.#in = IN.dollarBody;
      this.#start();
      return at + 1;
    }
    const kind = CLASSES[byte]!;
    const fits = this.#tagLength === 0 ? (kind & WORD_START) !== 0 : (kind & WORD_PART) !== 0;
    if (fits && this.#tagLength < WORD_BYTES_MAX) {
      this.#tag[this.#tagLength++] = byte;
      return at + 1;
    }
    // No tag: a parameter, as a symbol; what was read of a name behind it named nothing.
    tokens.symbol(DOLLAR);
    this.#in = (kind & DIGIT) !== 0 ? IN.number : IN.space;
    return at;
  }

  #dollarBody(bytes: Uint8Array, from: number, end: number, tokens: Tokens): number {
    let at = from;
    if (this.#in === IN.dollarBody) {
      for (; at < end && bytes[at] !== DOLLAR; at++) this.#keep(bytes[at]!);
      if (at === end) return at;
      this.#in = IN.dollarEnd;
      this.#tagAt = 0;
      return at + 1;
    }
    const byte = bytes[at]!;
    if (this.#tagAt < this.#tagLength && byte === this.#tag[this.#tagAt]) {
      this.#tagAt += 1;
      return at + 1;
    }
    if (this.#tagAt === this.#tagLength && byte === DOLLAR) {
      this.#in = IN.space;
      tokens.string(this, this.#plain && !this.cut);
      return at + 1;
    }
    // It was no end; this byte may begin one.
    this.#plain = false;
    this.#in = IN.dollarBody;
    return at;
  }

  #comment(bytes: Uint8Array, at: number, end: number, tokens: Tokens): number {
    const byte = bytes[at]!;
    switch (this.#in) {
      case IN.dash:
        return this.#openComment(byte, { wanted: DASH, into: IN.lineComment, at, tokens });
      case IN.slash:
        this.#depth = 1;
        return this.#openComment(byte, { wanted: STAR, into: IN.blockComment, at, tokens });
      case IN.lineComment:
        return this.#lineComment(bytes, at, end);
      case IN.blockComment:
        if (byte === STAR) this.#in = IN.commentStar;
        else if (byte === SLASH) this.#in = IN.commentSlash;
        return at + 1;
      case IN.commentSlash:
        if (byte === STAR) this.#depth += 1;
        this.#in = byte === SLASH ? IN.commentSlash : IN.blockComment;
        return at + 1;
      default:
        if (byte === SLASH) this.#depth -= 1;
        if (byte !== STAR) this.#in = this.#depth === 0 ? IN.space : IN.blockComment;
        return at + 1;
    }
  }

  #openComment(byte: number, { wanted, into, at, tokens }: CommentStart): number {
    if (byte === wanted) {
      this.#in = into;
      return at + 1;
    }
    tokens.symbol(this.#in === IN.dash ? DASH : SLASH);
    this.#in = IN.space;
    return at;
  }

  #lineComment(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    while (at < end && bytes[at] !== 0x0a && bytes[at] !== 0x0d) at += 1;
    if (at < end) this.#in = IN.space;
    return at;
  }

  #open(into: number, at: number): number {
    this.#start();
    this.#in = into;
    return at;
  }

  #openQuotes(quote: number, escapes: boolean, next: number): number {
    this.#start();
    this.#quote = quote;
    this.#escapes = escapes;
    this.#in = escapes ? IN.escapes : IN.string;
    return next;
  }

  #openDollar(): void {
    this.#in = IN.dollarTag;
    this.#tagLength = 0;
  }

  #start(): void {
    this.length = 0;
    this.hash = 0;
    this.cut = false;
    this.#plain = true;
  }

  #keep(byte: number): void {
    if (this.length < WORD_BYTES_MAX) this.text[this.length++] = byte;
    else this.cut = true;
  }
}

interface CommentStart {
  readonly wanted: number;
  readonly into: number;
  readonly at: number;
  readonly tokens: Tokens;
}

function classes(): Uint8Array {
  const table = new Uint8Array(256);
  for (const space of [0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d]) table[space] = SPACE;
  for (let byte = 0x80; byte < 0x100; byte++) table[byte] = WORD_START | WORD_PART;
  for (let byte = 0x61; byte <= 0x7a; byte++) {
    table[byte] = WORD_START | WORD_PART;
    table[byte - 0x20] = WORD_START | WORD_PART;
  }
  table[0x5f] = WORD_START | WORD_PART;
  for (let byte = 0x30; byte <= 0x39; byte++) table[byte] = DIGIT | WORD_PART;
  table[DOLLAR] = WORD_PART;
  return table;
}
