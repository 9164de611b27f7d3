/**
 * ErrorResponse and NoticeResponse: the same fields under two tags. A field is an offset until someone asks for text; the
 * whole becomes an object for logs and for tests only.
 * Invariant: text that is no UTF-8 (a server may speak before it knows our encoding) never spoils an error: it is shown
 * with replacement characters, and nothing is decided by it.
 * Spec: PostgreSQL documentation, "Error and Notice Message Fields".
 */
import { equalsAscii } from "../base/bytes.ts";
import type { Part } from "./framer.ts";
import { Reader } from "./reader.ts";
import type { SqlState } from "./sqlstate.ts";
import type { Writer } from "./writer.ts";

/** The fields by their codes on the wire. */
export const NOTICE_FIELD = {
  severity: 0x53,
  /** Never translated; since Postgres 9.6. */
  severityPlain: 0x56,
  code: 0x43,
  message: 0x4d,
  detail: 0x44,
  hint: 0x48,
  position: 0x50,
  internalPosition: 0x70,
  internalQuery: 0x71,
  where: 0x57,
  schema: 0x73,
  table: 0x74,
  column: 0x63,
  dataType: 0x64,
  constraint: 0x6e,
  file: 0x46,
  line: 0x4c,
  routine: 0x52,
} as const;

export type NoticeField = keyof typeof NOTICE_FIELD;
export type NoticeTexts = { readonly [field in NoticeField]?: string };

const FIELD_NAMES = Object.keys(NOTICE_FIELD) as NoticeField[];
const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });
const reader: Reader = new Reader("backend");

export class Notice {
  /** By the code of the field; 0 when it is absent, because no field can stand there. */
  readonly #starts = new Int32Array(128);
  readonly #ends = new Int32Array(128);
  #bytes: Uint8Array = reader.bytes;

  /** All fields of a whole frame. Of a code that came twice the first stands. */
  read(frame: Part): this {
    this.#begin(frame);
    while (this.#readField());
    reader.close();
    return this;
  }

  /** The fields that are whole in a BEGIN; severity, code and message come first. */
  readHead(frame: Part): this {
    this.#begin(frame);
    while (this.#endsInside() && this.#readField());
    return this;
  }

  has(field: NoticeField): boolean {
    return this.#starts[NOTICE_FIELD[field]] !== 0;
  }

  /** Empty when the field is absent. */
  text(field: NoticeField): string {
    const code = NOTICE_FIELD[field];
    return LOSSY.decode(this.#bytes.subarray(this.#starts[code], this.#ends[code]));
  }

  /** Without making a string. */
  isCode(code: SqlState): boolean {
    return this.#equals("code", code);
  }

  /** FATAL or PANIC: the server closes behind it. */
  get isFatal(): boolean {
    const field = this.has("severityPlain") ? "severityPlain" : "severity";
    return this.#equals(field, "FATAL") || this.#equals(field, "PANIC");
  }

  toObject(): NoticeTexts {
    return Object.fromEntries(FIELD_NAMES.filter((field) => this.has(field)).map((name) => [name, this.text(name)]));
  }

  #begin(frame: Part): void {
    this.#starts.fill(0);
    this.#ends.fill(0);
    this.#bytes = frame.bytes;
    reader.open(frame);
  }

  /** False at the end of the list. */
  #readField(): boolean {
    const code = reader.byte();
    if (code === 0) return false;
    const start = reader.at;
    const end = reader.text();
    if (code < 128 && this.#starts[code] === 0) {
      this.#starts[code] = start;
      this.#ends[code] = end;
    }
    return true;
  }

  #endsInside(): boolean {
    return reader.left > 0 && reader.bytes.subarray(reader.at + 1, reader.end).includes(0);
  }

  #equals(field: NoticeField, text: string): boolean {
    const code = NOTICE_FIELD[field];
    return equalsAscii(this.#bytes, this.#starts[code]!, this.#ends[code]!, text);
  }
}

/** What we say ourselves. A message is a sentence of Postgres' style: lower case, no full stop. */
export interface NoticeWords {
  readonly severity: "ERROR" | "FATAL" | "WARNING" | "NOTICE";
  readonly code: SqlState;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

export function writeNotice(writer: Writer, tag: number, words: NoticeWords): void {
  writer.begin(tag);
  writer.byte(NOTICE_FIELD.severity).text(words.severity);
  writer.byte(NOTICE_FIELD.severityPlain).text(words.severity);
  writer.byte(NOTICE_FIELD.code).text(words.code);
  writer.byte(NOTICE_FIELD.message).text(words.message);
  if (words.detail !== undefined) writer.byte(NOTICE_FIELD.detail).text(words.detail);
  if (words.hint !== undefined) writer.byte(NOTICE_FIELD.hint).text(words.hint);
  writer.byte(0).close();
}
