/** Tests of proxy/http/head-parser.ts and the parsers made of it: ranges, offsets and limits. What is good is in tables. */
import { describe, expect, test } from "bun:test";
import { FIELD } from "../../../../proxy/http/fields.ts";
import { BAD, MORE } from "../../../../proxy/http/head-parser.ts";
import { FRAMING, HttpHead, METHOD } from "../../../../proxy/http/head.ts";
import { HTTP_LIMITS, type HttpLimits } from "../../../../proxy/http/limits.ts";
import { RequestParser } from "../../../../proxy/http/request-parser.ts";
import { ResponseParser } from "../../../../proxy/http/response-parser.ts";
import { TrailerParser } from "../../../../proxy/http/trailer-parser.ts";
import { bytesOf } from "../../../kit/http-wire.ts";

const REQUEST =
  "PUT /a?b HTTP/1.1\r\nHost: Shop.example:81\r\nX-One:  1 \r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n";
const RESPONSE = "HTTP/1.1 206 Partial Content\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n";
const TRAILERS = "X: y\r\nZ:\r\n\r\n";

const parsers = [
  ["RequestParser", REQUEST, (limits: HttpLimits) => new RequestParser(new HttpHead(), limits)],
  ["ResponseParser", RESPONSE, (limits: HttpLimits) => new ResponseParser(new HttpHead(), limits)],
  ["TrailerParser", TRAILERS, (limits: HttpLimits) => new TrailerParser(new HttpHead(), limits)],
] as const;

describe.each(parsers)("%s", (_name, text, make) => {
  test("never looks behind its range: what stands there counts only when it has come", () => {
    const bytes = bytesOf(`junk${text}junk`);
    const parser = make(HTTP_LIMITS);
    for (let end = 4; end < 4 + text.length; end++) {
      expect([parser.parse(bytes, 4, end), parser.midway]).toEqual([MORE, end > 4]);
    }
    expect([parser.parse(bytes, 4, bytes.length), parser.midway]).toEqual([4 + text.length, false]);
    expect(parser.head.length).toBe(text.length);
  });

  test("goes on in another array, where the head stands elsewhere", () => {
    for (let cut = 1; cut < text.length; cut++) {
      const parser = make(HTTP_LIMITS);
      expect(parser.parse(bytesOf(text.slice(0, cut)), 0, cut)).toBe(MORE);
      expect(parser.parse(bytesOf(`moved ${text}`), 6, 6 + text.length)).toBe(6 + text.length);
      expect(parser.head.value(0)).not.toContain("\r");
      expect(parser.head.count).toBeGreaterThan(1);
    }
  });

  test("takes a head of exactly headBytesMax, and not one byte more, however it is cut", () => {
    const bytes = bytesOf(text);
    for (const [over, wanted] of [
      [0, text.length],
      [1, BAD],
    ] as const) {
      const limits = { ...HTTP_LIMITS, headBytesMax: text.length - over };
      expect(make(limits).parse(bytes, 0, bytes.length)).toBe(wanted);
      const slow = make(limits);
      let verdict = MORE as number;
      for (let end = 1; end <= bytes.length && verdict === MORE; end++) verdict = slow.parse(bytes, 0, end);
      expect([verdict, slow.flaw]).toEqual([wanted, wanted === BAD ? "HEAD_LONG" : "CUT"]);
    }
  });

  test("takes a line of exactly lineBytesMax, and not one byte more", () => {
    const line = `X: ${"y".repeat(100)}\r\n`;
    const bytes = bytesOf(text.replace(/X: y\r\n|X-One: {2}1 \r\n/, line));
    for (const [over, wanted] of [
      [0, bytes.length],
      [1, BAD],
    ] as const) {
      const limits = { ...HTTP_LIMITS, lineBytesMax: line.length - over };
      expect(make(limits).parse(bytes, 0, bytes.length)).toBe(wanted);
      const slow = make(limits);
      let verdict = MORE as number;
      for (let end = 1; end <= bytes.length && verdict === MORE; end++) verdict = slow.parse(bytes, 0, end);
      expect([verdict, slow.flaw]).toEqual([wanted, wanted === BAD ? "LINE_LONG" : "CUT"]);
    }
  });

  test("is used again, and remembers nothing", () => {
    const parser = make(HTTP_LIMITS);
    const { head } = parser;
    const bytes = bytesOf(text);
    parser.parse(bytes, 0, bytes.length);
    const count = head.count;
    expect(parser.parse(bytesOf("\0"), 0, 1)).toBe(BAD);
    expect(parser.parse(bytes, 0, 5)).toBe(MORE);
    parser.reset();
    expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
    expect([head.count, parser.head]).toEqual([count, head]);
  });
});

describe("HttpHead", () => {
  test("of a request: what was said, and what it means", () => {
    const parser = new RequestParser(new HttpHead(), HTTP_LIMITS);
    parser.parse(bytesOf(REQUEST), 0, REQUEST.length);
    const { head } = parser;
    expect([head.methodText, head.method, head.pathText, head.hostText, head.port]).toEqual([
      "PUT",
      METHOD.PUT,
      "/a?b",
      "shop.example",
      81,
    ]);
    expect([head.framing, head.bodyLength, head.expectsContinue, head.persists, head.idempotent]).toEqual([
      FRAMING.length,
      7,
      true,
      true,
      true,
    ]);
    expect([head.findName("x-one"), head.value(1), head.find(FIELD.host), head.find(FIELD.via)]).toEqual([
      1,
      "1",
      0,
      -1,
    ]);
    expect(() => head.value(4)).toThrow("no such one");
  });

  test("of a response: what was said, and what it means", () => {
    const parser = new ResponseParser(new HttpHead(), HTTP_LIMITS);
    parser.parse(bytesOf(RESPONSE), 0, RESPONSE.length);
    const { head } = parser;
    expect([head.status, head.reasonText, head.framing, head.interim]).toEqual([
      206,
      "Partial Content",
      FRAMING.chunked,
      false,
    ]);
  });

  test("keeps more fields than it has room for at first", () => {
    const parser = new RequestParser(new HttpHead(), HTTP_LIMITS);
    const lines = Array.from({ length: 127 }, (_, index) => `X-${index}: ${index}\r\n`).join("");
    const bytes = bytesOf(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
    expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
    expect([parser.head.count, parser.head.value(127), parser.head.value(1)]).toEqual([128, "126", "0"]);
  });
});
