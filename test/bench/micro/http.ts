/**
 * What the hot path of `proxy/http` costs, in nanoseconds per operation: best of some rounds, on one core.
 * Run: npm run --silent bun -- test/bench/micro/http.ts
 */
import { Budget } from "../../../proxy/base/byte-queue.ts";
import { Additions, NO_ADDITIONS } from "../../../proxy/http/additions.ts";
import { BODY, BodyReader } from "../../../proxy/http/body.ts";
import { ClientCodec } from "../../../proxy/http/client-codec.ts";
import { forwardRequest } from "../../../proxy/http/forwarding.ts";
import { HttpHead } from "../../../proxy/http/head.ts";
import { HTTP_LIMITS } from "../../../proxy/http/limits.ts";
import { OriginCodec } from "../../../proxy/http/origin-codec.ts";
import { RequestParser } from "../../../proxy/http/request-parser.ts";
import { ResponseParser } from "../../../proxy/http/response-parser.ts";
import { Shelf } from "../../../proxy/http/shelf.ts";
import type { HttpStream, HttpStreamEvents, HttpWire } from "../../../proxy/http/stream.ts";
import { TurnList } from "../../../proxy/http/turn-list.ts";
import { headRoom, writeRequest } from "../../../proxy/http/writer.ts";
import { chunkedBody, REALISTIC, RESPONSE, SMALL } from "./http-messages.ts";

const ROUNDS = 12;
const ROUND_MS = 80;

function measure(name: string, operation: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, nanosecondsOf(operation));
  console.log(`${name.padEnd(56)} ${best.toFixed(0).padStart(6)} ns`);
}

function nanosecondsOf(operation: () => void): number {
  const start = Bun.nanoseconds();
  const end = start + ROUND_MS * 1e6;
  let count = 0;
  let now = start;
  while (now < end) {
    for (let index = 0; index < 1000; index++) operation();
    count += 1000;
    now = Bun.nanoseconds();
  }
  return (now - start) / count;
}

const small = new RequestParser(new HttpHead(), HTTP_LIMITS);
const realistic = new RequestParser(new HttpHead(), HTTP_LIMITS);
const response = new ResponseParser(new HttpHead(), HTTP_LIMITS);
measure(`parse a request of ${SMALL.length} bytes`, () => void small.parse(SMALL, 0, SMALL.length));
measure(`parse a request of ${REALISTIC.length} bytes with 14 fields`, () => {
  realistic.parse(REALISTIC, 0, REALISTIC.length);
});
measure(`parse a response of ${RESPONSE.length} bytes`, () => void response.parse(RESPONSE, 0, RESPONSE.length));

const shelf = new Shelf(65_536, new Budget(1e7));
const additions = new Additions();
const sender = { address: "203.0.113.7", secure: true, trusted: false };
const requestId = new TextEncoder().encode("0123456789abcdef");
const forwarding = {
  policy: { via: undefined, keepRequestId: true },
  requestId: { bytes: requestId, start: 0, end: requestId.length },
};
const wording = { framing: 0, length: -1, connection: "", fallbackHost: "" } as const;
for (const [name, parser, bytes] of [
  ["small", small, SMALL],
  ["14 fields", realistic, REALISTIC],
] as const) {
  measure(`parse and write a request, ${name}`, () => {
    parser.parse(bytes, 0, bytes.length);
    shelf.reserve(headRoom(parser.head, NO_ADDITIONS, ""));
    writeRequest(shelf, parser.head, NO_ADDITIONS, wording);
    shelf.clear();
  });
  measure(`the same with the fields of a proxy, ${name}`, () => {
    parser.parse(bytes, 0, bytes.length);
    additions.clear();
    forwardRequest(parser.head, additions, sender, forwarding);
    shelf.reserve(headRoom(parser.head, additions, ""));
    writeRequest(shelf, parser.head, additions, wording);
    shelf.clear();
  });
}

const chunks = chunkedBody(16, 1024);
const body = new BodyReader(HTTP_LIMITS);
measure("read 16 chunks of 1 KiB", () => {
  body.begin(2, 0);
  let at = 0;
  while (body.read(chunks, at, chunks.length) !== BODY.trailers) at = body.at;
});

/** A client and a server that answers at once, with wires that take everything. */
class Exchange implements HttpStreamEvents {
  client!: ClientCodec;
  origin!: OriginCodec;
  #from: HttpStream | undefined;

  accept(stream: HttpStream, head: HttpHead): HttpStreamEvents {
    this.#from = stream;
    additions.clear();
    forwardRequest(head, additions, sender, forwarding);
    this.origin.open(this).head(head, additions);
    return this;
  }

  head(_stream: HttpStream, head: HttpHead): void {
    this.#from?.head(head, NO_ADDITIONS);
  }

  data(stream: HttpStream, bytes: Uint8Array, start: number, end: number): void {
    const credit = stream === this.client ? this.origin.data(bytes, start, end) : this.client.data(bytes, start, end);
    stream.credit(credit);
  }

  end(stream: HttpStream): void {
    if (stream === this.client) this.origin.end();
    else this.client.end();
  }

  credit(): void {}
  trailers(): void {}
  reset(): void {}
  idle(): void {}
  over(): void {}
  lingers(): void {}
  failed(fault: Error): void {
    throw fault;
  }
}

const taking: HttpWire = {
  write: (_bytes, start, end) => end - start,
  pause: () => {},
  resume: () => {},
  end: () => {},
  close: () => {},
};
const turn = new TurnList();
const exchange = new Exchange();
const options = { wire: taking, limits: HTTP_LIMITS, budget: new Budget(1e7), turn };
exchange.client = new ClientCodec(exchange, options);
exchange.origin = new OriginCodec(exchange, { ...options, fallbackHost: "app" });
for (const [name, bytes] of [
  ["small", SMALL],
  ["14 fields", REALISTIC],
] as const) {
  measure(`a whole proxied exchange, both codecs, ${name}`, () => {
    exchange.client.receive(bytes, 0, bytes.length);
    turn.run();
    exchange.origin.receive(RESPONSE, 0, RESPONSE.length);
    turn.run();
  });
}
