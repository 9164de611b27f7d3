/** Conversations through both codecs of HTTP/1.1: what a client and a server say, and what each of them hears. */
import { describe, expect, test } from "bun:test";
import { HttpRelay } from "../../kit/http-relay.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const UPGRADE = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

function post(lines: string, body: string): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${body}`;
}

describe("content in one chunk with its head", () => {
  const body = "x".repeat(5_000);

  test.each([
    [
      "whose head fits where it stood",
      `HTTP/1.1 200 OK\r\nX-Y: z\r\nConnection: keep-alive\r\nContent-Length: 5000\r\n\r\n`,
    ],
    ["whose head grows", "HTTP/1.1 200\r\nContent-Length:5000\r\n\r\n"],
  ])("leaves with it in one write: a response %s", (_name, head) => {
    const relay = new HttpRelay();
    relay.say(GET);
    relay.answer(head + body);
    const [said, content] = relay.clientWire.take().split("\r\n\r\n");
    expect(said).toMatch(/^HTTP\/1\.1 200 (OK\r\nX-Y: z)?\r\nContent-Length: 5000$/);
    expect([content === body, relay.clientWire.writes, relay.heldBytes, relay.client.quiet]).toEqual([
      true,
      1,
      0,
      true,
    ]);
  });

  test("cut anywhere, it is the same", () => {
    const response = `HTTP/1.1 200 OK\r\nX-Y: z\r\nServer: a\r\nContent-Length: 5000\r\n\r\n${body}`;
    for (let cut = 1; cut < 200; cut += 3) {
      const relay = new HttpRelay();
      relay.say(GET);
      relay.answer(response, cut, cut + 2_500);
      expect(relay.clientWire.text).toBe(
        `HTTP/1.1 200 OK\r\nX-Y: z\r\nServer: a\r\nContent-Length: 5000\r\n\r\n${body}`,
      );
    }
  });

  test.each([1, 60, 100, 2_000])("what a wire takes only %d bytes of waits, and nothing is lost", (takes) => {
    const relay = new HttpRelay();
    relay.say(GET);
    relay.clientWire.takes = takes;
    relay.answer(`HTTP/1.1 200 OK\r\nX-Y: z\r\nServer: a\r\nContent-Length: 5000\r\n\r\n${body}`);
    expect(relay.clientWire.text.length).toBe(takes);
    relay.clientWire.takes = Number.POSITIVE_INFINITY;
    relay.client.drain();
    expect(relay.clientWire.text).toBe(`HTTP/1.1 200 OK\r\nX-Y: z\r\nServer: a\r\nContent-Length: 5000\r\n\r\n${body}`);
    expect(relay.heldBytes).toBe(0);
  });
});

describe("one exchange after the other", () => {
  test("keep-alive on both sides: one server connection serves them all", () => {
    const relay = new HttpRelay();
    for (let index = 0; index < 3; index++) {
      relay.say(GET);
      expect(relay.serverWire.take()).toBe(GET);
      relay.answer(OK);
      expect(relay.clientWire.take()).toBe(OK);
    }
    expect([relay.serverWires.length, relay.origin?.exchanges, relay.client.quiet]).toEqual([1, 3, true]);
    expect(relay.heldBytes).toBe(0);
  });

  test("pipelined: each is forwarded when the one before is answered, and answered in order", () => {
    const relay = new HttpRelay();
    const asked = ["/1", "/2", "/3"].map((path) => GET.replace("/", path));
    relay.say(asked.join(""));
    for (const [index, request] of asked.entries()) {
      expect(relay.serverWire.take()).toBe(request);
      relay.answer(OK.replace("ok", `${index}!`));
      expect(relay.clientWire.take()).toBe(OK.replace("ok", `${index}!`));
    }
    expect([relay.client.quiet, relay.heldBytes]).toEqual([true, 0]);
  });

  test("pipelined behind a body that is still coming", () => {
    const relay = new HttpRelay();
    relay.say(post("Content-Length: 5\r\n", "hel"));
    relay.say(`lo${GET}`);
    expect(relay.serverWire.take()).toBe(post("Content-Length: 5\r\n", "hello"));
    relay.answer(OK);
    expect(relay.serverWire.take()).toBe(GET);
  });

  test("a client that says close gets its answer, and what it sends behind that is thrown away", () => {
    const relay = new HttpRelay();
    relay.say(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${GET}`);
    relay.answer(OK);
    relay.say(GET);
    expect([relay.served, relay.clientWire.ended, relay.client.state]).toEqual([GET, true, "lingering"]);
    relay.clientEnds();
    expect([relay.client.state, relay.clientWire.closed, relay.heldBytes]).toEqual(["closed", false, 0]);
  });

  test("a client that sends on and on after the last answer is cut off", () => {
    const relay = new HttpRelay({ lingerBytesMax: 100 });
    relay.say("GET / HTTP/1.0\r\n\r\n");
    relay.answer(OK);
    relay.say("x".repeat(100));
    expect(relay.clientWire.closed).toBe(false);
    relay.say("x");
    expect([relay.client.state, relay.clientWire.closed]).toEqual(["closed", true]);
  });
});

