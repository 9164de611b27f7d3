/** The server's codec alone: requests out, responses in, and when the connection may be used again. */
import { describe, expect, test } from "bun:test";
import { Budget } from "../../../proxy/base/byte-queue.ts";
import { Fault } from "../../../proxy/base/fault.ts";
import { NO_ADDITIONS } from "../../../proxy/http/additions.ts";
import { NOBODY } from "../../../proxy/http/codec.ts";
import { HttpHead } from "../../../proxy/http/head.ts";
import { HTTP_LIMITS } from "../../../proxy/http/limits.ts";
import { OriginCodec } from "../../../proxy/http/origin-codec.ts";
import { RequestParser } from "../../../proxy/http/request-parser.ts";
import type { HttpStreamEvents } from "../../../proxy/http/stream.ts";
import { TurnList } from "../../../proxy/http/turn-list.ts";
import { bytesOf, FakeHttpWire } from "../../kit/http-wire.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Exchange implements HttpStreamEvents {
  readonly wire = new FakeHttpWire();
  readonly turn = new TurnList();
  readonly log: string[] = [];
  whenIdle: () => void = () => {};
  readonly codec = new OriginCodec(
    {
      idle: () => {
        this.log.push("idle");
        this.whenIdle();
      },
      over: () => this.log.push("over"),
      failed: (fault) => this.log.push(`failed ${fault.code}`),
    },
    { wire: this.wire, limits: HTTP_LIMITS, budget: new Budget(1e7), turn: this.turn, fallbackHost: "app:3000" },
  );

  ask(text: string): void {
    this.codec.open(this).head(requestOf(text), NO_ADDITIONS);
    this.turn.run();
  }

  answer(text: string): void {
    const bytes = bytesOf(text);
    this.codec.receive(bytes, 0, bytes.length);
    this.turn.run();
  }

  head(_stream: unknown, head: HttpHead): void {
    this.log.push(`head ${head.status}`);
  }

  data(_stream: unknown, bytes: Uint8Array, start: number, end: number): void {
    this.log.push(`data ${String.fromCharCode(...bytes.slice(start, end))}`);
  }

  trailers(): void {
    this.log.push("trailers");
  }

  end(): void {
    this.log.push("end");
  }

  reset(_stream: unknown, fault: Fault): void {
    this.log.push(`reset ${fault.code}`);
  }

  credit(_stream: unknown, count: number): void {
    this.log.push(`credit ${count}`);
  }
}

function requestOf(text: string): HttpHead {
  const parser = new RequestParser(new HttpHead(), HTTP_LIMITS);
  const bytes = bytesOf(text);
  expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
  return parser.head;
}

describe("OriginCodec", () => {
  test("an exchange: head, data, end, and idle again when both have ended", () => {
    const exchange = new Exchange();
    exchange.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange.codec.end();
    exchange.answer(OK);
    expect(exchange.log).toEqual(["head 200", "data ok", "end", "idle"]);
    expect([exchange.codec.state, exchange.codec.answered, exchange.codec.exchanges]).toEqual(["idle", true, 1]);
    exchange.ask("HEAD / HTTP/1.0\r\n\r\n");
    expect([exchange.codec.answered, exchange.codec.exchanges]).toEqual([false, 2]);
    expect(exchange.wire.text).toEndWith("HEAD / HTTP/1.1\r\nHost: app:3000\r\n\r\n");
  });

  test("a response that ends before its request leaves a connection that nobody uses again", () => {
    const exchange = new Exchange();
    exchange.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    exchange.answer(OK);
    expect([exchange.log, exchange.codec.state, exchange.wire.closed]).toEqual([
      ["head 200", "data ok", "end", "over"],
      "closed",
      true,
    ]);
    const bytes = bytesOf("late");
    expect(exchange.codec.data(bytes, 0, 4)).toBe(4);
    expect(() => exchange.codec.end()).not.toThrow();
  });

  test("a request that the wire has not taken yet leaves none either", () => {
    const exchange = new Exchange();
    exchange.wire.takes = 10;
    exchange.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange.codec.end();
    exchange.answer(OK);
    expect([exchange.codec.state, exchange.log.at(-1)]).toEqual(["closed", "over"]);
  });

  test("credit for what waited comes when the wire takes it", () => {
    const exchange = new Exchange();
    exchange.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
    exchange.wire.takes = 0;
    const body = bytesOf("x".repeat(100_000));
    expect(exchange.codec.data(body, 0, 100_000)).toBe(0);
    exchange.wire.takes = Number.POSITIVE_INFINITY;
    exchange.codec.drain();
    expect(exchange.log).toEqual(["credit 100000"]);
    expect(exchange.codec.data(body, 0, 10)).toBe(10);
  });

  test.each([
    ["a length", "Content-Length: 2\r\n\r\nok"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ])("bytes behind a response with %s never answer the request that an owner would send at once", (_name, rest) => {
    const exchange = new Exchange();
    exchange.whenIdle = () => exchange.ask("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange.codec.end();
    exchange.answer(`HTTP/1.1 200 OK\r\n${rest}HTTP/1.1 418 Poison\r\nContent-Length: 0\r\n\r\n`);
    expect([exchange.log.includes("head 418"), exchange.log.at(-1), exchange.wire.closed]).toEqual([
      false,
      "over",
      true,
    ]);
    expect(exchange.wire.text).not.toContain("/next");
  });

  test("reset and close: the wire is closed, and nobody is told what they said themselves", () => {
    const exchange = new Exchange();
    exchange.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange.codec.reset(new Fault("CLIENT_GONE", "Cannot go on: it is a test"));
    exchange.codec.closed();
    exchange.codec.ended();
    exchange.answer(OK);
    expect([exchange.log, exchange.wire.closed, exchange.codec.state]).toEqual([[], true, "closed"]);
  });

  test("fail: the stream hears it, and the owner once", () => {
    const exchange = new Exchange();
    exchange.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange.codec.fail(new Fault("SERVER_SLOW", "Cannot wait longer: it is a test"));
    exchange.codec.fail(new Fault("SERVER_SLOW", "Cannot wait longer: it is a test"));
    expect(exchange.log).toEqual(["failed SERVER_SLOW", "reset SERVER_SLOW"]);
  });

  test("a server that speaks before it is asked is refused", () => {
    const exchange = new Exchange();
    exchange.codec.open(exchange);
    exchange.answer(OK);
    expect(exchange.log).toEqual(["failed SERVER_PROTOCOL", "reset SERVER_PROTOCOL"]);
  });

  test("out of order is a bug: two requests at once, data without a request, more or less than announced", () => {
    const exchange = new Exchange();
    const head = requestOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    const bytes = bytesOf("hello");
    exchange.codec.open(NOBODY);
    expect(() => exchange.codec.data(bytes, 0, 1)).toThrow("no request is under way");
    exchange.codec.head(head, NO_ADDITIONS);
    expect(() => exchange.codec.open(NOBODY)).toThrow('the state is "exchange"');
    expect(() => exchange.codec.head(head, NO_ADDITIONS)).toThrow("one is under way");
    expect(() => exchange.codec.data(bytes, 0, 3)).toThrow("more than the head announced");

    const short = new Exchange();
    short.codec.open(NOBODY).head(head, NO_ADDITIONS);
    expect(() => short.codec.end()).toThrow("less than the head announced");
  });
});
