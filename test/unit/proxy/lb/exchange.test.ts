/**
 * Exchanges over streams that are no codec's, two of them interleaved on one client as HTTP/2 will bring them: what is routed,
 * balanced, retried and relayed knows streams only.
 */
import { expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { Fault } from "../../../../proxy/base/fault.ts";
import { Additions } from "../../../../proxy/http/additions.ts";
import { makeAnswer } from "../../../../proxy/http/answer.ts";
import type { FieldBlock } from "../../../../proxy/http/field-block.ts";
import { HttpHead } from "../../../../proxy/http/head.ts";
import { HTTP_LIMITS } from "../../../../proxy/http/limits.ts";
import { RequestParser } from "../../../../proxy/http/request-parser.ts";
import type { HttpStream } from "../../../../proxy/http/stream.ts";
import { Exchange, type Line, type LineUser } from "../../../../proxy/lb/exchange.ts";
import { Group } from "../../../../proxy/lb/groups.ts";
import { Routes } from "../../../../proxy/lb/routes.ts";
import { FakeClock } from "../../../kit/clock.ts";
import { bytesOf } from "../../../kit/http-wire.ts";
import { setupOf, upstreamOf } from "../../../kit/lb-rig.ts";
import { SeededRng } from "../../../kit/rng.ts";

/** Keeps what is sent on it; credit is back when the test says so. */
class FakeStream implements HttpStream {
  readonly said: string[] = [];
  credited = 0;

  head(head: HttpHead, additions: FieldBlock): void {
    const start = head.status === 0 ? `${head.methodText} ${head.pathText}` : String(head.status);
    this.said.push(`${start} +${additions.count}`);
  }

  data(bytes: Uint8Array, start: number, end: number): number {
    this.said.push(String.fromCharCode(...bytes.subarray(start, end)));
    return 0;
  }

  trailers(trailers: FieldBlock): void {
    this.said.push(`trailers ${trailers.count}`);
  }

  end(): void {
    this.said.push("end");
  }

  reset(fault: Fault): void {
    this.said.push(`reset ${fault.code}`);
  }

  credit(count: number): void {
    this.credited += count;
  }
}

class FakeLine implements Line {
  reused = false;
  answered = false;
  readonly stream = new FakeStream();
  user: LineUser | undefined;
  abandoned = false;
  readonly #openAtOnce: boolean;

  constructor(openAtOnce: boolean) {
    this.#openAtOnce = openAtOnce;
  }

  open(user: LineUser): HttpStream | undefined {
    this.user = user;
    return this.#openAtOnce ? this.stream : undefined;
  }

  heard(): void {
    // It keeps nothing.
  }

  abandon(): void {
    this.abandoned = true;
  }
}

function world(openAtOnce = true) {
  const clock = new FakeClock();
  const leaver = { idle: () => undefined, gone: () => undefined };
  const addresses = [1, 2].map((port) => ({ host: "s", port }));
  const group = new Group(upstreamOf("app", addresses), { clock, rng: new SeededRng(1), leaver });
  const lines: FakeLine[] = [];
  const ended: string[] = [];
  const budget = new Budget(1e6);
  const routes = new Routes<Group>([{ path: "/", upstream: "app" }], () => group);
  const parts = {
    lines: { take: () => ((line) => (lines.push(line), line))(new FakeLine(openAtOnce)) },
    budget,
    turns: { nowMs: 0 },
    additions: new Additions(),
    forwarding: "edge" as const,
    timeouts: () => setupOf({}).timeouts,
    route: (head: HttpHead) => routes.find(head),
    requestIds: { next: () => 1, spell: () => ({ bytes: new TextEncoder().encode("id"), start: 0, end: 2 }) },
  };
  const owner = {
    sender: { address: "1.2.3.4", secure: false, trusted: false },
    scaleClient: "1.2.3.4:5",
    ended: (_exchange: Exchange, fault: Fault | undefined) => void ended.push(fault?.code ?? "good"),
  };
  const begin = (text: string): { readonly client: FakeStream; readonly exchange: Exchange } => {
    const client = new FakeStream();
    const exchange = new Exchange(parts);
    exchange.begin(client, headOf(text), owner);
    return { client, exchange };
  };
  return { begin, lines, ended, budget, group, parts };
}

function headOf(text: string): HttpHead {
  const bytes = bytesOf(`${text} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const parser = new RequestParser(new HttpHead(), HTTP_LIMITS);
  parser.parse(bytes, 0, bytes.length);
  return parser.head;
}

const OK = makeAnswer(200, {}, "").head;
const CONTINUE = ((head) => ((head.status = 100), head))(makeAnswer(200, {}, "").head);

function send(exchange: Exchange, stream: HttpStream, text: string): void {
  exchange.data(stream, bytesOf(text), 0, text.length);
}

test("Exchange: two streams of one client are relayed side by side, each with its own credit", () => {
  const { begin, lines, ended, budget, group } = world();
  const [one, two] = [begin("POST /1"), begin("PUT /2")];
  const [first, second] = lines as [FakeLine, FakeLine];
  send(one.exchange, one.client, "a1");
  send(two.exchange, two.client, "b2");
  second.user?.head(second.stream, OK);
  one.exchange.end(one.client);
  send(two.exchange, second.stream, "early");
  first.user?.head(first.stream, OK);
  send(one.exchange, first.stream, "late");
  expect([first.stream.said, second.stream.said]).toEqual([
    ["POST /1 +4", "a1", "end"],
    ["PUT /2 +4", "b2"],
  ]);
  expect([one.client.said, two.client.said]).toEqual([
    ["200 +0", "late"],
    ["200 +0", "early"],
  ]);
  first.user?.credit(first.stream, 2);
  two.exchange.credit(two.client, 5);
  expect([one.client.credited, two.client.credited, first.stream.credited, second.stream.credited]).toEqual([
    2, 0, 0, 5,
  ]);
  two.exchange.end(second.stream);
  one.exchange.end(first.stream);
  expect([ended, budget.lentBytes]).toEqual([["good", "good"], 0]);
  expect(group.upstream.targets.map(({ inFlight, picks }) => [inFlight, picks])).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

test("Exchange: one that fails leaves the other alone", () => {
  const { begin, lines, ended } = world();
  const [one, two] = [begin("GET /1"), begin("GET /2")];
  const [first, second] = lines as [FakeLine, FakeLine];
  first.user?.head(first.stream, OK);
  first.user?.reset(first.stream, new Fault("SERVER_GONE", "Cannot read"));
  expect(one.client.said).toEqual(["200 +0", "reset SERVER_GONE"]);
  second.user?.head(second.stream, CONTINUE);
  second.user?.head(second.stream, OK);
  second.user?.end(second.stream);
  expect([two.client.said, ended]).toEqual([
    ["100 +0", "200 +0", "end"],
    ["SERVER_GONE", "good"],
  ]);
});

test("Exchange: what came while a server was dialled is said when it is open, and again to the next one", () => {
  const { begin, lines, budget } = world(false);
  const { client, exchange } = begin("POST /1");
  send(exchange, client, "body");
  exchange.end(client);
  lines[0]?.user?.refused(new Fault("SERVER_UNREACHABLE", "Cannot dial"));
  expect(lines.length).toBe(2);
  const second = lines[1] as FakeLine;
  second.user?.opened(second.stream);
  expect([lines[0]?.stream.said, second.stream.said, client.credited]).toEqual([[], ["POST /1 +4", "body", "end"], 0]);
  second.user?.credit(second.stream, 4);
  expect(client.credited).toBe(4);
  second.user?.head(second.stream, OK);
  second.user?.end(second.stream);
  expect([client.said, budget.lentBytes]).toEqual([["200 +0", "end"], 0]);
});

test("Exchange: what is not idempotent is not said twice; what is, is, and its credit is given once", () => {
  const gone = new Fault("SERVER_GONE", "Cannot read");
  const post = world();
  const { client } = post.begin("POST /1");
  post.lines[0]?.user?.reset(post.lines[0].stream, gone);
  expect([post.lines.length, client.said[0]]).toEqual([1, "502 +1"]);
  const put = world();
  const { client: other, exchange } = put.begin("PUT /1");
  send(exchange, other, "body");
  const first = put.lines[0] as FakeLine;
  first.user?.credit(first.stream, 4);
  first.user?.reset(first.stream, gone);
  const second = put.lines[1] as FakeLine;
  second.user?.credit(second.stream, 4);
  expect([second.stream.said, other.credited]).toEqual([["PUT /1 +4", "body"], 4]);
});

test("Exchange: a kept connection that was closed is replaced once, by a new one to the same server", () => {
  const { begin, lines, group } = world();
  const { client } = begin("GET /1");
  for (const line of lines) line.reused = true;
  lines[0]?.user?.reset(lines[0].stream, new Fault("SERVER_GONE", "Cannot read"));
  expect([lines.length, lines[1]?.stream.said]).toEqual([2, ["GET /1 +4", "end"].slice(0, 1)]);
  const [target] = group.upstream.targets.filter(({ inFlight }) => inFlight === 1);
  expect([target?.own.retries, client.said]).toEqual([1, []]);
});

test("Exchange: a client that goes takes everything with it", () => {
  const dialing = world(false);
  const { client, exchange } = dialing.begin("GET /1");
  exchange.reset(client, new Fault("CLIENT_GONE", "Cannot go on"));
  expect([dialing.lines[0]?.abandoned, dialing.budget.lentBytes, dialing.ended]).toEqual([true, 0, ["CLIENT_GONE"]]);
  const asked = world();
  const other = asked.begin("GET /1");
  other.exchange.reset(other.client, new Fault("CLIENT_GONE", "Cannot go on"));
  expect(asked.lines[0]?.stream.said.at(-1)).toBe("reset CLIENT_GONE");
  expect(asked.group.upstream.targets.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

test("Exchange: who waits for a target is served when there is one, or told when it is late or full", () => {
  const { begin, lines, group, ended } = world();
  group.upstream.judge(Object.fromEntries(group.upstream.targets.map(({ key }) => [key, "down" as const])));
  const waits = Array.from({ length: 17 }, () => begin("GET /1"));
  expect([lines.length, waits[16]?.client.said[0], ended]).toEqual([0, "503 +1", ["OVERLOADED"]]);
  group.upstream.waiting.sweep(1_999);
  expect(ended.length).toBe(1);
  group.upstream.judge({});
  expect(lines.length).toBe(16);
  group.upstream.judge(Object.fromEntries(group.upstream.targets.map(({ key }) => [key, "down" as const])));
  const late = begin("GET /1");
  group.upstream.waiting.sweep(2_000);
  expect(late.client.said[0]).toBe("503 +1");
});
