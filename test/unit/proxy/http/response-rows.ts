/** Responses of a server: what may not reach a client, and what may, and as what. */

function ok(lines: string, body = ""): string {
  return `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`;
}

/** The client gets 502 instead, the server's connection is closed. RFC 9112 §4 to §6, and `reference/http-lb.md` §4.4. */
export const HOSTILE_RESPONSES: readonly (readonly [name: string, text: string])[] = [
  ["length and coding", ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["two lengths that differ", ok("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")],
  ["two lengths that are equal", ok("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")],
  ["a list of lengths", ok("Content-Length: 5,5\r\n", "hello")],
  ["a negative length", ok("Content-Length: -5\r\n", "hello")],
  ["a length with a leading zero", ok("Content-Length: 05\r\n", "hello")],
  ["an empty length", ok("Content-Length: \r\n")],
  ["a length beyond 2^53", ok("Content-Length: 9007199254740993\r\n")],
  ["an unknown coding", ok("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")],
  ["chunked twice", ok("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")],
  ["two codings", ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["a coding on HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"],
  ["a bare LF behind a field", ok("X: y\nContent-Length: 0\r\n")],
  ["a bare CR in a value", ok("X: y\rz\r\n")],
  ["a NUL in a value", ok("X: y\0\r\n")],
  ["a fold", ok("X: y\r\n z\r\n")],
  ["a blank before the colon", ok("Content-Length : 5\r\n", "hello")],
  ["a name that is no token", ok("X(: y\r\n")],
  ["a line without a colon", ok("X\r\n")],
  ["Connection is no list of tokens", ok('Connection: "close"\r\n')],
  ["an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["another protocol", "ICY 200 OK\r\n\r\n"],
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"],
  ["HTTP/0.9", "HTTP/0.9 200 OK\r\n\r\n"],
  ["a version without a minor", "HTTP/1 200 OK\r\n\r\n"],
  ["a version of two digits", "HTTP/1.10 200 OK\r\n\r\n"],
  ["a version in lower case", "http/1.1 200 OK\r\n\r\n"],
  ["two blanks before the status", "HTTP/1.1  200 OK\r\n\r\n"],
  ["a tab before the status", "HTTP/1.1\t200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status with a letter", "HTTP/1.1 2x0 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["a status above 599", "HTTP/1.1 600 OK\r\n\r\n"],
  ["no status", "HTTP/1.1\r\n\r\n"],
  ["a NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"],
  ["a CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"],
  ["a reason that never ends", `HTTP/1.1 200 ${"x".repeat(300)}`],
  ["a line too long", ok(`X: ${"y".repeat(300)}\r\n`)],
  ["too many fields", ok("X: y\r\n".repeat(20))],
  ["only a body", "hello"],
  ["a switch that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"],
  ["interim responses without end", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17)],
];

export const RESPONSE_LIMITS = { lineBytesMax: 128, headBytesMax: 500, fieldsMax: 16 } as const;

interface GoodResponse {
  readonly name: string;
  /** "GET" when absent. */
  readonly method?: string;
  /** Of the client, 1 when absent. */
  readonly minor?: 0;
  /** Of the request, besides Host. */
  readonly lines?: string;
  readonly sent: string;
  /** The server closes behind it. */
  readonly closes?: true;
  readonly got: string;
  /** The client's connection ends with it. */
  readonly ends?: true;
  /** The server's connection may be used again. */
  readonly reused: boolean;
}

const CHUNKED = "Transfer-Encoding: chunked\r\n";

export const GOOD_RESPONSES: readonly GoodResponse[] = [
  {
    name: "a body with a length",
    sent: ok("Content-Length: 5\r\nX: y\r\n", "hello"),
    got: ok("X: y\r\nContent-Length: 5\r\n", "hello"),
    reused: true,
  },
  { name: "a length of 0", sent: ok("Content-Length: 0\r\n"), got: ok("Content-Length: 0\r\n"), reused: true },
  {
    name: "no reason, and no blank before it",
    sent: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    got: "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
    reused: true,
  },
  {
    name: "a reason with anything that may stand there",
    sent: "HTTP/1.1 404 Nicht da:\t\xfc \r\nContent-Length: 0\r\n\r\n",
    got: "HTTP/1.1 404 Nicht da:\t\xfc \r\nContent-Length: 0\r\n\r\n",
    reused: true,
  },
  {
    name: "a chunked body",
    sent: ok(CHUNKED, "5\r\nhello\r\n0\r\n\r\n"),
    got: ok(CHUNKED, "5\r\nhello\r\n0\r\n\r\n"),
    reused: true,
  },
  {
    name: "trailers",
    sent: ok(`${CHUNKED}Trailer: X\r\n`, "0\r\nX: y\r\nSet-Cookie: a\r\nContent-Length: 1\r\n\r\n"),
    got: ok(`Trailer: X\r\n${CHUNKED}`, "0\r\nX: y\r\n\r\n"),
    reused: true,
  },
  {
    name: "a body that ends with the connection",
    sent: ok("X: y\r\n", "hello"),
    closes: true,
    got: ok(`X: y\r\n${CHUNKED}`, "5\r\nhello\r\n0\r\n\r\n"),
    reused: false,
  },
  {
    name: "a body that ends with the connection, to HTTP/1.0",
    minor: 0,
    sent: ok("X: y\r\n", "hello"),
    closes: true,
    got: ok("X: y\r\nConnection: close\r\n", "hello"),
    ends: true,
    reused: false,
  },
  {
    name: "a chunked body, to HTTP/1.0",
    minor: 0,
    lines: "Connection: keep-alive\r\n",
    sent: ok(CHUNKED, "5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
    got: ok("Connection: close\r\n", "hello"),
    ends: true,
    reused: true,
  },
  {
    name: "to HTTP/1.0, which goes on if it asks to",
    minor: 0,
    lines: "Connection: keep-alive\r\n",
    sent: ok("Content-Length: 2\r\n", "ok"),
    got: ok("Content-Length: 2\r\nConnection: keep-alive\r\n", "ok"),
    reused: true,
  },
  {
    name: "to HTTP/1.0, which is over if it does not ask",
    minor: 0,
    sent: ok("Content-Length: 2\r\n", "ok"),
    got: ok("Content-Length: 2\r\nConnection: close\r\n", "ok"),
    ends: true,
    reused: true,
  },
  {
    name: "to a client that wants to close",
    lines: "Connection: close\r\n",
    sent: ok("Content-Length: 2\r\n", "ok"),
    got: ok("Content-Length: 2\r\nConnection: close\r\n", "ok"),
    ends: true,
    reused: true,
  },
  {
    name: "from a server that wants to close",
    sent: ok("Connection: close\r\nContent-Length: 2\r\n", "ok"),
    got: ok("Content-Length: 2\r\n", "ok"),
    reused: false,
  },
  {
    name: "from HTTP/1.0",
    sent: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    got: ok("Content-Length: 2\r\n", "ok"),
    reused: false,
  },
  {
    name: "from HTTP/1.0 that goes on",
    sent: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok",
    got: ok("Content-Length: 2\r\n", "ok"),
    reused: true,
  },
  {
    name: "hop-by-hop fields",
    sent: ok(
      "A: 1\r\nConnection: x-hop\r\nX-Hop: 1\r\nProxy-Authenticate: x\r\nUpgrade: h2\r\nB: 2\r\nContent-Length: 0\r\n",
    ),
    got: ok("A: 1\r\nB: 2\r\nContent-Length: 0\r\n"),
    reused: true,
  },
  {
    name: "cookies, apart and in order",
    sent: ok("Set-Cookie: a=1\r\nX: y\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n"),
    got: ok("Set-Cookie: a=1\r\nX: y\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n"),
    reused: true,
  },
  {
    name: "HEAD with a length",
    method: "HEAD",
    sent: ok("Content-Length: 500\r\n"),
    got: ok("Content-Length: 500\r\n"),
    reused: true,
  },
  { name: "HEAD with a coding", method: "HEAD", sent: ok(CHUNKED), got: ok(""), reused: true },
  { name: "HEAD with neither", method: "HEAD", sent: ok("X: y\r\n"), got: ok("X: y\r\n"), reused: true },
  {
    name: "204",
    sent: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    got: "HTTP/1.1 204 No Content\r\n\r\n",
    reused: true,
  },
  {
    name: "304 with a length",
    sent: "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: x\r\n\r\n",
    got: "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 500\r\n\r\n",
    reused: true,
  },
  {
    name: "interim responses",
    sent: `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok("Content-Length: 0\r\n")}`,
    got: `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok("Content-Length: 0\r\n")}`,
    reused: true,
  },
  {
    name: "interim responses, to HTTP/1.0",
    minor: 0,
    sent: `HTTP/1.1 103 Early Hints\r\n\r\n${ok("Content-Length: 0\r\n")}`,
    got: ok("Content-Length: 0\r\nConnection: close\r\n"),
    ends: true,
    reused: true,
  },
  {
    name: "an upgrade that is declined",
    lines: "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    sent: "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n",
    got: "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n",
    reused: true,
  },
];
