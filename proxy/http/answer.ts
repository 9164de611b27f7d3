/**
 * A response of our own: a head that has been through the parser like any other, and its body. It is made once and sent many
 * times. Not for what depends on a request.
 */
import { Additions, LineStart, NO_ADDITIONS } from "./additions.ts";
import { assert } from "../base/assert.ts";
import { HttpHead } from "./head.ts";
import { HTTP_LIMITS } from "./limits.ts";
import { ResponseParser } from "./response-parser.ts";
import type { HttpStream } from "./stream.ts";

export interface Answer {
  readonly head: HttpHead;
  readonly body: Uint8Array;
}

const REASONS: { readonly [status: number]: string } = {
  200: "OK",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  508: "Loop Detected",
};

/** The fields are ASCII; `Content-Length` is the codec's. */
export function makeAnswer(status: number, fields: { readonly [name: string]: string }, body: string): Answer {
  const lines = new Additions();
  lines.clear();
  for (const [name, value] of Object.entries(fields)) lines.line(new LineStart(name), value);
  const bytes = new TextEncoder().encode(body);
  const start = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n`;
  const text = `${start}${lines.text(0, lines.length)}Content-Length: ${bytes.length}\r\n\r\n`;
  const parser = new ResponseParser(new HttpHead(), HTTP_LIMITS);
  const head = new TextEncoder().encode(text);
  assert(parser.parse(head, 0, head.length) === head.length, "Cannot make an answer: its head is not valid");
  return { head: parser.head, body: bytes };
}

/** Sends it as the whole response. */
export function sendAnswer(stream: HttpStream, { head, body }: Answer): void {
  stream.head(head, NO_ADDITIONS);
  if (body.length > 0) stream.data(body, 0, body.length);
  stream.end();
}
