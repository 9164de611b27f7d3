/**
 * The strict policy for requests as tables: what is refused, what is accepted, and what a server gets of it. Every row also
 * comes byte by byte and cut at every place, alone and behind a good request.
 */
import { describe, expect, test } from "bun:test";
import { HttpRelay } from "../../../kit/http-relay.ts";
import type { HttpLimits } from "../../../../proxy/http/limits.ts";
import { GOOD_CHUNKS, GOOD_REQUESTS } from "./good-requests.ts";
import { HOSTILE_BODIES, HOSTILE_BODY_LIMITS, HOSTILE_HEADS, HOSTILE_LIMITS } from "./hostile-requests.ts";

const CHUNKED_HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const FIRST = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Whole, cut once at every place, and byte by byte. */
function waysToCut(length: number): number[][] {
  const places = Array.from({ length: length - 1 }, (_, index) => index + 1);
  return [[], ...places.map((place) => [place]), places];
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
}

interface Outcome {
  readonly served: string;
  readonly answer: string;
  readonly ended: boolean;
  readonly log: readonly string[];
}

function outcomeOf(text: string, cuts: readonly number[], limits: Partial<HttpLimits>): Outcome {
  const relay = new HttpRelay(limits);
  relay.say(text, ...cuts);
  const { served, log } = relay;
  return { served, answer: relay.clientWire.text, ended: relay.clientWire.ended, log };
}

test("there are at least 100 hostile rows, each with a name of its own", () => {
  const names = [...HOSTILE_HEADS, ...HOSTILE_BODIES].map(([name]) => name);
  expect(HOSTILE_HEADS.length).toBeGreaterThanOrEqual(100);
  expect(new Set(names).size).toBe(names.length);
});

describe("a hostile head", () => {
  test.each(HOSTILE_HEADS)("%s: %i, close, and nothing is forwarded", (_name, status, text) => {
    const { served, answer, ended, log } = outcomeOf(text, [], HOSTILE_LIMITS);
    expect([statusOf(answer), served, ended]).toEqual([status, "", true]);
    expect(answer).toContain("\r\nConnection: close\r\n");
    expect(answer.match(/HTTP\/1\.1/g)?.length).toBe(1);
    expect(log).toEqual([
      status === 414 || status === 431 ? "failed CLIENT_TOO_LARGE" : "failed CLIENT_PROTOCOL",
      "lingers",
    ]);
  });

  test.each(HOSTILE_HEADS)("%s: the same however it is cut", (_name, _status, text) => {
    const whole = outcomeOf(text, [], HOSTILE_LIMITS);
    for (const cuts of waysToCut(text.length)) expect(outcomeOf(text, cuts, HOSTILE_LIMITS)).toEqual(whole);
  });

  test.each(HOSTILE_HEADS)("%s: the same behind a good request, which is answered first", (_name, status, text) => {
    for (const cut of [[], [FIRST.length], [FIRST.length + 5]]) {
      const relay = new HttpRelay(HOSTILE_LIMITS);
      relay.say(FIRST + text, ...cut);
      expect([relay.served, relay.clientWire.take()]).toEqual([FIRST, ""]);
      relay.answer(OK);
      const answers = relay.clientWire.text;
      expect([relay.served, answers.startsWith(OK), statusOf(answers.slice(OK.length))]).toEqual([FIRST, true, status]);
      expect([relay.clientWire.ended, relay.heldBytes]).toEqual([true, 0]);
    }
  });
});

describe("a hostile chunked body", () => {
  test.each(HOSTILE_BODIES)("%s: %i, and the server's request is never completed", (_name, status, body) => {
    const text = CHUNKED_HEAD + body;
    for (const cuts of waysToCut(text.length)) {
      const relay = new HttpRelay(HOSTILE_BODY_LIMITS);
      relay.say(text, ...cuts);
      expect([statusOf(relay.clientWire.text), relay.clientWire.ended]).toEqual([status, true]);
      expect(relay.served).not.toContain("0\r\n\r\n");
      expect(relay.serverWire.closed).toBe(true);
      expect(relay.heldBytes).toBe(0);
    }
  });
});

describe("a good request", () => {
  test.each(GOOD_REQUESTS)("%s: however it is cut, the server gets it anew", (_name, sent, served) => {
    for (const cuts of waysToCut(sent.length)) {
      const relay = new HttpRelay();
      relay.say(sent, ...cuts);
      expect(relay.served).toBe(served);
      relay.answer(OK);
      expect(statusOf(relay.clientWire.text)).toBe(200);
      expect(relay.heldBytes).toBe(0);
    }
  });

  test.each(GOOD_REQUESTS)(
    "%s: what the server gets would be accepted, and forwarded as it is",
    (_name, _sent, served) => {
      expect(outcomeOf(served, [], {}).served).toBe(served);
    },
  );

  test.each(GOOD_REQUESTS)("%s: the same behind another one", (_name, sent, served) => {
    for (const cut of [[], [FIRST.length], [FIRST.length + 9]]) {
      const relay = new HttpRelay();
      relay.say(FIRST + sent, ...cut);
      expect(relay.served).toBe(FIRST);
      relay.answer(OK);
      expect(relay.served).toBe(FIRST + served);
    }
  });
});

describe("a good chunked body", () => {
  test.each(GOOD_CHUNKS)("%s: content and trailers arrive however it is cut", (_name, sent, content, trailers) => {
    const text = CHUNKED_HEAD + sent;
    for (const cuts of waysToCut(text.length)) {
      const relay = new HttpRelay();
      relay.say(text + FIRST, ...cuts);
      expect(relay.served.startsWith(CHUNKED_HEAD)).toBe(true);
      expect(unchunk(relay.served.slice(CHUNKED_HEAD.length))).toEqual({ content, trailers });
    }
  });
});

/** An obvious reader of what we write: no extensions, one size a line. */
function unchunk(text: string): { content: string; trailers: string } {
  let rest = text;
  let content = "";
  for (;;) {
    const [line = ""] = rest.split("\r\n", 1);
    const size = Number.parseInt(line, 16);
    rest = rest.slice(line.length + 2);
    if (size === 0) break;
    content += rest.slice(0, size);
    expect(rest.slice(size, size + 2)).toBe("\r\n");
    rest = rest.slice(size + 2);
  }
  expect(rest.endsWith("\r\n")).toBe(true);
  return { content, trailers: rest.slice(0, -2) };
}
