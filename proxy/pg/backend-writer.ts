/**
 * The messages that a proxy says as a backend: to log a client in, in place of a server's answer that was kept back, and as
 * the admin console. Spec: PostgreSQL documentation, "Message Formats".
 */
import { AUTHENTICATION, type Negotiation, type Status } from "./backend.ts";
import { writeNotice, type NoticeWords } from "./notice.ts";
import { BACKEND } from "./tag.ts";
import type { Writer } from "./writer.ts";

const MAJOR = 3;
/** Of what the console answers: type "text", of any length, without a table. */
const TEXT_TYPE = 25;
const ANY = -1;

export function writeAuthenticationOk(writer: Writer): void {
  writer.begin(BACKEND.authentication).int32(AUTHENTICATION.ok).close();
}

export function writeAuthenticationCleartext(writer: Writer): void {
  writer.begin(BACKEND.authentication).int32(AUTHENTICATION.cleartext).close();
}

/** The salt has 4 bytes. */
export function writeAuthenticationMd5(writer: Writer, salt: Uint8Array): void {
  writer.begin(BACKEND.authentication).int32(AUTHENTICATION.md5).raw(salt, 0, 4).close();
}

export function writeAuthenticationSasl(writer: Writer, mechanisms: readonly string[]): void {
  writer.begin(BACKEND.authentication).int32(AUTHENTICATION.sasl);
  for (const mechanism of mechanisms) writer.text(mechanism);
  writer.byte(0).close();
}

export function writeAuthenticationSaslContinue(writer: Writer, words: string): void {
  writer.begin(BACKEND.authentication).int32(AUTHENTICATION.saslContinue).characters(words).close();
}

export function writeAuthenticationSaslFinal(writer: Writer, words: string): void {
  writer.begin(BACKEND.authentication).int32(AUTHENTICATION.saslFinal).characters(words).close();
}

export function writeNegotiation(writer: Writer, { minor, extensions }: Negotiation): void {
  writer
    .begin(BACKEND.negotiateVersion)
    .int32((MAJOR << 16) | minor)
    .int32(extensions.length);
  for (const extension of extensions) writer.text(extension);
  writer.close();
}

export function writeParameterStatus(writer: Writer, name: string, value: string): void {
  writer.begin(BACKEND.parameterStatus).text(name).text(value).close();
}

/** The key has 4 bytes for a client of protocol 3.0, up to 256 for one of 3.2. */
export function writeBackendKeyData(writer: Writer, processId: number, key: Uint8Array): void {
  writer.begin(BACKEND.backendKeyData).int32(processId).raw(key, 0, key.length).close();
}

export function writeReady(writer: Writer, status: Status): void {
  writer.begin(BACKEND.ready).byte(status).close();
}

export function writeErrorResponse(writer: Writer, words: NoticeWords): void {
  writeNotice(writer, BACKEND.error, words);
}

export function writeNoticeResponse(writer: Writer, words: NoticeWords): void {
  writeNotice(writer, BACKEND.notice, words);
}

export function writeNotification(writer: Writer, processId: number, channel: string, payload: string): void {
  writer.begin(BACKEND.notification).int32(processId).text(channel).text(payload).close();
}

export function writeCommandComplete(writer: Writer, command: string): void {
  writer.begin(BACKEND.commandComplete).text(command).close();
}

export function writeParseComplete(writer: Writer): void {
  writer.bare(BACKEND.parseComplete);
}

export function writeBindComplete(writer: Writer): void {
  writer.bare(BACKEND.bindComplete);
}

export function writeCloseComplete(writer: Writer): void {
  writer.bare(BACKEND.closeComplete);
}

export function writeNoData(writer: Writer): void {
  writer.bare(BACKEND.noData);
}

export function writeEmptyQuery(writer: Writer): void {
  writer.bare(BACKEND.emptyQuery);
}

export function writePortalSuspended(writer: Writer): void {
  writer.bare(BACKEND.portalSuspended);
}

export function writeParameterDescription(writer: Writer, types: readonly number[]): void {
  writer.begin(BACKEND.parameterDescription).uint16(types.length);
  for (const type of types) writer.uint32(type);
  writer.close();
}

/** Columns of text. */
export function writeRowDescription(writer: Writer, columns: readonly string[]): void {
  writer.begin(BACKEND.rowDescription).uint16(columns.length);
  for (const column of columns) {
    writer
      .text(column)
      .int32(0)
      .uint16(0)
      .int32(TEXT_TYPE)
      .uint16(ANY & 0xffff)
      .int32(ANY)
      .uint16(0);
  }
  writer.close();
}

export function writeDataRow(writer: Writer, values: readonly (string | null)[]): void {
  writer.begin(BACKEND.dataRow).uint16(values.length);
  for (const value of values) writer.value(value);
  writer.close();
}
