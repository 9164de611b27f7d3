/** Requests that must be accepted: what the client sends, and what the server gets. One proxied request each. */
export type Row = readonly [name: string, sent: string, served: string];

const HOST = "Host: a\r\n";

export const GOOD_REQUESTS: readonly Row[] = [
  ["the smallest", `GET / HTTP/1.1\r\n${HOST}\r\n`, `GET / HTTP/1.1\r\n${HOST}\r\n`],
  ["an empty line first", `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, `GET / HTTP/1.1\r\n${HOST}\r\n`],
  ["a later minor version", `GET / HTTP/1.3\r\n${HOST}\r\n`, `GET / HTTP/1.1\r\n${HOST}\r\n`],
  ["an unknown method", `BREW~!x /pot HTTP/1.1\r\n${HOST}\r\n`, `BREW~!x /pot HTTP/1.1\r\n${HOST}\r\n`],
  ["a method in lower case", `connect /pot HTTP/1.1\r\n${HOST}\r\n`, `connect /pot HTTP/1.1\r\n${HOST}\r\n`],
  ["no Host on HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: app:3000\r\n\r\n"],
  [
    "an expectation on HTTP/1.0",
    `POST / HTTP/1.0\r\n${HOST}Expect: x\r\nContent-Length: 0\r\n\r\n`,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
  ],
  [
    "a host with a port",
    "GET / HTTP/1.1\r\nHost: A.b-c_d:8080\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: A.b-c_d:8080\r\n\r\n",
  ],
  ["an IPv6 host", "GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", "GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n"],
  ["an absolute target", `GET http://A/x?y HTTP/1.1\r\n${HOST}\r\n`, `GET /x?y HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target with a plain port", `GET HTTP://a:80 HTTP/1.1\r\n${HOST}\r\n`, `GET / HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target with a query", `GET https://a?y HTTP/1.1\r\n${HOST}\r\n`, `GET /?y HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target for OPTIONS", `OPTIONS http://a HTTP/1.1\r\n${HOST}\r\n`, `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target on HTTP/1.0", "GET http://a:81/x HTTP/1.0\r\n\r\n", "GET /x HTTP/1.1\r\nHost: a:81\r\n\r\n"],
  ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
  [
    "a path that means nothing to us",
    `GET //b/../%2e%00\\x;y?z={"|"} HTTP/1.1\r\n${HOST}\r\n`,
    `GET //b/../%2e%00\\x;y?z={"|"} HTTP/1.1\r\n${HOST}\r\n`,
  ],
  [
    "values with anything that may stand there",
    `GET / HTTP/1.1\r\n${HOST}X:  a \t b\xff\x80 \t \r\nY:\r\nZ:z\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}X:  a \t b\xff\x80 \t \r\nY:\r\nZ:z\r\n\r\n`,
  ],
  [
    "hop-by-hop fields",
    `GET / HTTP/1.1\r\nA: 1\r\nConnection: keep-alive, x-one ,, X-Two\r\nX-ONE: 1\r\nB: 2\r\nx-two: 2\r\nKeep-Alive: 5\r\n${HOST}` +
      "TE: trailers\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\nC: 3\r\n\r\n",
    `GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n${HOST}C: 3\r\n\r\n`,
  ],
  [
    "nominations of what is not the client's",
    `POST / HTTP/1.1\r\n${HOST}Connection: host, content-length, authorization, cookie, x-forwarded-for\r\nX-Forwarded-For: 1\r\n` +
      "Authorization: x\r\nCookie: y\r\nContent-Length: 5\r\n\r\nhello",
    `POST / HTTP/1.1\r\n${HOST}X-Forwarded-For: 1\r\nAuthorization: x\r\nCookie: y\r\nContent-Length: 5\r\n\r\nhello`,
  ],
  [
    "names with an underscore",
    `GET / HTTP/1.1\r\n${HOST}X_Real_IP: 1\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\nX: y\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}X_Real_IP: 1\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\nX: y\r\n\r\n`,
  ],
  [
    "names that are almost framing",
    `GET / HTTP/1.1\r\n${HOST}Content-Lengthy: 5\r\nTransfer-Encodings: chunked\r\nXontent-Length: 7\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}Content-Lengthy: 5\r\nTransfer-Encodings: chunked\r\nXontent-Length: 7\r\n\r\n`,
  ],
  [
    "h2c",
    `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}\r\n`,
  ],
  [
    "an upgrade with a body",
    `POST / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
  ],
  [
    "an upgrade",
    `GET / HTTP/1.1\r\n${HOST}Connection: keep-alive, UPGRADE\r\nUpgrade: websocket\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  ],
  [
    "a body with a length",
    `POST / HTTP/1.1\r\nCONTENT-LENGTH:  5 \r\n${HOST}\r\nhello`,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
  ],
  [
    "a length of 0",
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
  ],
  [
    "a body on GET",
    `GET / HTTP/1.1\r\n${HOST}Content-Length: 35\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}Content-Length: 35\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n`,
  ],
];

/** Chunked: what the client sends behind the head, the content, and the trailers that are forwarded. */
export const GOOD_CHUNKS: readonly (readonly [name: string, sent: string, content: string, trailers: string])[] = [
  ["nothing", "0\r\n\r\n", "", ""],
  ["one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello", ""],
  ["chunks", "1\r\na\r\n2\r\nbc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", "abc0123456789abcdef", ""],
  ["sizes in either case", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""],
  ["sizes with zeros before", "0000000000000005\r\nhello\r\n00000\r\n\r\n", "hello", ""],
  ["content that looks like framing", "7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n", "0\r\n\r\n0\r", ""],
  ["extensions", '5;a;b=c;d="e;\\"\\\\f\t \xff"\r\nhello\r\n0;last\r\n\r\n', "hello", ""],
  ["trailers", "0\r\nX: y\r\nGrpc-Status: 0\r\n\r\n", "", "X: y\r\nGrpc-Status: 0\r\n"],
  [
    "trailers that are not theirs to say",
    "0\r\nX: y\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: z\r\nX-Forwarded-For: 1\r\n" +
      "X_Y: 1\r\nCookie: c\r\nConnection: close\r\nZ: 1\r\n\r\n",
    "",
    "X: y\r\nZ: 1\r\n",
  ],
];
