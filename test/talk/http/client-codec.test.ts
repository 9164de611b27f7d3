/** The client's codec alone, with an owner that answers at once or says nothing: what it tells, and how it ends. */
import { describe, expect, test } from "bun:test";
import { Budget } from "../../../proxy/base/byte-queue.ts";
import { Fault, type FaultCode } from "../../../proxy/base/fault.ts";
import { Additions, LineStart, NO_ADDITIONS } from "../../../proxy/http/additions.ts";
import { makeAnswer, sendAnswer } from "../../../proxy/http/answer.ts";
import { ClientCodec, type ClientOwner } from "../../../proxy/http/client-codec.ts";
import { NOBODY } from "../../../proxy/http/codec.ts";
import { FAULT_STATUS } from "../../../proxy/http/faults.ts";
import type { HttpHead } from "../../../proxy/http/head.ts";
import { HTTP_LIMITS, type HttpLimits } from "../../../proxy/http/limits.ts";
import type { HttpStream, HttpStreamEvents } from "../../../proxy/http/stream.ts";
import { TurnList } from "../../../proxy/http/turn-list.ts";
import { bytesOf, FakeHttpWire } from "../../kit/http-wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HELLO = makeAnswer(200, { "X-Y": "z" }, "hello");
const HELLO_TEXT = "HTTP/1.1 200 OK\r\nX-Y: z\r\nContent-Length: 5\r\n\r\nhello";

class Conversation implements ClientOwner {
  readonly wire = new FakeHttpWire();
  readonly turn = new TurnList();
  readonly codec: ClientCodec;
  readonly log: string[] = [];
  readonly requests: string[] = [];
  stream: HttpStream | undefined;
  /** What to do with a request; nothing at first. */
  serve: (stream: HttpStream, head: HttpHead) => void = () => {};
  events: HttpStreamEvents = NOBODY;

  constructor(limits: Partial<HttpLimits> = {}, budget = new Budget(1e7)) {
    this.codec = new ClientCodec(this, {
      wire: this.wire,
      limits: { ...HTTP_LIMITS, ...limits },
      budget,
      turn: this.turn,
    });
  }

  say(text: string): void {
    const bytes = bytesOf(text);
    this.codec.receive(bytes, 0, bytes.length);
    this.turn.run();
  }

  accept(stream: HttpStream, head: HttpHead): HttpStreamEvents {
    this.requests.push(`${head.methodText} ${head.pathText} ${head.hostText}`);
    this.stream = stream;
    this.serve(stream, head);
    return this.events;
  }

  idle(): void {
    this.log.push("idle");
  }

  lingers(): void {
    this.log.push("lingers");
  }

  failed(fault: Fault): void {
    this.log.push(`failed ${fault.code}`);
  }
}

function answering(): Conversation {
  const conversation = new Conversation();
  conversation.serve = (stream) => sendAnswer(stream, HELLO);
  return conversation;
}

function statusOf({ wire }: Conversation): number {
  return Number(wire.text.slice(9, 12));
}

describe("answered at once", () => {
  test("a thousand requests in one chunk are answered in order, in few writes, with one stream and one head", () => {
    const conversation = answering();
    const streams = new Set<HttpStream>();
    const heads = new Set<HttpHead>();
    conversation.serve = (stream, head) => {
      streams.add(stream);
      heads.add(head);
      sendAnswer(stream, HELLO);
    };
    conversation.say(GET.repeat(1000));
    expect(conversation.wire.text).toBe(HELLO_TEXT.repeat(1000));
    expect([streams.size, heads.size, conversation.wire.writes]).toEqual([1, 1, 1]);
  });

  test("a body that nobody asked for is thrown away, and the next request is found behind it", () => {
    const conversation = answering();
    conversation.say(`POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel`);
    conversation.say(
      `loPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n${GET}`,
    );
    expect(conversation.requests).toEqual(["POST /1 a", "POST /2 a", "GET / a"]);
    expect(conversation.wire.text).toBe(HELLO_TEXT.repeat(3));
  });

  test("HEAD gets the head that GET would, and no body", () => {
    const conversation = answering();
    conversation.say(GET.replace("GET", "HEAD"));
    expect(conversation.wire.text).toBe(HELLO_TEXT.replace("hello", ""));
  });

  test("our own fields go behind the forwarded ones", () => {
    const conversation = new Conversation();
    const additions = new Additions();
    additions.clear();
    additions.line(new LineStart("Set-Cookie"), "a=1");
    conversation.serve = (stream) => {
      stream.head(HELLO.head, additions);
      stream.data(HELLO.body, 0, 5);
      stream.end();
    };
    conversation.say(GET);
    expect(conversation.wire.text).toBe(HELLO_TEXT.replace("X-Y: z\r\n", "X-Y: z\r\nSet-Cookie: a=1\r\n"));
  });
});

