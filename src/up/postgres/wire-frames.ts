/**
 * The bytes of the few messages that looking after a server takes: pure, both directions. The conversation they belong
 * to is in `backup-wire.ts`. Every read is bounded by its frame.
 * Formats: https://www.postgresql.org/docs/18/protocol-message-formats.html
 */

const PROTOCOL_3_0 = 196_608;

export interface Frame {
  readonly tag: string;
  readonly body: Uint8Array;
}

export type Row = readonly (string | null)[];

/** The conversation ended, or what came is not the protocol. */
export class WireFault extends Error {
  override readonly name = "WireFault";
}

/** What the server answered instead of what was asked for. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly sqlstate: string;

  constructor(sqlstate: string, message: string) {
    super(message);
    this.sqlstate = sqlstate;
  }
}

export interface Startup {
  readonly user: string;
  readonly database: string;
  /** A walsender, which understands BASE_BACKUP and nothing of SQL. */
  readonly replication?: boolean;
}

export function startupMessage({ user, database, replication }: Startup): Uint8Array {
  const pairs = ["user", user, "database", database, "application_name", "scale up", "client_encoding", "UTF8"];
  if (replication === true) pairs.push("replication", "true");
  const body = Buffer.concat([...pairs.map(cString), new Uint8Array(1)]);
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(PROTOCOL_3_0, 4);
  return Buffer.concat([head, body]);
}

export function message(tag: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(tag, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export function lengthPrefixed(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(4);
  head.writeInt32BE(bytes.length, 0);
  return Buffer.concat([head, bytes]);
}

export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function int32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new WireFault("Cannot read a frame: it is too short");
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt32(at);
}

/** DataRow: a count, then for each value its length (-1: null) and its bytes. */
export function rowOf(body: Uint8Array): Row {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length < 2) throw new WireFault("Cannot read a row: it is too short");
  const row: (string | null)[] = [];
  let at = 2;
  for (let left = view.getInt16(0); left > 0; left--) {
    const length = int32(body, at);
    at += 4;
    if (length > body.length - at) throw new WireFault("Cannot read a row: a value is longer than the row");
    row.push(length < 0 ? null : textOf(body.subarray(at, at + length)));
    at += Math.max(length, 0);
  }
  return row;
}

/** ErrorResponse: fields of a letter and a text. */
export function serverError(body: Uint8Array): ServerError {
  const fields = new Map(
    textOf(body)
      .split("\0")
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );
  return new ServerError(fields.get("C") ?? "XX000", fields.get("M") ?? "an error without a message");
}
