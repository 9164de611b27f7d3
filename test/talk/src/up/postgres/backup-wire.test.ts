/** Scripted servers on loopback: what a stranger on our port, or a server that breaks off, may say to the wire client. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { openSession, type SessionTarget } from "../../../../../src/up/postgres/backup-wire.ts";
import { ServerError, WireFault } from "../../../../../src/up/postgres/wire-frames.ts";
import { ScramFault } from "../../../../../src/up/postgres/scram.ts";

const PASSWORD = "correct horse";
const SALT = Buffer.from("salt of the earth");
const WAIT_MS = 2_000;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function frame(tag: string, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(5);
  head.write(tag);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const READY = frame("Z", "I");
const SASL = frame("R", int32(10), "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
const LOGGED_IN = Buffer.concat([
  frame("R", int32(0)),
  frame("S", "server_version\x0018.4\0"),
  frame("K", "12345678"),
  READY,
]);

/** Answers one message of the client, or the startup message (`tag` ""); sends what it returns. */
type Script = (message: { tag: string; body: Buffer }, socket: Socket<Talk>) => Uint8Array | undefined;

interface Talk {
  bytes: Buffer;
  started: boolean;
}

function serve(script: Script): SessionTarget {
  const server = Bun.listen<Talk>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { bytes: Buffer.alloc(0), started: false };
      },
      data(socket, chunk) {
        socket.data.bytes = Buffer.concat([socket.data.bytes, chunk]);
        for (let next = take(socket.data); next !== undefined; next = take(socket.data)) {
          const answer = script(next, socket);
          if (answer !== undefined) socket.write(answer);
        }
      },
    },
  });
  closing.push(() => server.stop(true));
  return { port: server.port, user: "scale", password: PASSWORD, database: "postgres", waitMs: WAIT_MS };
}

function take(talk: Talk): { tag: string; body: Buffer } | undefined {
  const at = talk.started ? 1 : 0;
  if (talk.bytes.length < at + 4) return undefined;
  const end = at + talk.bytes.readInt32BE(at);
  if (talk.bytes.length < end) return undefined;
  const message = { tag: talk.bytes.toString("latin1", 0, at), body: talk.bytes.subarray(at + 4, end) };
  talk.bytes = talk.bytes.subarray(end);
  talk.started = true;
  return message;
}

/** A server that knows the password, and then obeys `then`; `first` and `last` replace its two SCRAM messages. */
function scramServer(then: Script, replace: { first?: string; last?: string } = {}): SessionTarget {
  let clientFirst = "";
  let serverFirst = "";
  return serve((message, socket) => {
    if (message.tag === "") return SASL;
    if (message.tag !== "p") return then(message, socket);
    if (clientFirst === "") {
      clientFirst = message.body.subarray("SCRAM-SHA-256\0".length + 4).toString();
      serverFirst = replace.first ?? `${clientFirst.replace(/^n,,n=,/, "")}more,s=${SALT.toString("base64")},i=4096`;
      return frame("R", int32(11), serverFirst);
    }
    const withoutProof = message.body.toString().replace(/,p=.*/, "");
    const text = `${clientFirst.slice(3)},${serverFirst},${withoutProof}`;
    const serverKey = hmac(pbkdf2Sync(PASSWORD, SALT, 4096, 32, "sha256"), "Server Key");
    const last = replace.last ?? `v=${hmac(serverKey, text).toString("base64")}`;
    return Buffer.concat([frame("R", int32(12), last), LOGGED_IN]);
  });
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

const rowFrame = (...values: readonly (string | null)[]) =>
  frame(
    "D",
    int32(values.length).subarray(2),
    ...values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), value])),
  );

const errorFrame = (code: string, message: string) => frame("E", `SERROR\0C${code}\0M${message}\0\0`);

