/**
 * Requests that must be refused, with the status they get: from RFC 9112 and 9110, and from the published literature on
 * request smuggling (Linhart et al. 2005; Kettle 2019, 2021, 2022; Klein 2020; the mutations of smuggler and of HTTP
 * Garden). A row is a name, the status, and the bytes. Where a body comes after a good head, the head alone reaches the
 * server and its request is never completed; these rows stand apart.
 */
export type Row = readonly [name: string, status: number, text: string];

const HOST = "Host: a\r\n";
const TAIL = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

function get(lines: string): string {
  return `GET / HTTP/1.1\r\n${HOST}${lines}\r\n`;
}

function post(lines: string, body = ""): string {
  return `POST / HTTP/1.1\r\n${HOST}${lines}\r\n${body}`;
}

const LENGTH_ROWS: readonly Row[] = [
  ["length and coding", 400, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${TAIL}`)],
  ["coding and length", 400, post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", `0\r\n\r\n${TAIL}`)],
  ["length 0 and coding", 400, post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${TAIL}`)],
  ["two lengths that differ", 400, post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")],
  ["two lengths that are equal", 400, post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")],
  ["two lengths in other cases", 400, post("Content-Length: 5\r\nCONTENT-LENGTH: 0\r\n", "hello")],
  ["a list of equal lengths", 400, post("Content-Length: 5, 5\r\n", "hello")],
  ["a list of lengths", 400, post("Content-Length: 5, 0\r\n", "hello")],
  ["a length with a plus", 400, post("Content-Length: +5\r\n", "hello")],
  ["a negative length", 400, post("Content-Length: -5\r\n", "hello")],
  ["a length with a leading zero", 400, post("Content-Length: 05\r\n", "hello")],
  ["a length of zeros", 400, post("Content-Length: 000\r\n")],
  ["a hexadecimal length", 400, post("Content-Length: 0x5\r\n", "hello")],
  ["a length with an exponent", 400, post("Content-Length: 5e0\r\n", "hello")],
  ["a length with a fraction", 400, post("Content-Length: 5.0\r\n", "hello")],
  ["an empty length", 400, post("Content-Length:\r\n")],
  ["a blank length", 400, post("Content-Length:   \r\n")],
  ["a length with a blank inside", 400, post("Content-Length: 5 0\r\n", "hello")],
  ["a length in quotes", 400, post('Content-Length: "5"\r\n', "hello")],
  ["a length with a letter", 400, post("Content-Length: 5a\r\n", "hello")],
  ["a length with a semicolon", 400, post("Content-Length: 5;x\r\n", "hello")],
  ["a length with an underscore", 400, post("Content-Length: 1_0\r\n", "0123456789")],
  ["a length beyond 2^53", 400, post("Content-Length: 9007199254740993\r\n")],
  ["a length beyond 2^64", 400, post("Content-Length: 18446744073709551617\r\n")],
  ["a length of 60 digits", 400, post(`Content-Length: ${"1".repeat(60)}\r\n`)],
  ["a length in digits of another script", 400, post("Content-Length: \xd9\xa5\r\n", "hello")],
];

const CODING_ROWS: readonly Row[] = [
  ["two codings", 400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["two codings, the second identity", 400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")],
  ["two codings, the first odd", 400, post("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["chunked twice", 400, post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")],
  ["chunked not last", 400, post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n")],
  ["chunked, then identity", 400, post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")],
  ["identity, then chunked", 400, post("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n")],
  ["identity", 400, post("Transfer-Encoding: identity\r\n")],
  ["an unknown coding before chunked", 501, post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")],
  ["a coding without chunked", 400, post("Transfer-Encoding: gzip\r\n")],
  ["xchunked", 400, post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")],
  ["chunkedx", 400, post("Transfer-Encoding: chunkedx\r\n", "0\r\n\r\n")],
  ["chunk", 400, post("Transfer-Encoding: chunk\r\n", "0\r\n\r\n")],
  ["an empty coding", 400, post("Transfer-Encoding:\r\n", "0\r\n\r\n")],
  ["a comma before chunked", 400, post("Transfer-Encoding: , chunked\r\n", "0\r\n\r\n")],
  ["a comma behind chunked", 400, post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n")],
  ["chunked in quotes", 400, post('Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n")],
  ["chunked in single quotes", 400, post("Transfer-Encoding: 'chunked'\r\n", "0\r\n\r\n")],
  ["chunked with a parameter", 400, post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n")],
  ["chunked and a word", 400, post("Transfer-Encoding: chunked x\r\n", "0\r\n\r\n")],
  ["a colon before chunked", 400, post("Transfer-Encoding: : chunked\r\n", "0\r\n\r\n")],
  ["a vertical tab before chunked", 400, post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n")],
  ["a form feed behind chunked", 400, post("Transfer-Encoding: chunked\f\r\n", "0\r\n\r\n")],
  ["a NUL behind chunked", 400, post("Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n")],
  ["a byte above ASCII before chunked", 400, post("Transfer-Encoding: \x85chunked\r\n", "0\r\n\r\n")],
  ["a no-break space behind chunked", 400, post("Transfer-Encoding: chunked\xa0\r\n", "0\r\n\r\n")],
  ["chunked in a fold", 400, post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")],
  ["chunked in a fold of a tab", 400, post("Transfer-Encoding:\r\n\tchunked\r\n", "0\r\n\r\n")],
  ["a coding behind a bare CR", 400, post("X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["a coding behind a bare LF", 400, post("X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["a blank before the colon", 400, post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")],
  ["a tab before the colon", 400, post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n")],
  ["a blank before the name", 400, post(" Transfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["a control byte before the name", 400, post("\x01Transfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["a control byte behind the name", 400, post("Transfer-Encoding\x1f: chunked\r\n", "0\r\n\r\n")],
  ["a byte above ASCII in the name", 400, post("Transfer-Encoding\xff: chunked\r\n", "0\r\n\r\n")],
  ["a NUL in the name", 400, post("Transfer\0-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["a blank in the name", 400, post("Transfer Encoding: chunked\r\n", "0\r\n\r\n")],
  ["a coding on HTTP/1.0", 400, `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
];

const FIELD_ROWS: readonly Row[] = [
  ["a fold", 400, get("X: one\r\n two\r\n")],
  ["a fold with a tab", 400, get("X: one\r\n\ttwo\r\n")],
  ["a fold of nothing", 400, get("X: one\r\n \r\n")],
  ["a blank before the first field", 400, `GET / HTTP/1.1\r\n ${HOST}\r\n`],
  ["a tab before the first field", 400, `GET / HTTP/1.1\r\n\t${HOST}\r\n`],
  ["a line of a blank", 400, get(" \r\n")],
  ["a name that is empty", 400, get(": x\r\n")],
  ["a line without a colon", 400, get("nocolon\r\n")],
  ["a name in brackets", 400, get("(x): y\r\n")],
  ["a name with a slash", 400, get("x/y: z\r\n")],
  ["a name with an at", 400, get("x@y: z\r\n")],
  ["a name in quotes", 400, get('"x": y\r\n')],
  ["a name with DEL", 400, get("x\x7f: y\r\n")],
  ["a NUL in a value", 400, get("X: a\0b\r\n")],
  ["a bell in a value", 400, get("X: a\x07b\r\n")],
  ["DEL in a value", 400, get("X: a\x7fb\r\n")],
  ["a bare CR in a value", 400, get("X: a\rb\r\n")],
  ["a CR before CRLF", 400, get("X: a\r\r\n")],
  ["a bare LF behind a field", 400, get("X: a\n")],
  ["a bare LF behind the request line", 400, `GET / HTTP/1.1\n${HOST}\r\n`],
  ["a bare LF as the last line", 400, `GET / HTTP/1.1\r\n${HOST}\n`],
  ["a bare CR as the last line", 400, `GET / HTTP/1.1\r\n${HOST}\rX`],
  ["bare LFs all along", 400, "GET / HTTP/1.1\nHost: a\n\n"],
  ["an injected line in a value, CR LF apart", 400, get("X: a\n\rY: b\r\n")],
];

const HOST_ROWS: readonly Row[] = [
  ["no Host", 400, "GET / HTTP/1.1\r\n\r\n"],
  ["two Hosts", 400, get("Host: b\r\n")],
  ["two Hosts that are equal", 400, get("Host: a\r\n")],
  ["two Hosts in other cases", 400, get("HOST: b\r\n")],
  ["two Hosts on HTTP/1.0", 400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"],
  ...[
    "",
    " ",
    "a, b",
    "a b",
    "user@a",
    "a/b",
    "a?b",
    "a#b",
    "a:b",
    "a:0",
    "a:65536",
    "a:-1",
    "a:80:80",
    ":80",
    "a\\b",
  ].map((value): Row => [`Host is ${JSON.stringify(value)}`, 400, `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`]),
  ...["[::1", "::1", "[]", "[:]", "[::1]x", "[v1.a]", "a%00", "a\x80", "http://a", "a;b", "'a'", "a:8 0"].map(
    (value): Row => [`Host is ${JSON.stringify(value)}`, 400, `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`],
  ),
  ["a name that is almost Host", 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["Host in a fold", 400, "GET / HTTP/1.1\r\nX: y\r\n Host: a\r\n\r\n"],
];

const TARGET_ROWS: readonly Row[] = [
  ["an absolute target with another host", 400, `GET http://b/ HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target with another port", 400, `GET http://a:81/ HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target with the port of the other scheme", 400, `GET https://a:80/ HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target with a user", 400, `GET http://a@a/ HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target without a host", 400, `GET http:///x HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target without Host", 400, "GET http://a/ HTTP/1.1\r\n\r\n"],
  ["an absolute target of another scheme", 400, `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n`],
  ["an authority for another method", 400, `GET a:80 HTTP/1.1\r\n${HOST}\r\n`],
  ["a path without its slash", 400, `GET x HTTP/1.1\r\n${HOST}\r\n`],
  ["an asterisk for another method", 400, `GET * HTTP/1.1\r\n${HOST}\r\n`],
  ["more than an asterisk", 400, `OPTIONS *x HTTP/1.1\r\n${HOST}\r\n`],
  ["a fragment", 400, `GET /#x HTTP/1.1\r\n${HOST}\r\n`],
  ["a NUL in the target", 400, `GET /\0 HTTP/1.1\r\n${HOST}\r\n`],
  ["a byte above ASCII in the target", 400, `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`],
  ["DEL in the target", 400, `GET /\x7f HTTP/1.1\r\n${HOST}\r\n`],
  ["a tab in the target", 400, `GET /\t HTTP/1.1\r\n${HOST}\r\n`],
  ["a bare CR in the target", 400, `GET /\rX: HTTP/1.1\r\n${HOST}\r\n`],
  ["a blank in the target", 400, `GET /a b HTTP/1.1\r\n${HOST}\r\n`],
  ["no target", 400, `GET  HTTP/1.1\r\n${HOST}\r\n`],
  ["CONNECT", 501, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"],
  ["TRACE", 405, `TRACE / HTTP/1.1\r\n${HOST}\r\n`],
];

const LINE_ROWS: readonly Row[] = [
  ["no version", 400, "GET /\r\n\r\n"],
  ["an empty version", 400, `GET / \r\n${HOST}\r\n`],
  ["HTTP/2.0", 505, `GET / HTTP/2.0\r\n${HOST}\r\n`],
  ["HTTP/0.9", 505, `GET / HTTP/0.9\r\n${HOST}\r\n`],
  ["HTTP/3.0", 505, `GET / HTTP/3.0\r\n${HOST}\r\n`],
  ["the preface of HTTP/2", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ...[
    "HTTP/1",
    "HTTP/1.",
    "HTTP/.1",
    "HTTP/1.10",
    "HTTP/01.1",
    "HTTP/1,1",
    "http/1.1",
    "HTTP1.1",
    "HTTPS/1.1",
    "HTTP/1.1 ",
  ].map((version): Row => [`the version is ${JSON.stringify(version)}`, 400, `GET / ${version}\r\n${HOST}\r\n`]),
  ["two blanks behind the method", 400, `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  ["a tab behind the method", 400, `GET\t/ HTTP/1.1\r\n${HOST}\r\n`],
  ["two blanks before the version", 400, `GET /  HTTP/1.1\r\n${HOST}\r\n`],
  ["a tab before the version", 400, `GET /\tHTTP/1.1\r\n${HOST}\r\n`],
  ["a blank before the method", 400, ` GET / HTTP/1.1\r\n${HOST}\r\n`],
  ["no method", 400, `/ HTTP/1.1\r\n${HOST}\r\n`],
  ["a method in brackets", 400, `G(T / HTTP/1.1\r\n${HOST}\r\n`],
  ["a method with a NUL", 400, `G\0T / HTTP/1.1\r\n${HOST}\r\n`],
  ["a byte order mark", 400, `\xef\xbb\xbfGET / HTTP/1.1\r\n${HOST}\r\n`],
  ["two empty lines first", 400, `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`],
  ["a bare LF first", 400, `\nGET / HTTP/1.1\r\n${HOST}\r\n`],
  ["a bare CR first", 400, `\rGET / HTTP/1.1\r\n${HOST}\r\n`],
  ["the hello of TLS", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["a method of 33 letters", 501, `${"M".repeat(33)} / HTTP/1.1\r\n${HOST}\r\n`],
  ["a method that never ends", 501, "M".repeat(200)],
];

const LIMIT_ROWS: readonly Row[] = [
  ["a target of one byte too many", 414, `GET /${"x".repeat(64)} HTTP/1.1\r\n${HOST}\r\n`],
  ["a line of one byte too many", 431, get(`X: ${"y".repeat(124)}\r\n`)],
  ["a name that never ends", 431, get("x".repeat(300))],
  ["blanks that never end", 431, get(`X:${" ".repeat(300)}`)],
  ["one field too many", 431, get("X: y\r\n".repeat(8))],
  ["a head of one byte too many", 431, get(`${"X: ".padEnd(100, "y")}\r\n`.repeat(5))],
];

const CONNECTION_ROWS: readonly Row[] = [
  ["Connection is no list of tokens", 400, get('Connection: "close"\r\n')],
  ["Connection has a word too many", 400, get("Connection: close x\r\n")],
  ["Connection has a semicolon", 400, get("Connection: keep-alive;x\r\n")],
  ["another expectation", 417, post("Expect: 200-ok\r\nContent-Length: 5\r\n")],
  ["two expectations", 417, post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n")],
  ["a list of expectations", 417, post("Expect: 100-continue, x\r\nContent-Length: 5\r\n")],
];

/** With these a few long rows stay short. */
export const HOSTILE_LIMITS = { targetBytesMax: 64, lineBytesMax: 128, headBytesMax: 500, fieldsMax: 8 } as const;

/** Not a byte of these reaches a server. */
export const HOSTILE_HEADS: readonly Row[] = [
  ...LENGTH_ROWS,
  ...CODING_ROWS,
  ...FIELD_ROWS,
  ...HOST_ROWS,
  ...TARGET_ROWS,
  ...LINE_ROWS,
  ...LIMIT_ROWS,
  ...CONNECTION_ROWS,
];

/** Chunked bodies: the part behind the head. `hello` as a chunk comes first in some of them. */
export const HOSTILE_BODIES: readonly Row[] = [
  ["an empty size", 400, "\r\nhello\r\n0\r\n\r\n"],
  ["a size with a prefix", 400, "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a plus", 400, "+5\r\nhello\r\n0\r\n\r\n"],
  ["a negative size", 400, "-5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a blank before", 400, " 5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a blank behind", 400, "5 \r\nhello\r\n0\r\n\r\n"],
  ["a size with a tab behind", 400, "5\t\r\nhello\r\n0\r\n\r\n"],
  ["a size with an underscore", 400, "0_5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a letter beyond f", 400, "g\r\nhello\r\n0\r\n\r\n"],
  ["a size with a NUL", 400, "5\0\r\nhello\r\n0\r\n\r\n"],
  ["a size of 17 digits", 400, "00000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["a size beyond 2^53", 400, "20000000000001\r\nhello\r\n0\r\n\r\n"],
  ["a size beyond 2^64", 400, "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
  ["a size that ends in a bare LF", 400, "5\nhello\r\n0\r\n\r\n"],
  ["a size that ends in a bare CR", 400, "5\rhello\r\n0\r\n\r\n"],
  ["a size with two CRs", 400, "5\r\r\nhello\r\n0\r\n\r\n"],
  ["an extension that ends in a bare LF", 400, "5;a\nhello\r\n0\r\n\r\n"],
  ["an extension with a bare CR", 400, "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["an extension without a name", 400, "5;\r\nhello\r\n0\r\n\r\n"],
  ["an extension without a value", 400, "5;a=\r\nhello\r\n0\r\n\r\n"],
  ["two semicolons", 400, "5;;a\r\nhello\r\n0\r\n\r\n"],
  ["an extension with a blank", 400, "5; a\r\nhello\r\n0\r\n\r\n"],
  ["an extension with a NUL", 400, "5;a=\0\r\nhello\r\n0\r\n\r\n"],
  ["a quoted extension with a line end", 400, '5;a="\r\n"\r\nhello\r\n0\r\n\r\n'],
  ["a quoted extension with a quoted LF", 400, '5;a="\\\n"\r\nhello\r\n0\r\n\r\n'],
  ["a quoted extension that goes on", 400, '5;a="b"c\r\nhello\r\n0\r\n\r\n'],
  ["extensions beyond the limit", 400, `${`1;${"a".repeat(30)}\r\nx\r\n`.repeat(4)}0\r\n\r\n`],
  ["data longer than its size", 400, "5\r\nhellooo\r\n0\r\n\r\n"],
  ["data shorter than its size", 400, "6\r\nhello\r\n0\r\n\r\n"],
  ["data that ends in a bare LF", 400, "5\r\nhello\n0\r\n\r\n"],
  ["data that ends in a bare CR", 400, "5\r\nhello\r0\r\n\r\n"],
  ["data that ends in a CR and any byte", 400, "5\r\nhello\rX0\r\n\r\n"],
  ["data that ends in any byte and an LF", 400, "5\r\nhelloX\n0\r\n\r\n"],
  ["data that ends in nothing", 400, "5\r\nhello0\r\n\r\n"],
  ["a last chunk that ends in a bare LF", 400, "0\n\r\n"],
  ["a last chunk and a bare LF", 400, "0\r\n\n"],
  ["a last chunk and a bare CR", 400, "0\r\n\rX"],
  ["a trailer with a fold", 400, "0\r\nX: y\r\n z\r\n\r\n"],
  ["a trailer without a colon", 400, "0\r\nGET / HTTP/1.1\r\n\r\n"],
  ["a trailer with a blank before the colon", 400, "0\r\nX : y\r\n\r\n"],
  ["a trailer with a NUL", 400, "0\r\nX: \0\r\n\r\n"],
  ["a trailer with a bare LF", 400, "0\r\nX: y\n\r\n"],
  ["trailers beyond the limit", 431, `0\r\n${"X: y\r\n".repeat(9)}\r\n`],
];

export const HOSTILE_BODY_LIMITS = { ...HOSTILE_LIMITS, extensionBytesMax: 100 } as const;
