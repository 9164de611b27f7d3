/** Tests of proxy/http/forwarding.ts and of what proxy/http/hop.ts drops with it. */
import { describe, expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { Additions } from "../../../../proxy/http/additions.ts";
import {
  type ForwardingPolicy,
  forwardRequest,
  forwardResponse,
  isLoop,
  REQUEST_ID_BYTES_MAX,
  type Sender,
} from "../../../../proxy/http/forwarding.ts";
import { HttpHead } from "../../../../proxy/http/head.ts";
import { HTTP_LIMITS } from "../../../../proxy/http/limits.ts";
import { RequestParser } from "../../../../proxy/http/request-parser.ts";
import { ResponseParser } from "../../../../proxy/http/response-parser.ts";
import { Shelf } from "../../../../proxy/http/shelf.ts";
import { headRoom, writeRequest } from "../../../../proxy/http/writer.ts";
import { bytesOf } from "../../../kit/http-wire.ts";

const STRANGER: Sender = { address: "203.0.113.7", secure: true, trusted: false };
const FRIEND: Sender = { address: "10.0.0.1", secure: false, trusted: true };
const POLICY: ForwardingPolicy = { via: undefined, keepRequestId: true };
const MADE = { bytes: bytesOf("made"), start: 0, end: 4 };
const WORDING = { framing: 0, length: -1, connection: "", fallbackHost: "" } as const;

function headOf(lines: string, start = "GET / HTTP/1.1\r\nHost: Shop.example:8080\r\n"): HttpHead {
  const parser = new RequestParser(new HttpHead(), HTTP_LIMITS);
  const bytes = bytesOf(`${start}${lines}\r\n`);
  expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
  return parser.head;
}

/** The fields a server gets, besides Host, sorted. */
function served(lines: string, sender: Sender, policy: ForwardingPolicy = POLICY): string[] {
  const head = headOf(lines);
  const additions = new Additions();
  additions.clear();
  forwardRequest(head, additions, sender, { policy, requestId: MADE });
  const shelf = new Shelf(100_000, new Budget(1e6));
  shelf.reserve(headRoom(head, additions, ""));
  writeRequest(shelf, head, additions, WORDING);
  const text = String.fromCharCode(...shelf.bytes.slice(shelf.start, shelf.end));
  return text
    .split("\r\n")
    .slice(2, -2)
    .sort((one, other) => one.localeCompare(other));
}

const FORGED =
  "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: b\r\n" +
  "X-Forwarded-Port: 1\r\nX-Forwarded-Server: c\r\nX-Real-IP: 4.4.4.4\r\nForwarded: for=5.5.5.5\r\n" +
  "X-Forwarded-Client-Cert: d\r\nX_Forwarded_For: 6.6.6.6\r\nx_real-ip: 7.7.7.7\r\n";

describe("forwardRequest", () => {
  const ours = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: Shop.example:8080", "X-Forwarded-Proto: https"];

  test("tells the server of the client", () => {
    expect(served("", STRANGER)).toEqual([...ours, "X-Request-Id: made"]);
  });

  test("nothing that a stranger says of itself or of proxies before us gets through", () => {
    expect(served(FORGED, STRANGER)).toEqual([...ours, "X-Request-Id: made"]);
    expect(served(`Connection: x-forwarded-for\r\n${FORGED}`, STRANGER)).toEqual([...ours, "X-Request-Id: made"]);
  });

  test("what a friend says is kept and added to, in one line", () => {
    expect(served(FORGED, FRIEND)).toEqual([
      "Forwarded: for=5.5.5.5",
      "X-Forwarded-Client-Cert: d",
      "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1",
      "X-Forwarded-Host: b",
      "X-Forwarded-Port: 1",
      "X-Forwarded-Proto: gopher",
      "X-Forwarded-Server: c",
      "X-Real-IP: 4.4.4.4",
      "X-Request-Id: made",
    ]);
  });

  test("a friend who says nothing is a client like any other", () => {
    expect(served("X-Forwarded-For:\r\n", FRIEND)).toEqual([
      "X-Forwarded-For: 10.0.0.1",
      "X-Forwarded-Host: Shop.example:8080",
      "X-Forwarded-Proto: http",
      "X-Request-Id: made",
    ]);
  });

  test("HTTP/1.0 without Host has no X-Forwarded-Host", () => {
    const head = headOf("", "GET / HTTP/1.0\r\n");
    const additions = new Additions();
    additions.clear();
    forwardRequest(head, additions, STRANGER, { policy: POLICY, requestId: MADE });
    expect(additions.findName("x-forwarded-host")).toBe(-1);
  });

  test.each([
    ["a token is kept", "X-Request-Id: a-1\r\n", true, "X-Request-Id: a-1"],
    [
      "the longest is kept",
      `X-Request-Id: ${"a".repeat(REQUEST_ID_BYTES_MAX)}\r\n`,
      true,
      `X-Request-Id: ${"a".repeat(128)}`,
    ],
    ["a longer one is not", `X-Request-Id: ${"a".repeat(REQUEST_ID_BYTES_MAX + 1)}\r\n`, true, "X-Request-Id: made"],
    ["what is no token is not", "X-Request-Id: a b\r\n", true, "X-Request-Id: made"],
    ["nothing is not", "X-Request-Id:\r\n", true, "X-Request-Id: made"],
    ["two are not", "X-Request-Id: a\r\nX-Request-Id: a\r\n", true, "X-Request-Id: made"],
    ["none is, if the policy says so", "X-Request-Id: a\r\n", false, "X-Request-Id: made"],
  ])("X-Request-Id: %s", (_name, lines, keepRequestId, wanted) => {
    const fields = served(lines, STRANGER, { via: undefined, keepRequestId });
    expect(fields.filter((field) => field.startsWith("X-Request-Id"))).toEqual([wanted]);
  });
});

describe("Via", () => {
  test("is added behind those before us, with the version that came", () => {
    const policy = { via: "scale", keepRequestId: true };
    expect(served("Via: 1.0 a\r\n", STRANGER, policy).filter((field) => field.startsWith("Via"))).toEqual([
      "Via: 1.0 a",
      "Via: 1.1 scale",
    ]);
  });

  test("is added to final responses", () => {
    for (const [status, count] of [
      [200, 1],
      [103, 0],
    ] as const) {
      const parser = new ResponseParser(new HttpHead(), HTTP_LIMITS);
      const bytes = bytesOf(`HTTP/1.0 ${status} x\r\n\r\n`);
      parser.parse(bytes, 0, bytes.length);
      const additions = new Additions();
      additions.clear();
      forwardResponse(parser.head, additions, { via: "scale", keepRequestId: true });
      expect(additions.count).toBe(count);
      if (count > 0) expect(additions.value(0)).toBe("1.0 scale");
    }
  });

  test.each([
    ["", false],
    ["Via: 1.1 other\r\n", false],
    ["Via: 1.1 scale-2, 1.1 x scale\r\n", false],
    ["Via: 1.1 other, HTTP/1.1 Scale (comment)\r\n", true],
    ["Via: 1.1 other\r\nVia: 1.1\tscale\r\n", true],
  ])("isLoop: %j is %p", (lines, wanted) => {
    expect(isLoop(headOf(lines), "scale")).toBe(wanted);
  });
});