describe("fail and reset", () => {
  const codes = Object.entries(FAULT_STATUS) as [FaultCode, { status: number; silent?: true }][];

  test.each(codes)("reset %s: tells it by its status, unless nobody hears", (code, { status, silent }) => {
    const conversation = new Conversation();
    conversation.say(GET);
    const fault = new Fault(code, "Cannot go on: it is a test");
    conversation.stream?.reset(fault);
    conversation.turn.run();
    if (silent === true) expect(conversation.wire.text).toBe("");
    else
      expect([statusOf(conversation), conversation.wire.text.includes(`X-Scale-Fault: ${code}\r\n`)]).toEqual([
        status,
        true,
      ]);
    expect(conversation.wire.text).not.toContain("test");
    expect(conversation.codec.state).toBe(fault.scope === "exchange" ? "idle" : "lingering");
  });

  test("reset: cuts a response that has begun, so that nobody takes it for whole", () => {
    const conversation = new Conversation();
    conversation.say(GET);
    conversation.stream?.head(HELLO.head, NO_ADDITIONS);
    conversation.stream?.reset(new Fault("SERVER_GONE", "Cannot go on: it is a test"));
    conversation.turn.run();
    expect([conversation.wire.closed, conversation.codec.state]).toEqual([true, "closed"]);
  });

  test("reset: does nothing to an exchange that is over", () => {
    const conversation = answering();
    conversation.say(GET);
    conversation.stream?.reset(new Fault("SERVER_GONE", "Cannot go on: it is a test"));
    expect([conversation.codec.state, conversation.wire.text]).toEqual(["idle", HELLO_TEXT]);
  });

  test("a bug of the owner is 500, and the conversation is over", () => {
    const conversation = new Conversation();
    conversation.serve = () => {
      throw new TypeError("x is not a function");
    };
    conversation.say(GET);
    expect([statusOf(conversation), conversation.wire.ended, conversation.log]).toEqual([
      500,
      true,
      ["failed BUG", "lingers"],
    ]);
  });

  test("a bug of the owner behind the response's head cuts it", () => {
    const conversation = new Conversation();
    conversation.serve = (stream) => {
      stream.head(HELLO.head, NO_ADDITIONS);
      stream.end();
    };
    conversation.say(GET);
    expect([conversation.wire.closed, conversation.log]).toEqual([true, ["failed BUG"]]);
  });

  test("what comes while events are heard ends in one reset", () => {
    const conversation = new Conversation();
    const heard: string[] = [];
    conversation.events = { ...NOBODY, reset: (_stream, fault) => heard.push(fault.code) };
    conversation.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    conversation.say("nonsense");
    conversation.codec.closed();
    conversation.codec.close();
    expect([heard, statusOf(conversation)]).toEqual([["CLIENT_PROTOCOL"], 400]);
  });

  test("a client that is slow in its head gets 408; one that says nothing is let go without a word", () => {
    for (const [text, status] of [
      ["GET / HT", 408],
      ["", 0],
    ] as const) {
      const conversation = new Conversation();
      conversation.say(text);
      conversation.codec.fail(new Fault("CLIENT_SLOW", "Cannot wait longer: it is a test"));
      conversation.turn.run();
      expect([statusOf(conversation), conversation.wire.ended, conversation.log[0]]).toEqual([
        status,
        true,
        "failed CLIENT_SLOW",
      ]);
    }
  });

  test("no memory left for what waits: the conversation is over, and what it held is back", () => {
    const budget = new Budget(8192);
    const conversation = new Conversation({}, budget);
    conversation.say(GET);
    conversation.wire.takes = 0;
    conversation.stream?.head(makeAnswer(200, {}, "x".repeat(9000)).head, NO_ADDITIONS);
    const body = bytesOf("x".repeat(9000));
    expect(() => conversation.stream?.data(body, 0, body.length)).toThrow("no memory left");
    conversation.codec.close();
    expect([conversation.wire.closed, budget.lentBytes]).toEqual([true, 0]);
  });

  test("no memory left for what a client sends ahead: 503", () => {
    const conversation = new Conversation({}, new Budget(8192));
    conversation.say(GET);
    conversation.say(GET.repeat(1000));
    expect([conversation.log, conversation.wire.ended]).toEqual([["failed OVERLOADED", "lingers"], true]);
  });
});

