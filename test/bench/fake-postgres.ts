/**
 * A server that knows nothing but how Postgres answers: it lets anyone in, and every statement returns the same row. So the
 * pooler before it is what takes the time. `bun test/bench/fake-postgres.ts PORT`
 */
import type { Socket } from "bun";

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const HEAD_BYTES = 5;

interface Session {
  loggedIn: boolean;
  /** The beginning of a message that has not come whole. */
  rest: Buffer;
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`);
const parameters = {
  server_version: "15.0",
  server_encoding: "UTF8",
  client_encoding: "UTF8",
  DateStyle: "ISO, MDY",
  TimeZone: "UTC",
  IntervalStyle: "postgres",
  integer_datetimes: "on",
  standard_conforming_strings: "on",
  application_name: "",
  is_superuser: "on",
  session_authorization: "postgres",
};

const READY = message("Z", Buffer.from("I"));
const WELCOME = Buffer.concat([
  message("R", Buffer.alloc(4)),
  ...Object.entries(parameters).map(([name, value]) => message("S", Buffer.concat([text(name), text(value)]))),
  message("K", Buffer.from([0, 0, 0, 1, 0, 0, 0, 2])),
  READY,
]);
/** One column, "abalance", a number of type 23. */
const COLUMN = Buffer.concat([
  Buffer.from([0, 1]),
  text("abalance"),
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 0]),
]);
const DESCRIBED = message("T", COLUMN);
const ROW = Buffer.concat([message("D", Buffer.from([0, 1, 0, 0, 0, 1, 0x30])), message("C", text("SELECT 1"))]);
const SIMPLE = Buffer.concat([DESCRIBED, ROW, READY]);
const NO_PARAMETERS = message("t", Buffer.from([0, 0]));

const ANSWERS: Readonly<Record<string, Buffer>> = {
  Q: SIMPLE,
  P: message("1", Buffer.alloc(0)),
  B: message("2", Buffer.alloc(0)),
  C: message("3", Buffer.alloc(0)),
  E: ROW,
  S: READY,
};

function message(tag: string, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(tag);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function answerTo(bytes: Buffer, at: number): Buffer | undefined {
  const tag = String.fromCharCode(bytes[at] ?? 0);
  if (tag !== "D") return ANSWERS[tag];
  return bytes[at + HEAD_BYTES] === 0x53 ? Buffer.concat([NO_PARAMETERS, DESCRIBED]) : DESCRIBED;
}

/** How much of a start-up was there; 0 when it is not whole. */
function start(socket: Socket<Session>, bytes: Buffer): number {
  const length = bytes.length < 8 ? Number.POSITIVE_INFINITY : bytes.readInt32BE(0);
  if (bytes.length < length) return 0;
  const code = bytes.readInt32BE(4);
  const asks = code === SSL_REQUEST || code === GSS_REQUEST;
  socket.write(asks ? "N" : WELCOME);
  socket.data.loggedIn = !asks;
  return length;
}

function take(socket: Socket<Session>, chunk: Buffer): void {
  const session = socket.data;
  let bytes = session.rest.length === 0 ? chunk : Buffer.concat([session.rest, chunk]);
  while (!session.loggedIn && bytes.length > 0) {
    const length = start(socket, bytes);
    if (length === 0) break;
    bytes = bytes.subarray(length);
  }
  const answers: Buffer[] = [];
  let at = 0;
  while (session.loggedIn && bytes.length - at >= HEAD_BYTES) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.length) break;
    const answer = answerTo(bytes, at);
    if (answer !== undefined) answers.push(answer);
    at = end;
  }
  session.rest = bytes.subarray(at);
  const [only] = answers;
  if (only !== undefined) socket.write(answers.length === 1 ? only : Buffer.concat(answers));
}

Bun.listen<Session>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  socket: {
    open: (socket) => void (socket.data = { loggedIn: false, rest: Buffer.alloc(0) }),
    data: (socket, chunk) => take(socket, chunk as Buffer),
  },
});
