/**
 * What a pooler must read of a server's messages, in the manner of `frontend.ts`: objects that are made once and filled
 * again, with offsets into the bytes they were read from. Rows, and whatever else is only passed on, are not read. Errors
 * and notices have a file of their own, `notice.ts`.
 * Invariant: offsets are inside of the part; a range end is where the zero byte of a text stands.
 * Spec: PostgreSQL documentation, "Message Formats".
 */
import { equalsAscii, NONE, parseDecimal } from "../base/bytes.ts";
import type { Part } from "./framer.ts";
import { Reader } from "./reader.ts";

const reader: Reader = new Reader("backend");

/** What an authentication request asks for. */
export const AUTHENTICATION = {
  ok: 0,
  kerberos: 2,
  cleartext: 3,
  md5: 5,
  gss: 7,
  gssContinue: 8,
  sspi: 9,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
} as const;

const MD5_SALT_BYTES = 4;

export class Authentication {
  /** One of AUTHENTICATION, or a request that is not known here. */
  request = 0;
  /** The salt of md5, the words of SASL. */
  dataStart = 0;
  dataEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.request = reader.int32();
    this.dataStart = reader.at;
    this.dataEnd = reader.end;
    if (this.request === AUTHENTICATION.md5) reader.skip(MD5_SALT_BYTES);
    if (this.request === AUTHENTICATION.ok || this.request === AUTHENTICATION.md5) reader.close();
    return this;
  }
}

/** More mechanisms than there are. */
const MECHANISMS_MAX = 32;

/** The mechanisms that a SASL request offers, best first; `part` is the frame. */
export function readMechanisms(frame: Part): readonly string[] {
  reader.open(frame).int32();
  const mechanisms: string[] = [];
  for (;;) {
    const start = reader.at;
    const end = reader.text();
    if (start === end) break;
    if (mechanisms.length === MECHANISMS_MAX) reader.refuse(`it offers more than ${MECHANISMS_MAX} mechanisms`);
    mechanisms.push(reader.string(start, end));
  }
  reader.close();
  return mechanisms;
}

export class ParameterStatus {
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.nameStart = reader.at;
    this.nameEnd = reader.text();
    this.valueStart = reader.at;
    this.valueEnd = reader.text();
    reader.close();
    return this;
  }
}

export class BackendKeyData {
  processId = 0;
  /** 4 bytes in protocol 3.0, up to 256 in 3.2: the framer has checked it. */
  keyStart = 0;
  keyEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.processId = reader.int32();
    this.keyStart = reader.at;
    this.keyEnd = reader.end;
    return this;
  }
}

/** Where a session stands, as ReadyForQuery says it. */
export const STATUS = { idle: 0x49, transaction: 0x54, failed: 0x45 } as const;

export type Status = (typeof STATUS)[keyof typeof STATUS];

export function readReady(frame: Part): Status {
  const status = reader.open(frame).byte();
  reader.close();
  if (status === STATUS.idle || status === STATUS.transaction || status === STATUS.failed) return status;
  return reader.refuse(`a ReadyForQuery says 0x${status.toString(16)}`);
}

export class CommandComplete {
  textStart = 0;
  textEnd = 0;
  #bytes = reader.bytes;

  read(frame: Part): this {
    reader.open(frame);
    this.#bytes = frame.bytes;
    this.textStart = reader.at;
    this.textEnd = reader.text();
    reader.close();
    return this;
  }

  /** Whether it is this command, whatever number stands behind it. */
  is(command: string): boolean {
    const end = this.textStart + command.length;
    if (end > this.textEnd || !equalsAscii(this.#bytes, this.textStart, end, command)) return false;
    return end === this.textEnd || (this.#bytes[end] === 0x20 && this.#isDigit(end + 1));
  }

  /** The rows of an INSERT, SELECT, COPY…, or NONE when the command has none. */
  rows(): number {
    let start = this.textEnd;
    while (start > this.textStart && this.#isDigit(start - 1)) start--;
    return parseDecimal(this.#bytes, start, this.textEnd);
  }

  #isDigit(at: number): boolean {
    const byte = this.#bytes[at]!;
    return byte >= 0x30 && byte <= 0x39;
  }
}

/** RowDescription and ParameterDescription: how many; enough of a BEGIN too. */
export function readCount(frame: Part): number {
  return reader.open(frame).uint16();
}

/** Table, column, type, its size, its modifier, format. */
const COLUMN_BYTES_FIXED = 18;

/** Checks all columns of a RowDescription, and says how many there are. */
export function readColumns(frame: Part): number {
  const count = reader.open(frame).uint16();
  for (let index = 0; index < count; index++) {
    reader.text();
    reader.skip(COLUMN_BYTES_FIXED);
  }
  reader.close();
  return count;
}

/** Checks all values of a DataRow, and says how many there are. */
export function readValues(frame: Part): number {
  const count = reader.open(frame).uint16();
  for (let index = 0; index < count; index++) reader.value();
  reader.close();
  return count;
}

/** CopyInResponse, CopyOutResponse, CopyBothResponse. */
export class CopyResponse {
  binary = false;
  columnCount = 0;

  read(frame: Part): this {
    reader.open(frame);
    const format = reader.byte();
    if (format > 1) reader.refuse(`a copy has the format ${format}`);
    this.binary = format === 1;
    this.columnCount = reader.uint16();
    reader.skip(2 * this.columnCount);
    reader.close();
    return this;
  }
}

export class Notification {
  processId = 0;
  channelStart = 0;
  channelEnd = 0;
  payloadStart = 0;
  payloadEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.processId = reader.int32();
    this.channelStart = reader.at;
    this.channelEnd = reader.text();
    this.payloadStart = reader.at;
    this.payloadEnd = reader.text();
    reader.close();
    return this;
  }
}

export class FunctionResult {
  valueStart = 0;
  /** NONE for null; then `valueStart` is NONE too. */
  valueEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    const length = reader.value();
    this.valueEnd = length === NONE ? NONE : reader.at;
    this.valueStart = length === NONE ? NONE : reader.at - length;
    reader.close();
    return this;
  }
}

/** What NegotiateProtocolVersion says: at the rim, so it is an object. */
export interface Negotiation {
  readonly minor: number;
  /** The protocol extensions that the server does not know. */
  readonly extensions: readonly string[];
}

const EXTENSIONS_MAX = 256;

/** The manual speaks of the minor version, servers send both halves: both are taken. */
export function readNegotiation(frame: Part): Negotiation {
  const version = reader.open(frame).int32();
  if (version < 0 || (version > 0xffff && version >>> 16 !== 3)) reader.refuse(`it offers the protocol ${version}`);
  const count = reader.int32();
  if (count < 0 || count > EXTENSIONS_MAX) reader.refuse(`it refuses ${count} extensions`);
  const extensions: string[] = [];
  for (let index = 0; index < count; index++) {
    const start = reader.at;
    extensions.push(reader.string(start, reader.text()));
  }
  reader.close();
  return { minor: version & 0xffff, extensions };
}

/** Bytes of a server as text. Throws Fault SERVER_PROTOCOL for what is not UTF-8. */
export function serverText(bytes: Uint8Array, start: number, end: number): string {
  return reader.openAt(bytes, start, end).string(start, end);
}