describe("openSession", () => {
  test("openSession: logs in to a server that knows the password, and asks it", async () => {
    const asked: string[] = [];
    const target = scramServer(({ tag, body }) => {
      if (tag === "Q") asked.push(body.toString());
      return tag === "Q"
        ? Buffer.concat([rowFrame("1", null, "Grüße"), rowFrame("2"), frame("C", "SELECT 2\0"), READY])
        : undefined;
    });
    const session = await openSession(target);
    expect(await session.query("select x")).toEqual([["1", null, "Grüße"], ["2"]]);
    expect(asked).toEqual(["select x\0"]);
    session.close();
  });

  test("openSession: reads the same when every byte comes alone", async () => {
    const answer = Buffer.concat([rowFrame("1", "two"), frame("C", "SELECT 1\0"), READY]);
    const target = scramServer(({ tag }, socket) => {
      if (tag === "Q") for (const byte of answer) socket.write(new Uint8Array([byte]));
      return undefined;
    });
    const session = await openSession(target);
    expect(await session.query("x")).toEqual([["1", "two"]]);
    session.close();
  });

  test("openSession: says so when the server hangs up in the middle of a frame", async () => {
    const target = serve((_message, socket) => {
      socket.write(SASL.subarray(0, 7));
      socket.end();
      return undefined;
    });
    await expect(openSession(target)).rejects.toThrow(/connection was closed/);
  });

  const strangers: readonly (readonly [string, () => SessionTarget, RegExp, Function])[] = [
    ["asks for the password itself", () => serve(() => frame("R", int32(3))), /another way to log in/, WireFault],
    ["asks for md5", () => serve(() => frame("R", int32(5), "salt")), /another way to log in/, WireFault],
    ["lets everyone in", () => serve(() => LOGGED_IN), /without a proof/, WireFault],
    ["offers no mechanism of ours", () => serve(() => frame("R", int32(10), "OTHER\0\0")), /does not offer/, WireFault],
    ["cannot prove itself", () => scramServer(() => undefined, { last: "v=AAAA" }), /not ours/, ScramFault],
    ["wants minutes of work", () => scramServer(() => undefined, { first: "r=x,s=AAAA,i=9" }), /nonce/, ScramFault],
    [
      "sends a frame without end",
      () => serve(() => Buffer.concat([Buffer.from("R"), int32(2 ** 31 - 1)])),
      /bytes long/,
      WireFault,
    ],
    [
      "sends a frame of negative length",
      () => serve(() => Buffer.concat([Buffer.from("R"), int32(3)])),
      /-1 bytes/,
      WireFault,
    ],
    [
      "sends a login frame that is too long",
      () => serve(() => frame("N", new Uint8Array(20_000))),
      /20000 bytes/,
      WireFault,
    ],
    ["sends an empty request for a login", () => serve(() => frame("R")), /too short/, WireFault],
    ["speaks HTTP", () => serve(() => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")), /bytes long/, WireFault],
    ["refuses", () => serve(() => errorFrame("57P03", "starting up")), /starting up/, ServerError],
  ];
  test.each(strangers)("openSession: gives up on a server that %s", async (_what, make, message, kind) => {
    const opening = openSession(make());
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toBeInstanceOf(kind);
  });

  test("openSession: gives up on a server that is silent", async () => {
    await expect(openSession({ ...serve(() => undefined), waitMs: 20 })).rejects.toThrow(/silent for 20 ms/);
  });

  test("openSession: gives up where nobody listens", async () => {
    const target = serve(() => undefined);
    for (const close of closing.splice(0)) close();
    await expect(openSession(target)).rejects.toBeInstanceOf(WireFault);
  });
});

describe("query", () => {
  const answers = (...frames: readonly Uint8Array[]) =>
    scramServer(({ tag }) => (tag === "Q" ? Buffer.concat(frames) : undefined));

  test("query: throws the server's error after it is done, and can go on", async () => {
    let queries = 0;
    const target = scramServer(({ tag }) => {
      if (tag !== "Q") return undefined;
      queries += 1;
      return queries === 1 ? Buffer.concat([errorFrame("42601", "no"), READY]) : Buffer.concat([rowFrame("ok"), READY]);
    });
    const session = await openSession(target);
    await expect(session.query("bad")).rejects.toMatchObject({ sqlstate: "42601", message: "no" });
    expect(await session.query("good")).toEqual([["ok"]]);
    session.close();
  });

  const broken: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["a value longer than its row", frame("D", int32(1).subarray(2), int32(100), "x"), /longer than the row/],
    ["more values than it has", frame("D", int32(3).subarray(2), int32(1), "x"), /too short/],
    ["a row of nothing", frame("D"), /too short/],
  ];
  test.each(broken)("query: refuses %s", async (_what, row, message) => {
    const session = await openSession(answers(row, READY));
    await expect(session.query("x")).rejects.toThrow(message);
    session.close();
  });

  test("query: refuses rows without end", async () => {
    const session = await openSession(answers(...Array.from({ length: 10_001 }, () => rowFrame("x")), READY));
    await expect(session.query("x")).rejects.toThrow(/more than 10000 rows/);
    session.close();
  });
});

describe("baseBackup", () => {
  const copy = (kind: string, ...parts: readonly (Uint8Array | string)[]) => frame("d", kind, ...parts);
  const start = Buffer.concat([
    frame("T"),
    frame("D"),
    frame("C", "SELECT\0"),
    frame("H", "\0\0\0"),
    copy("n", "base.tar\0\0"),
  ]);

  async function collect(pieces: AsyncIterable<Uint8Array>): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const piece of pieces) parts.push(piece);
    return Buffer.concat(parts).toString();
  }

  const backup = (...frames: readonly Uint8Array[]) =>
    scramServer(({ tag }) => (tag === "Q" ? Buffer.concat([start, ...frames]) : undefined));

  test("baseBackup: the bytes of the archive and nothing else", async () => {
    const target = backup(
      copy("d", "one "),
      copy("p", "12345678"),
      copy("d", "two"),
      frame("c"),
      frame("C", "SELECT\0"),
      READY,
    );
    const session = await openSession(target);
    expect(await collect(session.baseBackup("label"))).toBe("one two");
    session.close();
  });

  const cut: readonly (readonly [string, readonly Uint8Array[], RegExp])[] = [
    ["an error in the middle", [copy("d", "one"), errorFrame("58030", "disk")], /disk/],
    ["a second archive", [copy("d", "one"), copy("n", "16384.tar\0/space\0")], /table spaces/],
    ["a frame without end", [Buffer.concat([Buffer.from("d"), int32(1 << 24)])], /bytes long/],
  ];
  test.each(cut)("baseBackup: throws at %s", async (_what, frames, message) => {
    const session = await openSession(backup(...frames));
    await expect(collect(session.baseBackup("label"))).rejects.toThrow(message);
  });

  test("baseBackup: a slow reader holds the server back, and still gets every byte", async () => {
    const total = 48 << 20;
    const piece = copy("d", new Uint8Array(64 << 10).fill(7));
    let sent = 0;
    let rest: Uint8Array = Buffer.alloc(0);
    const push = (socket: Socket<Talk>) => {
      for (;;) {
        if (rest.length === 0) {
          if (sent === total) return;
          sent += 64 << 10;
          rest = sent === total ? Buffer.concat([piece, frame("c"), READY]) : piece;
        }
        const taken = socket.write(rest);
        if (taken <= 0) return;
        rest = rest.subarray(taken);
      }
    };
    let pushing: ReturnType<typeof setInterval> | undefined;
    const target = scramServer(({ tag }, socket) => {
      if (tag !== "Q") return undefined;
      socket.write(start);
      pushing = setInterval(() => push(socket), 1);
      closing.push(() => clearInterval(pushing));
      return undefined;
    });
    const session = await openSession(target);
    const pieces = session.baseBackup("label");
    const hash = createHash("sha256");
    let got = 0;
    let stuckAt = 0;
    for await (const bytes of pieces) {
      if (got === 0) stuckAt = await untilStill(() => sent);
      hash.update(bytes);
      got += bytes.length;
    }
    expect([got, sent]).toEqual([total, total]);
    expect(stuckAt).toBeLessThan(total / 2);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(new Uint8Array(total).fill(7)).digest("hex"));
    session.close();
  });

  /** The value once it has not changed for fifty turns of the timer that changes it. */
  async function untilStill(value: () => number): Promise<number> {
    let last = value();
    for (let still = 0; still < 50; still += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (value() !== last) still = 0;
      last = value();
    }
    return last;
  }
});
