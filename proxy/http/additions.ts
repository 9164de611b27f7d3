/**
 * Field lines of ours that go behind the forwarded ones, built in a buffer that is used again for every head. As a
 * `FieldBlock` it can be read back, so that a codec without lines can send them too.
 * Invariant: what stands in it is a valid sequence of lines; a value that would break out of its line is a Bug.
 */
import { assert } from "../base/assert.ts";
import { COLON, CR, LF, SP, TOKEN, VALUE } from "./characters.ts";
import { FieldBlock } from "./field-block.ts";
import { knownField } from "./fields.ts";

const ROOM_AT_FIRST = 1024;
const ZERO = 0x30;
/** With its colon. */
const PORT_BYTES_MAX = 6;
/** CRLF. */
const LINE_EXTRA = 2;

/** A field's name as lines start with it, checked once and written many times. */
export class LineStart {
  /** With colon and blank. */
  readonly bytes: Uint8Array;
  readonly nameLength: number;
  readonly id: number;

  constructor(name: string) {
    const bytes = new Uint8Array(name.length + 2);
    for (let index = 0; index < name.length; index++) bytes[index] = name.charCodeAt(index);
    // Beyond a byte the table knows nothing.
    const isToken = name.length > 0 && [...name].every((letter) => (TOKEN[letter.charCodeAt(0)] ?? 0) !== 0);
    assert(isToken, "Cannot add a field: its name is not a token");
    bytes[name.length] = COLON;
    bytes[name.length + 1] = SP;
    this.bytes = bytes;
    this.nameLength = name.length;
    this.id = knownField(bytes, 0, name.length);
  }
}

export class Additions extends FieldBlock {
  #room: Uint8Array = new Uint8Array(ROOM_AT_FIRST);
  #value = 0;

  override clear(): void {
    super.clear();
    this.bytes = this.#room;
  }

  /** A whole line; the value is ASCII. */
  line(start: LineStart, value: string): void {
    this.begin(start);
    this.ascii(value);
    this.end();
  }

  /** Starts a line; what `ascii` and `run` add next is its value, until `end`. */
  begin({ bytes, nameLength, id }: LineStart): void {
    const room = this.#reserve(bytes.length);
    const start = this.length;
    for (let index = 0; index < bytes.length; index++) room[start + index] = bytes[index]!;
    this.addName(start, start + nameLength, id);
    this.#value = start + bytes.length;
    this.length = this.#value;
  }

  ascii(text: string): void {
    const room = this.#reserve(text.length);
    const start = this.length;
    let good = 1;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      good &= VALUE[code] ?? 0;
      room[start + index] = code;
    }
    assert(good === 1, "Cannot add a field: its value has a byte that may not stand there");
    this.length = start + text.length;
  }

  /** Behind the name of a host. */
  port(port: number): void {
    const room = this.#reserve(PORT_BYTES_MAX);
    let digits = 1;
    for (let rest = port; rest >= 10; rest = (rest / 10) | 0) digits += 1;
    room[this.length] = COLON;
    this.length += 1 + digits;
    for (let at = this.length - 1, rest = port; digits > 0; digits--, at--, rest = (rest / 10) | 0)
      room[at] = ZERO + (rest % 10);
  }

  run(bytes: Uint8Array, start: number, end: number): void {
    const room = this.#reserve(end - start);
    let good = 1;
    for (let from = start, to = this.length; from < end; from++, to++) {
      const byte = bytes[from]!;
      good &= VALUE[byte]!;
      room[to] = byte;
    }
    assert(good === 1, "Cannot add a field: its value has a byte that may not stand there");
    this.length += end - start;
  }

  end(): void {
    const room = this.#reserve(0);
    const valueEnd = this.length;
    room[valueEnd] = CR;
    room[valueEnd + 1] = LF;
    this.addValue(this.#value, valueEnd);
    this.length = valueEnd + LINE_EXTRA;
    this.linesEnd = this.length;
  }

  /** Room for `count` bytes and the end of the line. */
  #reserve(count: number): Uint8Array {
    const needed = this.length + count + LINE_EXTRA;
    if (needed > this.#room.length) {
      const room = new Uint8Array(Math.max(this.#room.length * 2, needed));
      room.set(this.#room);
      this.#room = room;
    }
    this.bytes = this.#room;
    return this.#room;
  }
}

/** For heads that go as they are. Never written to. */
export const NO_ADDITIONS: FieldBlock = new FieldBlock();
