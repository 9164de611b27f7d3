/**
 * Which bytes may stand where in a head: one table per question, looked up once per byte (RFC 9110 §5.6.2, §5.5).
 * Not a parser. Invariant: no table knows CR, LF, NUL or any other control byte but HTAB, and that only in a field's value.
 */
export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const QUOTE = 0x22;
export const HASH = 0x23;
export const ASTERISK = 0x2a;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const QUESTION = 0x3f;
export const BACKSLASH = 0x5c;
export const UNDERSCORE = 0x5f;

/** In `TOKEN` the underscore has this bit, so that a name which has one shows it in the bits of all its bytes. */
export const UNDERSCORE_BIT = 0x80;
/** For a byte of a token its lower case, and 0 for every other byte. */
export const TOKEN = new Uint8Array(256);
/** 1 for a byte that may stand in a field's value: visible, space, tab, or obs-text (0x80 and above). */
export const VALUE = new Uint8Array(256);
/** 1 for a byte that may stand in a request's target: visible ASCII, but no fragment. */
export const TARGET = new Uint8Array(256);
/** 1 for a byte of a host's name: unreserved of RFC 3986, which is what DNS and container names are made of. */
export const HOST_NAME = new Uint8Array(256);
/** 1 for a byte between the brackets of an IPv6 address. */
export const IPV6 = new Uint8Array(256);

for (let byte = 0x21; byte <= 0x7e; byte++) {
  TARGET[byte] = 1;
  VALUE[byte] = 1;
}
TARGET[HASH] = 0;
VALUE[SP] = 1;
VALUE[HTAB] = 1;
VALUE.fill(1, 0x80);
fill("0123456789", (byte) => {
  TOKEN[byte] = byte;
  HOST_NAME[byte] = 1;
  IPV6[byte] = 1;
});
fill("abcdefghijklmnopqrstuvwxyz", (byte) => {
  TOKEN[byte] = byte;
  TOKEN[byte - 0x20] = byte;
  HOST_NAME[byte] = 1;
  HOST_NAME[byte - 0x20] = 1;
});
fill("!#$%&'*+-.^_`|~", (byte) => (TOKEN[byte] = byte));
TOKEN[UNDERSCORE] = UNDERSCORE | UNDERSCORE_BIT;
fill("-._~", (byte) => (HOST_NAME[byte] = 1));
fill("abcdefABCDEF:.", (byte) => (IPV6[byte] = 1));

/** Where from `from` on the first byte stands that `table`, of zeros and ones, does not allow; `end` when there is none. */
export function runEnd(table: Uint8Array, bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  // Four at once: the loop costs more than the looking up.
  for (; at + 4 <= end; at += 4) {
    if ((table[bytes[at]!]! & table[bytes[at + 1]!]! & table[bytes[at + 2]!]! & table[bytes[at + 3]!]!) === 0) break;
  }
  while (at < end && table[bytes[at]!] === 1) at++;
  return at;
}

function fill(text: string, set: (byte: number) => void): void {
  for (let index = 0; index < text.length; index++) set(text.charCodeAt(index));
}
