/**
 * The packets without a tag, by which a frontend opens a connection: a wish for encryption, a cancel request, or the
 * start-up message. They are at the rim, so they become small objects; what a key or a name means is not known here.
 * Invariant: nothing about a packet is believed that its length does not hold; names and values are UTF-8.
 * Spec: PostgreSQL documentation, "Message Formats" and "Start-up"; protocol 3.0 to 3.2.
 */
import type { Part } from "./framer.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
const MAJOR = 3;
/** A protocol 3.0 key has 4 bytes, a 3.2 key 4 to 256. */
const KEY_BYTES_MIN = 4;
const KEY_BYTES_MAX = 256;
/** More than a server has settings that a frontend could want at its start. */
export const PARAMETERS_MAX = 256;
/** Names of protocol extensions, which are not parameters of the session. */
const EXTENSION_PREFIX = "_pq_.";

export type Opening =
  | { readonly kind: "ssl" }
  | { readonly kind: "gss" }
  | { readonly kind: "cancel"; readonly processId: number; readonly key: Uint8Array }
  | Startup
  /** Another protocol than 3: Postgres answers FATAL 0A000. */
  | { readonly kind: "unsupported"; readonly major: number; readonly minor: number };

export interface Startup {
  readonly kind: "startup";
  readonly minor: number;
  /** In the order that they came in; of a name that came twice the last value stands, as in Postgres. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Protocol extensions that are wanted; this codec knows none. */
  readonly extensions: readonly string[];
}

const reader: Reader = new Reader("frontend");
const backend: Reader = new Reader("backend");

/** Throws Fault CLIENT_PROTOCOL. `packet` is what the framer shows in its phase "startup". */
export function readOpening(packet: Part): Opening {
  const { bytes, start, end } = packet;
  reader.openAt(bytes, start + 4, end);
  const code = reader.int32();
  if (code === SSL_REQUEST || code === GSS_REQUEST) {
    reader.close();
    return { kind: code === SSL_REQUEST ? "ssl" : "gss" };
  }
  if (code === CANCEL_REQUEST) return readCancel();
  const major = code >>> 16;
  const minor = code & 0xffff;
  return major === MAJOR ? readStartup(minor) : { kind: "unsupported", major, minor };
}

function readCancel(): Opening {
  const processId = reader.int32();
  if (reader.left < KEY_BYTES_MIN || reader.left > KEY_BYTES_MAX) {
    reader.refuse(`a cancel key has ${reader.left} bytes, wanted ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX}`);
  }
  return { kind: "cancel", processId, key: reader.bytes.slice(reader.at, reader.end) };
}

function readStartup(minor: number): Startup {
  const parameters = new Map<string, string>();
  const extensions: string[] = [];
  for (let count = 0; ; count++) {
    const name = readString();
    if (name === "") break;
    if (count === PARAMETERS_MAX) reader.refuse(`a start-up message has more than ${PARAMETERS_MAX} parameters`);
    const value = readString();
    if (name.startsWith(EXTENSION_PREFIX)) extensions.push(name);
    else parameters.set(name, value);
  }
  reader.close();
  if ((parameters.get("user") ?? "") === "") reader.refuse("a start-up message names no user");
  return { kind: "startup", minor, parameters, extensions };
}

function readString(): string {
  const start = reader.at;
  return reader.string(start, reader.text());
}

/** What NegotiateProtocolVersion must say to this client, or undefined when there is nothing to say. */
export function negotiationFor(
  startup: Startup,
  newestMinor: number,
): { readonly minor: number; readonly extensions: readonly string[] } | undefined {
  const { minor, extensions } = startup;
  if (minor <= newestMinor && extensions.length === 0) return undefined;
  return { minor: Math.min(minor, newestMinor), extensions };
}

/** What a server says to a wish for encryption: one byte, which is no message. */
export type EncryptionAnswer = "granted" | "refused";

export const ENCRYPTION_GRANTED = { ssl: 0x53, gss: 0x47 } as const;
export const ENCRYPTION_REFUSED = 0x4e;

/**
 * Throws Fault SERVER_PROTOCOL for anything else than exactly one byte that answers: what was sent along in the clear
 * would be taken for what came encrypted (CVE-2021-23222), and an error told before encryption may be anyone's
 * (CVE-2024-10977).
 */
export function readEncryptionAnswer(answer: Part, wish: "ssl" | "gss"): EncryptionAnswer {
  const { bytes, start, end } = answer;
  const byte = backend.openAt(bytes, start, end).byte();
  if (byte !== ENCRYPTION_REFUSED && byte !== ENCRYPTION_GRANTED[wish]) {
    backend.refuse("it does not answer a wish for encryption");
  }
  if (byte !== ENCRYPTION_REFUSED) backend.close();
  return byte === ENCRYPTION_REFUSED ? "refused" : "granted";
}

export function writeSslRequest(writer: Writer): void {
  writer.beginUntagged().int32(SSL_REQUEST).close();
}

export function writeGssRequest(writer: Writer): void {
  writer.beginUntagged().int32(GSS_REQUEST).close();
}

export function writeCancelRequest(writer: Writer, processId: number, key: Uint8Array): void {
  writer.beginUntagged().int32(CANCEL_REQUEST).int32(processId).raw(key, 0, key.length).close();
}

export function writeStartup(writer: Writer, minor: number, parameters: Iterable<readonly [string, string]>): void {
  writer.beginUntagged().int32((MAJOR << 16) | minor);
  for (const [name, value] of parameters) writer.text(name).text(value);
  writer.byte(0).close();
}
