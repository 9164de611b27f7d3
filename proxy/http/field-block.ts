/**
 * Field lines as offsets over the bytes they stand in: a head's, the trailers', or lines of ours. Nothing is decoded; a field
 * that shall not be forwarded is marked, not removed. The object is used again for every message.
 * Invariant: offsets count from `base`, so that the bytes may move as one (`keep`), and every line ends where the next starts.
 */
import { assert } from "../base/assert.ts";
import { copyRun, equalsAsciiFold, NONE } from "../base/bytes.ts";

/** Per field: where its line starts, its name ends, its value starts, its value ends; and its id with the mark. */
const STRIDE = 5;
const FIELDS_AT_FIRST = 16;
const ID = 0xff;
const DROPPED = 0x100;
const UNDERSCORED = 0x200;
const NOTHING = new Uint8Array(0);

export class FieldBlock {
  bytes: Uint8Array = NOTHING;
  /** Where in `bytes` the message starts; all offsets count from here. */
  base = 0;
  /** All bytes of the block: with a head its start line too, and the empty line at the end. */
  length = 0;
  count = 0;
  droppedCount = 0;
  /** The fields that are known and here, one bit for each id. */
  known = 0;
  /** Those of them that are here more than once. */
  repeated = 0;
  /** A name has an underscore. */
  underscored = false;
  /** Where the first line starts, and the last one ends. */
  linesStart = 0;
  linesEnd = 0;
  #places = new Int32Array(FIELDS_AT_FIRST * STRIDE);

  clear(): void {
    this.bytes = NOTHING;
    this.base = 0;
    this.length = 0;
    this.count = 0;
    this.droppedCount = 0;
    this.known = 0;
    this.repeated = 0;
    this.underscored = false;
    this.linesStart = 0;
    this.linesEnd = 0;
  }

  /** Takes in a line up to its colon; it counts once `addValue` has told the rest. */
  addName(line: number, nameEnd: number, id: number): void {
    const at = this.count * STRIDE;
    if (at === this.#places.length) this.#grow();
    this.#places[at] = line;
    this.#places[at + 1] = nameEnd;
    this.#places[at + 4] = id;
    const bit = 1 << id;
    this.repeated |= this.known & bit;
    this.known |= bit;
  }

  /** The name that was added last has an underscore. */
  markUnderscore(): void {
    this.#places[this.count * STRIDE + 4]! |= UNDERSCORED;
    this.underscored = true;
  }

  /** The value has no blanks around it. */
  addValue(value: number, valueEnd: number): void {
    const at = this.count * STRIDE;
    this.#places[at + 2] = value;
    this.#places[at + 3] = valueEnd;
    this.count += 1;
  }

  id(index: number): number {
    return this.#place(index, 4) & ID;
  }

  nameStart(index: number): number {
    return this.base + this.#place(index, 0);
  }

  nameEnd(index: number): number {
    return this.base + this.#place(index, 1);
  }

  valueStart(index: number): number {
    return this.base + this.#place(index, 2);
  }

  valueEnd(index: number): number {
    return this.base + this.#place(index, 3);
  }

  lineStart(index: number): number {
    return this.base + this.#place(index, 0);
  }

  /** Behind the line's CRLF. */
  lineEnd(index: number): number {
    return this.base + (index + 1 < this.count ? this.#place(index + 1, 0) : this.linesEnd);
  }

  dropped(index: number): boolean {
    return (this.#place(index, 4) & DROPPED) !== 0;
  }

  /** The field is not forwarded. */
  drop(index: number): void {
    const id = this.#place(index, 4);
    if ((id & DROPPED) !== 0) return;
    this.#places[index * STRIDE + 4] = id | DROPPED;
    this.droppedCount += 1;
  }

  /** Whether there is a field of this id, which is a known one. */
  has(id: number): boolean {
    return (this.known & (1 << id)) !== 0;
  }

  /** Whether there is more than one field of this id, which is a known one. */
  repeats(id: number): boolean {
    return (this.repeated & (1 << id)) !== 0;
  }

  /** Drops all fields whose ids are in `bits`. */
  dropBits(bits: number): void {
    if ((this.known & bits) === 0) return;
    for (let index = 0; index < this.count; index++) if (((1 << this.id(index)) & bits) !== 0) this.drop(index);
  }

  dropUnderscored(): void {
    if (!this.underscored) return;
    for (let index = 0; index < this.count; index++) if ((this.#place(index, 4) & UNDERSCORED) !== 0) this.drop(index);
  }

  dropAll(id: number): void {
    for (let index = this.find(id); index !== NONE; index = this.find(id, index + 1)) this.drop(index);
  }

  /** The first field from `from` on with that id, or NONE. */
  find(id: number, from = 0): number {
    if (!this.has(id)) return NONE;
    const places = this.#places;
    const end = this.count * STRIDE;
    for (let at = from * STRIDE + 4; at < end; at += STRIDE) if ((places[at]! & ID) === id) return (at - 4) / STRIDE;
    return NONE;
  }

  /** The first field from `from` on with that name, which is ASCII in lower case, or NONE. */
  findName(lowerName: string, from = 0): number {
    for (let index = from; index < this.count; index++) {
      if (equalsAsciiFold(this.bytes, this.nameStart(index), this.nameEnd(index), lowerName)) return index;
    }
    return NONE;
  }

  /** Has the bytes copied to `into`, where they live as long as their owner wants. Returns how many. */
  keep(into: Uint8Array): number {
    assert(into.length >= this.length, "Cannot keep a head: the room is too small");
    copyRun({ bytes: this.bytes, start: this.base, end: this.base + this.length }, into, 0);
    this.bytes = into;
    this.base = 0;
    return this.length;
  }

  /** Has it forget these bytes, if it stands in them: they are about to be someone else's. */
  release(bytes: Uint8Array): void {
    if (this.bytes === bytes) this.bytes = NOTHING;
  }

  /** For logs and tests: a string is made. */
  name(index: number): string {
    return this.text(this.nameStart(index), this.nameEnd(index)).toLowerCase();
  }

  value(index: number): string {
    return this.text(this.valueStart(index), this.valueEnd(index));
  }

  /** [start, end) of `bytes`, one character per byte. */
  text(start: number, end: number): string {
    let text = "";
    for (let at = start; at < end; at++) text += String.fromCharCode(this.bytes[at] as number);
    return text;
  }

  #place(index: number, which: number): number {
    assert(index >= 0 && index < this.count, "Cannot look at a field: there is no such one");
    return this.#places[index * STRIDE + which] as number;
  }

  #grow(): void {
    const places = new Int32Array(this.#places.length * 2);
    places.set(this.#places);
    this.#places = places;
  }
}
