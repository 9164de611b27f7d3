/**
 * The messages that a proxy says as a frontend: to log in to a server, to put things right between two clients, and to ask
 * what it must know. Also how a client's message gets another statement name on its way.
 * Spec: PostgreSQL documentation, "Message Formats".
 */
import { readInt32 } from "../base/bytes.ts";
import type { Named } from "./frontend.ts";
import { HEADER_BYTES, type Part } from "./framer.ts";
import { FRONTEND } from "./tag.ts";
import type { PORTAL, STATEMENT } from "./frontend.ts";
import type { Writer } from "./writer.ts";

/** In the clear, or what `md5.ts` made of it. */
export function writePassword(writer: Writer, password: string): void {
  writer.begin(FRONTEND.password).text(password).close();
}

export function writeSaslInitial(writer: Writer, mechanism: string, words: string): void {
  writer.begin(FRONTEND.password).text(mechanism).value(words).close();
}

export function writeSaslAnswer(writer: Writer, words: string): void {
  writer.begin(FRONTEND.password).characters(words).close();
}

export function writeQuery(writer: Writer, text: string): void {
  writer.begin(FRONTEND.query).text(text).close();
}

export function writeParse(writer: Writer, name: string, text: string, types: readonly number[] = []): void {
  writer.begin(FRONTEND.parse).text(name).text(text).uint16(types.length);
  for (const type of types) writer.uint32(type);
  writer.close();
}

/** With values and results as text. */
export function writeBind(writer: Writer, portal: string, name: string, values: readonly (string | null)[] = []): void {
  writer.begin(FRONTEND.bind).text(portal).text(name).uint16(0).uint16(values.length);
  for (const value of values) writer.value(value);
  writer.uint16(0).close();
}

export function writeDescribe(writer: Writer, kind: typeof STATEMENT | typeof PORTAL, name: string): void {
  writer.begin(FRONTEND.describe).byte(kind).text(name).close();
}

export function writeClose(writer: Writer, kind: typeof STATEMENT | typeof PORTAL, name: string): void {
  writer.begin(FRONTEND.close).byte(kind).text(name).close();
}

/** `rowsMax` 0 is no limit. */
export function writeExecute(writer: Writer, portal: string, rowsMax: number): void {
  writer.begin(FRONTEND.execute).text(portal).int32(rowsMax).close();
}

export function writeSync(writer: Writer): void {
  writer.bare(FRONTEND.sync);
}

export function writeFlush(writer: Writer): void {
  writer.bare(FRONTEND.flush);
}

export function writeTerminate(writer: Writer): void {
  writer.bare(FRONTEND.terminate);
}

export function writeCopyData(writer: Writer, { bytes, start, end }: Part): void {
  writer.begin(FRONTEND.copyData).raw(bytes, start, end).close();
}

export function writeCopyDone(writer: Writer): void {
  writer.bare(FRONTEND.copyDone);
}

export function writeCopyFail(writer: Writer, reason: string): void {
  writer.begin(FRONTEND.copyFail).text(reason).close();
}

/**
 * A client's Parse, Bind, Describe or Close with another name. `part` is the frame or its BEGIN, and `named` was read from
 * it; of a BEGIN the other parts follow as they are.
 */
export function writeRenamed(writer: Writer, part: Part, { nameStart, nameEnd }: Named, name: Uint8Array): void {
  const { bytes, start, end } = part;
  const length = readInt32(bytes, start + 1, end) + name.length - (nameEnd - nameStart);
  writer.beginPart(bytes[start]!, length);
  writer.raw(bytes, start + HEADER_BYTES, nameStart).textBytes(name, 0, name.length);
  writer.raw(bytes, nameEnd + 1, end).close();
}
