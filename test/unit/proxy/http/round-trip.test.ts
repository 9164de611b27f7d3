/** What is parsed and written means the same when it is parsed again: `writer.ts` against the parsers, by property. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { NO_ADDITIONS } from "../../../../proxy/http/additions.ts";
import { FRAMING, HttpHead } from "../../../../proxy/http/head.ts";
import { HTTP_LIMITS } from "../../../../proxy/http/limits.ts";
import { RequestParser } from "../../../../proxy/http/request-parser.ts";
import { ResponseParser } from "../../../../proxy/http/response-parser.ts";
import { Shelf } from "../../../../proxy/http/shelf.ts";
import { headRoom, writeRequest, writeResponse } from "../../../../proxy/http/writer.ts";
import { bytesOf } from "../../../kit/http-wire.ts";

const TOKEN = "!#$%&'*+-.^`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const OURS = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "keep-alive", "expect"];

const token = fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 20 });
const fieldName = token.filter(
  (name) => !OURS.includes(name.toLowerCase()) && !name.toLowerCase().startsWith("proxy-"),
);
const valueUnit = fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f);
const fieldValue = fc.array(valueUnit, { maxLength: 60 }).map((codes) => String.fromCharCode(...codes));
const field = fc
  .tuple(fieldName, fieldValue)
  .map(([name, value]) => ({ name, value: value.replace(/^[ \t]+|[ \t]+$/g, "") }));
const targetUnit = fc.integer({ min: 0x21, max: 0x7e }).filter((code) => code !== 0x23);
const path = fc.array(targetUnit, { maxLength: 80 }).map((codes) => `/${String.fromCharCode(...codes)}`);
const framing = fc.oneof(
  fc.constant(""),
  fc.constant("Transfer-Encoding: Chunked\r\n"),
  fc.nat(2 ** 40).map((length) => `content-length: ${length}\r\n`),
);
const method = token.filter((name) => !["CONNECT", "TRACE"].includes(name));

interface Meaning {
  readonly start: readonly (string | number)[];
  readonly framing: number;
  readonly length: number;
  readonly fields: readonly (readonly [string, string])[];
}

function meaningOf(head: HttpHead, start: readonly (string | number)[]): Meaning {
  const fields = Array.from({ length: head.count }, (_, index) => [head.name(index), head.value(index)] as const);
  const kept = fields.filter(([name]) => !OURS.includes(name) || name === "host");
  return { start, framing: head.framing, length: head.bodyLength, fields: kept };
}

function parse(parser: RequestParser | ResponseParser, text: string): HttpHead {
  const bytes = bytesOf(text);
  expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
  return parser.head;
}

function write(head: HttpHead, how: typeof writeRequest): string {
  const shelf = new Shelf(1e6, new Budget(1e7));
  const length = head.framing === FRAMING.length ? head.bodyLength : -1;
  shelf.reserve(headRoom(head, NO_ADDITIONS, ""));
  const room = shelf.bytes.length;
  how(shelf, head, NO_ADDITIONS, { framing: head.framing, length, connection: "", fallbackHost: "" });
  expect(shelf.end).toBeLessThanOrEqual(room);
  return String.fromCharCode(...shelf.bytes.slice(shelf.start, shelf.end));
}

function linesOf(fields: readonly { name: string; value: string }[], blanks: string): string {
  return fields.map(({ name, value }) => `${name}:${blanks}${value}${blanks}\r\n`).join("");
}

describe("parsed, written, parsed again", () => {
  const fields = fc.array(field, { maxLength: 30 });
  const blanks = fc.string({ unit: fc.constantFrom(" ", "\t"), maxLength: 3 });

  test("a request means the same", () => {
    fc.assert(
      fc.property(fc.record({ method, path, fields, blanks, framing, at: fc.nat(30) }), (row) => {
        const lines = [...row.fields];
        lines.splice(row.at, 0, { name: "Host", value: "a.b:80" });
        const text = `${row.method} ${row.path} HTTP/1.1\r\n${row.framing}${linesOf(lines, row.blanks)}\r\n`;
        const head = parse(new RequestParser(new HttpHead(), HTTP_LIMITS), text);
        const meaning = meaningOf(head, [head.methodText, head.pathText, head.hostText, head.port]);
        expect(meaning.start).toEqual([row.method, row.path, "a.b", 80]);
        expect(meaning.fields).toEqual(lines.map(({ name, value }) => [name.toLowerCase(), value] as const));
        const again = parse(new RequestParser(new HttpHead(), HTTP_LIMITS), write(head, writeRequest));
        expect(meaningOf(again, [again.methodText, again.pathText, again.hostText, again.port])).toEqual(meaning);
      }),
    );
  });

  test("a response means the same", () => {
    const status = fc.integer({ min: 200, max: 599 });
    fc.assert(
      fc.property(fc.record({ status, reason: fieldValue, fields, blanks, framing }), (row) => {
        const text = `HTTP/1.1 ${row.status} ${row.reason}\r\n${row.framing}${linesOf(row.fields, row.blanks)}\r\n`;
        const head = parse(new ResponseParser(new HttpHead(), HTTP_LIMITS), text);
        const meaning = meaningOf(head, [head.status, head.reasonText]);
        expect(meaning.start).toEqual([row.status, row.reason]);
        const again = parse(new ResponseParser(new HttpHead(), HTTP_LIMITS), write(head, writeResponse));
        expect(meaningOf(again, [again.status, again.reasonText])).toEqual(meaning);
      }),
    );
  });
});
