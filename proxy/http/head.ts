/**
 * A parsed head over the bytes it came in: the start line, the fields, and what they mean for the connection and the body.
 * Not a copy: it is valid until the call that brought it returns, and whoever needs it longer calls `keep`. One object
 * serves all heads of a connection. What is in it has passed every rule of the strict policy.
 */
import { equalsAscii } from "../base/bytes.ts";
import { FieldBlock } from "./field-block.ts";

/** How the end of a body is known. `tunnel` is no body: raw bytes both ways after 101. */
export const FRAMING = { none: 0, length: 1, chunked: 2, close: 3, tunnel: 4 } as const;
export type Framing = (typeof FRAMING)[keyof typeof FRAMING];

export const METHOD = {
  other: 0,
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  OPTIONS: 6,
  CONNECT: 7,
  TRACE: 8,
  PATCH: 9,
} as const;
export type Method = (typeof METHOD)[keyof typeof METHOD];

export class HttpHead extends FieldBlock {
  /** Of HTTP/1.x; what is above 1 is read as 1 (RFC 9110 §2.5). */
  minor = 1;

  method: Method = METHOD.other;
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Path and query. Empty only where the target is in absolute form and has no path. */
  pathStart = 0;
  /** The authority in the target, both 0 when the target has none. */
  authorityStart = 0;
  authorityEnd = 0;
  /** The scheme in the target is https. */
  secureTarget = false;
  /** Host without its port, both 0 where HTTP/1.0 has none. */
  hostStart = 0;
  hostEnd = 0;
  /** As written; 0 when none is. */
  port = 0;

  status = 0;
  reasonStart = 0;
  reasonEnd = 0;

  framing: Framing = FRAMING.none;
  /** Of a body with framing `length`. */
  bodyLength = 0;
  /** The field `Content-Length`, also where there is no body (HEAD, 304), or -1. */
  lengthField = -1;
  /** The sender closes behind this message. */
  close = false;
  /** `Connection: keep-alive` was said. */
  keepAlive = false;
  /** `Connection: upgrade` was said, and `Upgrade` names something. */
  upgrade = false;
  /** `Connection` names fields of its own. */
  nominates = false;
  /** `Expect: 100-continue`. */
  expectsContinue = false;

  begin(bytes: Uint8Array, base: number): void {
    this.clear();
    this.bytes = bytes;
    this.base = base;
    this.minor = 1;
    this.method = METHOD.other;
    this.authorityStart = 0;
    this.authorityEnd = 0;
    this.secureTarget = false;
    this.hostStart = 0;
    this.hostEnd = 0;
    this.port = 0;
    this.status = 0;
    this.framing = FRAMING.none;
    this.bodyLength = 0;
    this.lengthField = -1;
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.nominates = false;
    this.expectsContinue = false;
  }

  /** The sender of this message wants to go on with the connection behind it. */
  get persists(): boolean {
    return !this.close && (this.minor === 1 || this.keepAlive);
  }

  /** An interim response: another one follows it. 101 is none, because HTTP ends with it. */
  get interim(): boolean {
    return this.status >= 100 && this.status < 200 && this.status !== 101;
  }

  /** The methods that RFC 9110 §9.2.2 calls idempotent, so that they may be sent again. */
  get idempotent(): boolean {
    const { method } = this;
    return (
      method === METHOD.GET ||
      method === METHOD.HEAD ||
      method === METHOD.OPTIONS ||
      method === METHOD.PUT ||
      method === METHOD.DELETE
    );
  }

  /** For logs and tests: a string is made. */
  get methodText(): string {
    return this.text(this.base + this.methodStart, this.base + this.methodEnd);
  }

  /** Path and query in origin form. */
  get pathText(): string {
    const path = this.text(this.base + this.pathStart, this.base + this.targetEnd);
    return path.startsWith("/") || path === "*" ? path : `/${path}`;
  }

  get hostText(): string {
    return this.text(this.base + this.hostStart, this.base + this.hostEnd).toLowerCase();
  }

  get reasonText(): string {
    return this.text(this.base + this.reasonStart, this.base + this.reasonEnd);
  }
}

/** Method names are case-sensitive: `get` is an unknown method, and forwarded as such. */
export function methodOf(bytes: Uint8Array, start: number, end: number): Method {
  if (
    end - start === 3 &&
    bytes[start] === LETTER_G &&
    bytes[start + 1] === LETTER_E &&
    bytes[start + 2] === LETTER_T
  ) {
    return METHOD.GET;
  }
  for (const name of METHODS) if (equalsAscii(bytes, start, end, name)) return METHOD[name];
  return METHOD.other;
}

const METHODS = (Object.keys(METHOD) as (keyof typeof METHOD)[]).filter((name) => name !== "other");
const LETTER_G = 0x47;
const LETTER_E = 0x45;
const LETTER_T = 0x54;