describe("bodies and trailers", () => {
  test("chunked both ways, with trailers", () => {
    const relay = new HttpRelay();
    const body = "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
    relay.say(post("Transfer-Encoding: chunked\r\n", body));
    expect(relay.serverWire.take()).toBe(post("Transfer-Encoding: chunked\r\n", body));
    const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\nGrpc-Status: 0\r\n\r\n";
    relay.answer(answer);
    expect([relay.clientWire.take(), relay.client.quiet, relay.origin?.state]).toEqual([answer, true, "idle"]);
  });

  test("a response that starts before the request has ended streams while the request goes on", () => {
    const relay = new HttpRelay();
    relay.say(post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n"));
    relay.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n");
    expect(relay.clientWire.take()).toEndWith("1\r\nA\r\n");
    relay.serverWire.take();
    relay.say("1\r\nb\r\n0\r\n\r\n");
    expect(relay.serverWire.take()).toBe("1\r\nb\r\n0\r\n\r\n");
    relay.answer("1\r\nB\r\n0\r\n\r\n");
    expect([relay.clientWire.take(), relay.client.quiet, relay.origin?.state]).toEqual([
      "1\r\nB\r\n0\r\n\r\n",
      true,
      "idle",
    ]);
  });

  test("an early response: the rest of the request is thrown away, and the next one is served elsewhere", () => {
    const relay = new HttpRelay();
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n";
    relay.say(`${head}12345`);
    relay.answer(OK);
    expect([relay.clientWire.take(), relay.client.state, relay.serverWires[0]?.closed]).toEqual([
      OK,
      "discarding",
      true,
    ]);
    relay.say(`GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`.padEnd(35, "x") + GET);
    expect([relay.serverWires[0]?.text, relay.serverWires[1]?.text]).toEqual([`${head}12345`, GET]);
  });

  test("an early response to a request that is too long: the connection ends", () => {
    const relay = new HttpRelay({ lingerBytesMax: 10 });
    relay.say(post("Content-Length: 40\r\n", ""));
    relay.answer(OK);
    relay.say("x".repeat(11));
    expect([relay.client.state, relay.clientWire.ended, relay.clientWire.text]).toEqual(["lingering", true, OK]);
    expect(relay.log).toContain("lingers");
  });

  test("a flaw behind an early response ends the connection without a second answer", () => {
    const relay = new HttpRelay();
    relay.say(post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n"));
    relay.answer(OK);
    relay.say("x\r\n");
    expect([relay.clientWire.text, relay.clientWire.ended, relay.client.state]).toEqual([OK, true, "lingering"]);
  });
});

describe("Expect: 100-continue", () => {
  const head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

  test("is forwarded, and so is the 100; the connection goes on", () => {
    const relay = new HttpRelay();
    relay.say(head);
    expect(relay.serverWire.take()).toBe(head);
    relay.answer(CONTINUE);
    expect(relay.clientWire.take()).toBe(CONTINUE);
    relay.say("hello");
    relay.answer(OK);
    expect([relay.serverWire.take(), relay.clientWire.take(), relay.client.quiet]).toEqual(["hello", OK, true]);
  });

  test("a final response without a 100 closes, because nobody can tell whether the body comes", () => {
    const relay = new HttpRelay();
    relay.say(head);
    relay.answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    expect(relay.clientWire.text).toBe("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    relay.say(GET);
    expect([relay.served, relay.client.state]).toEqual([head, "lingering"]);
  });

  test("a final response in the middle of the body that a 100 called for: the rest is thrown away", () => {
    const relay = new HttpRelay();
    relay.say(head);
    relay.answer(CONTINUE);
    relay.say("he");
    relay.answer(OK);
    expect([relay.clientWire.take(), relay.client.state]).toEqual([CONTINUE + OK, "discarding"]);
    relay.say(`llo${GET}`);
    expect(relay.serverWire.text).toBe(GET);
  });

  test("a client that does not wait keeps its connection", () => {
    const relay = new HttpRelay();
    relay.say(`${head}hello`);
    relay.answer(OK);
    expect([relay.clientWire.text, relay.client.quiet]).toEqual([OK, true]);
  });
});

describe("Upgrade", () => {
  test("makes a tunnel, and no byte is lost around the switch", () => {
    const relay = new HttpRelay();
    relay.say(`${UPGRADE}early`);
    expect(relay.serverWire.take()).toBe(UPGRADE);
    relay.answer(`${SWITCHED}hello`);
    expect([relay.clientWire.take(), relay.serverWire.take()]).toEqual([`${SWITCHED}hello`, "early"]);
    relay.say(GET);
    relay.answer("0\r\n\r\n");
    expect([relay.serverWire.take(), relay.clientWire.take()]).toEqual([GET, "0\r\n\r\n"]);
    expect([relay.client.state, relay.origin?.state]).toEqual(["tunnel", "tunnel"]);
  });

  test("each side half-closes on its own", () => {
    for (const first of ["client", "server"] as const) {
      const relay = new HttpRelay();
      relay.say(UPGRADE);
      relay.answer(SWITCHED);
      const origin = relay.origin;
      if (first === "client") {
        relay.clientEnds();
        expect([relay.serverWire.ended, relay.clientWire.ended]).toEqual([true, false]);
        relay.answer("bye");
        relay.serverEnds();
      } else {
        relay.serverEnds();
        expect([relay.serverWire.ended, relay.clientWire.ended]).toEqual([false, true]);
        relay.say("bye");
        relay.clientEnds();
      }
      expect([relay.client.state, origin?.state, relay.heldBytes]).toEqual(["closed", "closed", 0]);
      expect(first === "client" ? relay.clientWire.text : relay.serverWire.text).toEndWith("bye");
      expect([relay.clientWire.closed, relay.serverWire.closed]).toEqual([false, false]);
    }
  });

  test("a client that half-closed before the switch is heard after it", () => {
    const relay = new HttpRelay();
    relay.say(`${UPGRADE}early`);
    relay.clientEnds();
    relay.answer(SWITCHED);
    expect([relay.serverWire.text, relay.serverWire.ended]).toEqual([`${UPGRADE}early`, true]);
  });

  test("when it is declined, what was sent early is the next request", () => {
    const relay = new HttpRelay();
    relay.say(UPGRADE + GET);
    relay.answer(OK);
    expect([relay.clientWire.text, relay.served, relay.client.state]).toEqual([OK, UPGRADE + GET, "exchange"]);
  });

  test("a reset of either side resets the other", () => {
    for (const side of ["client", "server"] as const) {
      const relay = new HttpRelay();
      relay.say(UPGRADE);
      relay.answer(SWITCHED);
      if (side === "client") relay.client.closed();
      else relay.origin?.closed();
      expect(side === "client" ? relay.serverWire.closed : relay.clientWire.closed).toBe(true);
      expect(relay.heldBytes).toBe(0);
    }
  });
});

describe("ends", () => {
  test("a client that half-closes behind its request still gets the answer", () => {
    const relay = new HttpRelay();
    relay.say(GET + GET);
    relay.clientEnds();
    relay.answer(OK);
    relay.answer(OK);
    expect([relay.clientWire.text, relay.clientWire.ended, relay.client.state]).toEqual([OK + OK, true, "closed"]);
  });

  test("a client that half-closes in its body is gone", () => {
    const relay = new HttpRelay();
    relay.say(post("Content-Length: 5\r\n", "hel"));
    relay.clientEnds();
    expect([relay.serverWire.closed, relay.log]).toEqual([
      true,
      ["request POST", "failed CLIENT_GONE", "reset CLIENT_GONE"],
    ]);
    expect([relay.clientWire.text, relay.client.state]).toEqual(["", "closed"]);
  });

  test("a client that half-closes in a head is gone, behind the answers it is owed", () => {
    const relay = new HttpRelay();
    relay.say(`${GET}GET / HT`);
    relay.clientEnds();
    relay.answer(OK);
    expect([relay.clientWire.text, relay.clientWire.ended, relay.log.at(-1)]).toEqual([OK, true, "failed CLIENT_GONE"]);
    expect(relay.heldBytes).toBe(0);
  });

  test("a quiet client that half-closes is let go without a word", () => {
    const relay = new HttpRelay();
    relay.clientEnds();
    expect([relay.clientWire.ended, relay.client.state, relay.log]).toEqual([true, "closed", []]);
  });

  test("a client that resets takes its server connection with it", () => {
    const relay = new HttpRelay();
    relay.say(GET);
    relay.client.closed();
    expect([relay.serverWire.closed, relay.log.at(-1), relay.heldBytes]).toEqual([true, "reset CLIENT_GONE", 0]);
  });

  test.each([
    ["before a byte", ""],
    ["in the head", "HTTP/1.1 200 O"],
    ["behind an interim response", "HTTP/1.1 103 Early Hints\r\n\r\n"],
  ])("a server that closes %s: 502, and the client goes on", (_name, text) => {
    const relay = new HttpRelay();
    relay.say(GET);
    relay.answer(text);
    relay.serverEnds();
    expect(relay.clientWire.take()).toContain("HTTP/1.1 502 Bad Gateway\r\n");
    relay.say(GET);
    relay.answer(OK);
    expect([relay.clientWire.take(), relay.serverWires.length]).toEqual([OK, 2]);
  });

  test.each([
    ["a body with a length", "Content-Length: 5\r\n\r\nhel"],
    ["a chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"],
    ["the trailers", "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n"],
  ])("a server that closes in %s: the client sees that it is cut", (_name, rest) => {
    for (const how of ["ended", "closed"] as const) {
      const relay = new HttpRelay();
      relay.say(GET);
      relay.answer(`HTTP/1.1 200 OK\r\n${rest}`);
      relay.origin?.[how]();
      expect([relay.clientWire.closed, relay.clientWire.text.includes("0\r\n\r\n")]).toEqual([true, false]);
      expect([relay.log.includes("origin failed SERVER_GONE"), relay.heldBytes]).toEqual([true, 0]);
    }
  });

  test("a server that closes while idle is over, and nobody is told of a fault", () => {
    const relay = new HttpRelay();
    relay.say(GET);
    relay.answer(OK);
    relay.serverEnds();
    expect(relay.log).toEqual(["request GET", "idle", "origin idle", "origin over"]);
  });

  test("a server that speaks unasked is closed", () => {
    const relay = new HttpRelay();
    relay.say(GET);
    relay.answer(OK);
    relay.answer("HTTP/1.1 408 Request Timeout\r\n\r\n");
    expect([relay.serverWire.closed, relay.log.at(-1)]).toEqual([true, "origin failed SERVER_PROTOCOL"]);
  });
});

describe("backpressure", () => {
  const limits = { windowBytes: 100, gatherBytesMax: 200, aheadBytesMax: 100 };

  test("a client that does not read pauses the server, and loses nothing", () => {
    const relay = new HttpRelay(limits);
    relay.say(GET);
    relay.clientWire.takes = 0;
    relay.answer(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${"a".repeat(150)}`);
    expect(relay.serverWire.paused).toBe(false);
    relay.answer("b".repeat(250));
    expect([relay.serverWire.paused, relay.clientWire.paused]).toEqual([true, false]);
    relay.clientWire.takes = 300;
    relay.client.drain();
    expect(relay.serverWire.paused).toBe(false);
    relay.clientWire.takes = Number.POSITIVE_INFINITY;
    relay.client.drain();
    relay.answer("c".repeat(600));
    expect(relay.clientWire.text).toEndWith("a".repeat(150) + "b".repeat(250) + "c".repeat(600));
    expect([relay.client.quiet, relay.heldBytes]).toEqual([true, 0]);
  });

  test("a server that does not read pauses the client, and loses nothing", () => {
    const relay = new HttpRelay(limits);
    relay.say(post("Content-Length: 900\r\n", ""));
    const head = relay.serverWire.take();
    relay.serverWire.takes = 0;
    relay.say("a".repeat(400));
    expect([relay.clientWire.paused, relay.serverWire.text, head.length > 0]).toEqual([true, "", true]);
    relay.serverWire.takes = 350;
    relay.origin?.drain();
    expect(relay.clientWire.paused).toBe(false);
    relay.serverWire.takes = Number.POSITIVE_INFINITY;
    const { writes } = relay.serverWire;
    relay.say("b".repeat(500));
    // Who is full says when there is room, and is left alone until then.
    expect(relay.serverWire.writes).toBe(writes);
    relay.origin?.drain();
    expect(relay.serverWire.text).toBe("a".repeat(400) + "b".repeat(500));
  });

  test("a client that sends ahead is paused, and goes on when it is its turn", () => {
    const relay = new HttpRelay(limits);
    relay.say(GET);
    relay.say(GET.repeat(4));
    expect([relay.clientWire.paused, relay.served]).toEqual([true, GET]);
    relay.answer(OK);
    relay.answer(OK);
    expect(relay.clientWire.paused).toBe(false);
    for (let index = 0; index < 3; index++) relay.answer(OK);
    expect([relay.served, relay.clientWire.text, relay.heldBytes]).toEqual([GET.repeat(5), OK.repeat(5), 0]);
  });

  test("a large run goes out from the chunk it came in, and what is not taken of it waits", () => {
    const relay = new HttpRelay();
    const size = 500_000;
    relay.say(GET);
    relay.answer(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    relay.clientWire.takes = 100_000;
    relay.answer("x".repeat(size));
    expect([relay.clientWire.text.length < 101_000, relay.serverWire.paused]).toEqual([true, false]);
    relay.clientWire.takes = Number.POSITIVE_INFINITY;
    relay.client.drain();
    expect([relay.clientWire.text.endsWith("x".repeat(size)), relay.heldBytes]).toEqual([true, 0]);
  });
});
