/**
 * Reading, writing, finding and comparing in a Uint8Array, by offsets and without making a view or a string.
 * Numbers are big-endian ("network order"), as Postgres and HTTP/2 send them. It frames nothing and judges no peer.
 * Invariant: no function looks or writes outside of the range it was given. A range outside of the array is a Bug, because
 * whoever frames has already refused the peer's bad lengths with a Fault.
 */
import { assert, Bug } from "./assert.ts";

/** Where no such thing is: the answer of the finding and parsing functions. */
export const NONE = -1;

export function readUint16(bytes: Uint8Array, at: number, end: number): number {
  if (!(at >= 0 && at + 2 <= end && end <= bytes.length)) outside("read 2 bytes", at, end);
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function readInt16(bytes: Uint8Array, at: number, end: number): number {
  return (readUint16(bytes, at, end) << 16) >> 16;
}

export function readInt32(bytes: Uint8Array, at: number, end: number): number {
  if (!(at >= 0 && at + 4 <= end && end <= bytes.length)) outside("read 4 bytes", at, end);
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function readUint32(bytes: Uint8Array, at: number, end: number): number {
  return readInt32(bytes, at, end) >>> 0;
}

/** Returns the offset behind what was written, as all writers do. */
export function writeUint16(bytes: Uint8Array, at: number, value: number): number {
  assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, "Cannot write a uint16: it does not fit");
  return put16(bytes, at, value);
}

export function writeInt16(bytes: Uint8Array, at: number, value: number): number {
  assert(Number.isInteger(value) && value >= -0x8000 && value <= 0x7fff, "Cannot write an int16: it does not fit");
  return put16(bytes, at, value);
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): number {
  assert(value >>> 0 === value, "Cannot write a uint32: it does not fit");
  return put32(bytes, at, value);
}

export function writeInt32(bytes: Uint8Array, at: number, value: number): number {
  assert((value | 0) === value, "Cannot write an int32: it does not fit");
  return put32(bytes, at, value);
}

/** The first place of `byte` in [start, end), or NONE. */
export function findByte(bytes: Uint8Array, byte: number, start: number, end: number): number {
  checkRange(bytes, start, end);
  // The built-in search is the fastest, but it cannot be told where to stop.
  if (end === bytes.length) return bytes.indexOf(byte, start);
  for (let at = start; at < end; at++) if (bytes[at] === byte) return at;
  return NONE;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && startsWith(one, 0, other);
}

/** Whether all of `wanted` stands in `bytes` from `at` on; false too when there is not enough room for it. */
export function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (!(at >= 0 && at + wanted.length <= bytes.length)) return false;
  for (let index = 0; index < wanted.length; index++) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}

/** For secrets (proofs, cancel keys): the time tells the length of what was compared, and nothing of its content. */
export function equalSecret(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= one[index]! ^ other[index]!;
  return difference === 0;
}

/** Whether [start, end) is this text, which is ASCII. */
export function equalsAscii(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  checkRange(bytes, start, end);
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index++) if (bytes[start + index] !== text.charCodeAt(index)) return false;
  return true;
}

/** Whether [start, end) is this text in any mix of cases; `lowerText` is ASCII in lower case. */
export function equalsAsciiFold(bytes: Uint8Array, start: number, end: number, lowerText: string): boolean {
  checkRange(bytes, start, end);
  if (end - start !== lowerText.length) return false;
  for (let index = 0; index < lowerText.length; index++) {
    if (lowerAscii(bytes[start + index]!) !== lowerText.charCodeAt(index)) return false;
  }
  return true;
}

/** The byte, in lower case when it is an ASCII capital. */
export function lowerAscii(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** [start, end) as digits only, at least one; NONE for anything else and for a number above `max` (≤ 2⁵³ - 1). */
export function parseDecimal(bytes: Uint8Array, start: number, end: number, max = Number.MAX_SAFE_INTEGER): number {
  checkRange(bytes, start, end);
  if (start === end) return NONE;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return NONE;
    value = value * 10 + digit;
    if (value > max) return NONE;
  }
  return value;
}

/** [start, end) as hexadecimal digits of either case, without a prefix; NONE as in `parseDecimal`. */
export function parseHex(bytes: Uint8Array, start: number, end: number, max = Number.MAX_SAFE_INTEGER): number {
  checkRange(bytes, start, end);
  if (start === end) return NONE;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = hexDigit(bytes[at]!);
    if (digit === NONE) return NONE;
    value = value * 16 + digit;
    if (value > max) return NONE;
  }
  return value;
}

/** A range, for those who need it beside other arguments. */
export interface Run {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Copies a run to `at` in `into`, which is another array and has room for it. */
export function copyRun({ bytes, start, end }: Run, into: Uint8Array, at: number): void {
  if (!(start >= 0 && start <= end && end <= bytes.length)) outside("copy", start, end);
  if (!(at >= 0 && at + (end - start) <= into.length)) outside("copy", at, into.length);
  if (end - start >= BLOCK_COPY_BYTES_MIN) copyBlock.call(bytes as Buffer, into, at, start, end);
  else for (let from = start, to = at; from < end; from++, to++) into[to] = bytes[from]!;
}

/** Below this, copying byte by byte costs less than the call. */
const BLOCK_COPY_BYTES_MIN = 48;
/** It needs no view to be made, as `set` does: that costs more than the copy, and leaves work for the collector. */
const copyBlock = Buffer.prototype.copy;

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : NONE;
}

function put16(bytes: Uint8Array, at: number, value: number): number {
  if (!(at >= 0 && at + 2 <= bytes.length)) outside("write 2 bytes", at, bytes.length);
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
  return at + 2;
}

function put32(bytes: Uint8Array, at: number, value: number): number {
  if (!(at >= 0 && at + 4 <= bytes.length)) outside("write 4 bytes", at, bytes.length);
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
  return at + 4;
}

function checkRange(bytes: Uint8Array, start: number, end: number): void {
  if (!(start >= 0 && start <= end && end <= bytes.length)) outside("look", start, end);
}

function outside(what: string, at: number, end: number): never {
  throw new Bug(`Cannot ${what} at ${at}: the range ends at ${end}`);
}
