/**
 * What can be wrong with a message, as a closed set, and the status that tells a client so. A flaw is a value while bytes
 * are read; it becomes an `HttpFault` where the conversation ends. A server's flaw is always 502 to the client.
 */
import { Fault } from "../base/fault.ts";

interface FlawRow {
  readonly status: number;
  /** Ends the sentence "Cannot read the message: …". */
  readonly what: string;
}

export const FLAWS = {
  LINE_END: { status: 400, what: "a line does not end in CRLF" },
  METHOD: { status: 400, what: "the method is not a token" },
  METHOD_LONG: { status: 501, what: "the method is longer than any known one" },
  METHOD_CONNECT: { status: 501, what: "CONNECT is not served" },
  METHOD_TRACE: { status: 405, what: "TRACE is not served" },
  TARGET: { status: 400, what: "the target is empty or has a byte that may not stand there" },
  TARGET_LONG: { status: 414, what: "the target is too long" },
  TARGET_FORM: { status: 400, what: "the target has no form that this method may have" },
  VERSION: { status: 400, what: "the version is malformed" },
  VERSION_MAJOR: { status: 505, what: "the major version is not 1" },
  STATUS: { status: 400, what: "the status line is malformed" },
  FIELD_NAME: { status: 400, what: "a field's name is empty, folded or not a token right before a colon" },
  FIELD_VALUE: { status: 400, what: "a field's value has a control byte" },
  LINE_LONG: { status: 431, what: "a line of the head is too long" },
  HEAD_LONG: { status: 431, what: "the head is too long" },
  FIELDS_MANY: { status: 431, what: "the head has too many fields" },
  HOST: { status: 400, what: "Host is not a host with or without a port" },
  HOST_MISSING: { status: 400, what: "Host is missing" },
  HOST_MANY: { status: 400, what: "there is more than one Host" },
  HOST_DIFFERS: { status: 400, what: "Host differs from the authority of the target" },
  LENGTH: { status: 400, what: "Content-Length is not a plain number" },
  LENGTH_MANY: { status: 400, what: "there is more than one Content-Length" },
  CODING: { status: 400, what: "Transfer-Encoding is not a list that ends in one chunked" },
  CODING_UNKNOWN: { status: 501, what: "Transfer-Encoding names a coding that is not served" },
  CODING_OLD: { status: 400, what: "Transfer-Encoding stands in a message of HTTP/1.0" },
  LENGTH_AND_CODING: { status: 400, what: "Content-Length and Transfer-Encoding stand in one message" },
  CONNECTION: { status: 400, what: "Connection is not a list of tokens" },
  EXPECT: { status: 417, what: "it expects something other than 100-continue" },
  CHUNK_SIZE: { status: 400, what: "a chunk's size is not a hexadecimal number" },
  CHUNK_EXTENSION: { status: 400, what: "a chunk's extension is malformed" },
  CHUNK_EXTENSION_LONG: { status: 400, what: "the chunks' extensions are too long" },
  CHUNK_END: { status: 400, what: "a chunk's data does not end where its size says" },
  INTERIM_MANY: { status: 400, what: "there are too many interim responses" },
  UPGRADE: { status: 400, what: "it switches to a protocol that was not asked for" },
  UNASKED: { status: 400, what: "bytes came that answer no request" },
  CUT: { status: 400, what: "it ends in the middle" },
} as const satisfies { readonly [flaw: string]: FlawRow };

export type Flaw = keyof typeof FLAWS;

/** A Fault that knows the status its flaw asks for. */
export class HttpFault extends Fault {
  readonly flaw: Flaw;
  readonly status: number;

  constructor(flaw: Flaw, side: "client" | "server") {
    const { status, what } = FLAWS[flaw];
    const large = status === 414 || status === 431;
    const code = side === "server" ? "SERVER_PROTOCOL" : large ? "CLIENT_TOO_LARGE" : "CLIENT_PROTOCOL";
    super(code, `Cannot read the message: ${what}`);
    this.flaw = flaw;
    this.status = side === "server" ? 502 : status;
  }
}
