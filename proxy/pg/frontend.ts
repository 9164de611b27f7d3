/**
 * What a pooler must read of a client's messages: each a small object that is made once, filled again and again, and holds
 * offsets into the bytes it was read from. `read` wants the whole frame and checks all of it; `readHead` is enough for a
 * BEGIN and reads the names only. Everything else of a client is passed on unread.
 * Invariant: offsets are inside of the part; a range end is where the zero byte of a text stands.
 * Spec: PostgreSQL documentation, "Message Formats".
 */
import { NONE } from "../base/bytes.ts";
import type { Part } from "./framer.ts";
import { Reader } from "./reader.ts";

const reader: Reader = new Reader("frontend");

/** A message that names a statement or portal: where in the bytes the name stands. */
export interface Named {
  readonly nameStart: number;
  readonly nameEnd: number;
}

export class Query {
  textStart = 0;
  textEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.textStart = reader.at;
    this.textEnd = reader.text();
    reader.close();
    return this;
  }
}

export class Parse implements Named {
  nameStart = 0;
  nameEnd = 0;
  textStart = 0;
  textEnd = 0;
  typeCount = 0;
  /** `typeCount` numbers of 4 bytes. */
  typesStart = 0;

  readHead(frame: Part): this {
    reader.open(frame);
    this.nameStart = reader.at;
    this.nameEnd = reader.text();
    this.textStart = reader.at;
    return this;
  }

  read(frame: Part): this {
    this.readHead(frame);
    this.textEnd = reader.text();
    this.typeCount = reader.uint16();
    this.typesStart = reader.at;
    reader.skip(4 * this.typeCount);
    reader.close();
    return this;
  }
}

export class Bind implements Named {
  portalStart = 0;
  portalEnd = 0;
  /** Of the statement. */
  nameStart = 0;
  nameEnd = 0;
  formatCount = 0;
  formatsStart = 0;
  valueCount = 0;
  valuesStart = 0;
  resultFormatCount = 0;
  resultFormatsStart = 0;

  readHead(frame: Part): this {
    reader.open(frame);
    this.portalStart = reader.at;
    this.portalEnd = reader.text();
    this.nameStart = reader.at;
    this.nameEnd = reader.text();
    return this;
  }

  read(frame: Part): this {
    this.readHead(frame);
    this.formatCount = reader.uint16();
    this.formatsStart = reader.at;
    reader.skip(2 * this.formatCount);
    this.valueCount = reader.uint16();
    this.valuesStart = reader.at;
    for (let index = 0; index < this.valueCount; index++) reader.value();
    this.resultFormatCount = reader.uint16();
    this.resultFormatsStart = reader.at;
    reader.skip(2 * this.resultFormatCount);
    reader.close();
    return this;
  }
}

/** What a Describe or Close is about. */
export const STATEMENT = 0x53;
export const PORTAL = 0x50;

/** Describe and Close. */
export class Mention implements Named {
  kind: typeof STATEMENT | typeof PORTAL = STATEMENT;
  nameStart = 0;
  nameEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    const kind = reader.byte();
    if (kind !== STATEMENT && kind !== PORTAL) reader.refuse(`it is about 0x${kind.toString(16)}, which is nothing`);
    this.kind = kind;
    this.nameStart = reader.at;
    this.nameEnd = reader.text();
    reader.close();
    return this;
  }
}

export class Execute {
  portalStart = 0;
  portalEnd = 0;
  /** 0 is no limit. */
  rowsMax = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.portalStart = reader.at;
    this.portalEnd = reader.text();
    this.rowsMax = reader.int32();
    reader.close();
    return this;
  }
}

/** An answer to an authentication request that asks for a password, in the clear or as MD5. */
export class Password {
  textStart = 0;
  textEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.textStart = reader.at;
    this.textEnd = reader.text();
    reader.close();
    return this;
  }
}

/** The same tag, where SASL was offered: the mechanism that the client takes, and its first words. */
export class SaslInitial {
  mechanismStart = 0;
  mechanismEnd = 0;
  dataStart = 0;
  /** NONE when there is no first word; then `dataStart` means nothing. */
  dataEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.mechanismStart = reader.at;
    this.mechanismEnd = reader.text();
    const length = reader.value();
    this.dataEnd = length === NONE ? NONE : reader.at;
    this.dataStart = length === NONE ? NONE : reader.at - length;
    reader.close();
    return this;
  }
}

/** The same tag again, for the words after the first: all of the body. */
export class SaslAnswer {
  dataStart = 0;
  dataEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.dataStart = reader.at;
    this.dataEnd = reader.end;
    return this;
  }
}

export class CopyFail {
  reasonStart = 0;
  reasonEnd = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.reasonStart = reader.at;
    this.reasonEnd = reader.text();
    reader.close();
    return this;
  }
}

export class FunctionCall {
  /** The object id of the function. */
  functionId = 0;
  formatCount = 0;
  valueCount = 0;
  valuesStart = 0;
  resultFormat = 0;

  read(frame: Part): this {
    reader.open(frame);
    this.functionId = reader.int32() >>> 0;
    this.formatCount = reader.uint16();
    reader.skip(2 * this.formatCount);
    this.valueCount = reader.uint16();
    this.valuesStart = reader.at;
    for (let index = 0; index < this.valueCount; index++) reader.value();
    this.resultFormat = reader.uint16();
    reader.close();
    return this;
  }
}

/** Bytes of a client as text. Throws Fault CLIENT_PROTOCOL, of scope exchange, for what is not UTF-8. */
export function clientText(bytes: Uint8Array, start: number, end: number): string {
  return reader.openAt(bytes, start, end).string(start, end);
}
