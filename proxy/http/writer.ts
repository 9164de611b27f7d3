/**
 * Writes heads, chunks and trailers as HTTP/1.1 (RFC 9112). A head is written anew: its start line from its parts, framing
 * and connection by us, of its fields what was not dropped, then our additions. Lines that stand together are copied as one.
 * Invariant: what is written is one message, whatever the head that came in looked like; its framing is the one told here.
 */
import { assert } from "../base/assert.ts";
import { ASTERISK, CR, LF, SLASH } from "./characters.ts";
import type { FieldBlock } from "./field-block.ts";
import { FIELD } from "./fields.ts";
import { FRAMING, type Framing, type HttpHead, METHOD } from "./head.ts";
import { dropHopByHop } from "./hop.ts";
import type { Shelf } from "./shelf.ts";

/** More than the start line's constants, framing, Connection and the empty line can need. */
const EXTRA_BYTES_MAX = 256;
/** The longest line with a chunk's size, and CRLF behind the chunk. */
export const CHUNK_EXTRA_BYTES = 20;

const LENGTH = FIELD["content-length"];
const HOST = FIELD.host;
const UPGRADE = FIELD.upgrade;
const EMPTY_LINE = Uint8Array.of(CR, LF, CR, LF);
const VERSION_LINE = ascii(" HTTP/1.1\r\n");
const STATUS_START = ascii("HTTP/1.1 ");

export interface Wording {
  readonly framing: Framing;
  /** Said with framing `length`, and without a body where it is not NONE (HEAD, 304). */
  readonly length: number;
  /** What `Connection` says. */
  readonly connection: "" | "close" | "keep-alive" | "upgrade";
  /** Where a request of HTTP/1.0 names no host. */
  readonly fallbackHost: string;
}

/** Room that the writing below needs at most. */
export function headRoom(head: FieldBlock, additions: FieldBlock, fallbackHost: string): number {
  return head.length + additions.length + fallbackHost.length + EXTRA_BYTES_MAX;
}

/** The caller has reserved `headRoom` on `out`. */
export function writeRequest(out: Shelf, head: HttpHead, additions: FieldBlock, wording: Wording): void {
  const { bytes, base } = head;
  out.run(bytes, base + head.methodStart, base + head.methodEnd + 1);
  const path = head.pathStart === head.targetEnd ? 0 : bytes[base + head.pathStart];
  // In absolute form the path may be empty, and a query may follow at once (RFC 9112 §3.2.1 and §3.2.4).
  if (path !== SLASH && path !== ASTERISK) out.ascii(path === 0 && head.method === METHOD.OPTIONS ? "*" : "/");
  out.run(bytes, base + head.pathStart, base + head.targetEnd);
  out.run(VERSION_LINE, 0, VERSION_LINE.length);
  if (head.find(HOST) < 0) {
    out.ascii("Host: ");
    if (head.hostEnd > 0) out.run(bytes, base + head.hostStart, base + head.authorityEnd);
    else out.ascii(wording.fallbackHost);
    out.run(EMPTY_LINE, 0, 2);
  }
  writeRest(out, head, additions, wording);
}

/** The caller has reserved `headRoom` on `out`. */
export function writeResponse(out: Shelf, head: HttpHead, additions: FieldBlock, wording: Wording): void {
  out.run(STATUS_START, 0, STATUS_START.length);
  out.decimal(head.status);
  out.ascii(" ");
  out.run(head.bytes, head.base + head.reasonStart, head.base + head.reasonEnd);
  out.run(EMPTY_LINE, 0, 2);
  writeRest(out, head, additions, wording);
}

/** The last chunk, and trailers if there are some. */
export function writeLastChunk(out: Shelf, trailers: FieldBlock): void {
  out.ascii("0\r\n");
  writeLines(out, trailers);
  out.run(EMPTY_LINE, 0, 2);
}

/** The line before a chunk of `size` bytes; behind the chunk goes CRLF. */
export function writeChunkSize(out: Shelf, size: number): void {
  assert(size > 0, "Cannot write a chunk: an empty one would be the last");
  out.hex(size);
  out.run(EMPTY_LINE, 0, 2);
}

export function writeLineEnd(out: Shelf): void {
  out.run(EMPTY_LINE, 0, 2);
}

function writeRest(out: Shelf, head: HttpHead, additions: FieldBlock, wording: Wording): void {
  dropHopByHop(head);
  head.dropBits(1 << LENGTH);
  writeLines(out, head);
  writeLines(out, additions);
  if (wording.framing === FRAMING.chunked) out.ascii("Transfer-Encoding: chunked\r\n");
  else if (wording.length >= 0) {
    out.ascii("Content-Length: ");
    out.decimal(wording.length);
    out.run(EMPTY_LINE, 0, 2);
  }
  if (wording.connection === "upgrade") writeUpgrade(out, head);
  else if (wording.connection !== "") {
    out.ascii("Connection: ");
    out.ascii(wording.connection);
    out.run(EMPTY_LINE, 0, 2);
  }
  out.run(EMPTY_LINE, 0, 2);
}

function writeUpgrade(out: Shelf, head: HttpHead): void {
  const index = head.find(UPGRADE);
  out.ascii("Connection: Upgrade\r\n");
  if (index < 0) return;
  out.ascii("Upgrade: ");
  out.run(head.bytes, head.valueStart(index), head.valueEnd(index));
  out.run(EMPTY_LINE, 0, 2);
}

/** Runs of lines that were not dropped, each copied at once. */
function writeLines(out: Shelf, block: FieldBlock): void {
  let start = block.base + block.linesStart;
  for (let index = 0; index < block.count && block.droppedCount > 0; index++) {
    if (!block.dropped(index)) continue;
    const lineStart = block.lineStart(index);
    if (lineStart > start) out.run(block.bytes, start, lineStart);
    start = block.lineEnd(index);
  }
  const end = block.base + block.linesEnd;
  if (end > start) out.run(block.bytes, start, end);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