describe("finish", () => {
  test("ends a quiet conversation at once", () => {
    const conversation = answering();
    conversation.say(GET);
    conversation.codec.finish();
    conversation.turn.run();
    expect([conversation.wire.ended, conversation.codec.state]).toEqual([true, "lingering"]);
  });

  test("ends behind the exchange that is under way, and says so in its response", () => {
    const conversation = new Conversation();
    conversation.say(GET + GET);
    conversation.codec.finish();
    sendAnswer(conversation.stream as HttpStream, HELLO);
    conversation.turn.run();
    expect(conversation.wire.text).toBe(HELLO_TEXT.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    expect([conversation.wire.ended, conversation.requests.length]).toEqual([true, 1]);
  });

  test("waits for one more request when a response is under way that has not said that it is the last", () => {
    const conversation = new Conversation();
    conversation.serve = (stream) => stream.head(HELLO.head, new Additions());
    conversation.say(GET);
    conversation.codec.finish();
    conversation.stream?.data(HELLO.body, 0, 5);
    conversation.stream?.end();
    conversation.turn.run();
    expect([conversation.wire.text, conversation.wire.ended]).toEqual([HELLO_TEXT, false]);
    conversation.serve = (stream) => sendAnswer(stream, HELLO);
    conversation.say(GET);
    expect([conversation.wire.text.includes("Connection: close"), conversation.wire.ended]).toEqual([true, true]);
  });

  test("ends behind a request whose head has begun", () => {
    const conversation = answering();
    conversation.say(GET.slice(0, 10));
    conversation.codec.finish();
    expect(conversation.wire.ended).toBe(false);
    conversation.say(GET.slice(10));
    expect([conversation.wire.text.includes("Connection: close"), conversation.wire.ended]).toEqual([true, true]);
  });
});

describe("the end of the last exchange", () => {
  const LAST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

  test.each([
    ["of a client that says close", LAST, true],
    ["of one that speaks HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", true],
    ["of one that has half of another request there already", `${LAST}GET`, true],
    ["that had a body", LAST.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nab"), false],
    ["that could not be read", `GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n`, false],
  ])("%s", (_name, request, forGood) => {
    const conversation = answering();
    conversation.say(request);
    expect([conversation.wire.ended, conversation.wire.left, conversation.codec.state]).toEqual([
      true,
      forGood,
      "lingering",
    ]);
    conversation.codec.closed();
    expect(conversation.codec.state).toBe("closed");
  });

  test("that the owner decided: the client may be sending, and is waited for", () => {
    const conversation = answering();
    conversation.say(GET);
    conversation.codec.finish();
    conversation.turn.run();
    expect([conversation.wire.ended, conversation.wire.left]).toEqual([true, false]);
  });

  test("what was sent ahead of a late answer is waited out", () => {
    const conversation = new Conversation();
    conversation.say(LAST);
    conversation.say("surplus");
    sendAnswer(conversation.stream as HttpStream, HELLO);
    conversation.turn.run();
    expect([conversation.wire.ended, conversation.wire.left]).toEqual([true, false]);
  });
});

describe("a head", () => {
  test("is gone when the call has returned, unless it was kept", () => {
    const conversation = new Conversation();
    let seen: HttpHead | undefined;
    conversation.serve = (_stream, head) => (seen = head);
    conversation.say(GET);
    expect(() => seen?.value(0)).not.toThrow();
    expect(seen?.bytes.length).toBe(0);
    const room = new Uint8Array(100);
    conversation.stream?.reset(new Fault("NO_TARGET", "Cannot go on: it is a test"));
    conversation.serve = (_stream, head) => head.keep(room);
    conversation.say(`\r\n${GET}`);
    expect([seen?.pathText, seen?.hostText, seen?.methodText, seen?.value(0)]).toEqual(["/", "a", "GET", "a"]);
  });
});
