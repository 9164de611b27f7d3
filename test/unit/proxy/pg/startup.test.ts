/** Tests of proxy/pg/startup.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  negotiationFor,
  PARAMETERS_MAX,
  readEncryptionAnswer,
  readOpening,
  writeCancelRequest,
  writeGssRequest,
  writeSslRequest,
  writeStartup,
  type Startup,
} from "../../../../proxy/pg/startup.ts";
import { ascii, faultCode, partOf, surrounded, Watched, written } from "./part.ts";

const MINIMAL: readonly (readonly [string, string])[] = [["user", "shop"]];

function startupOf(minor: number, parameters: readonly (readonly [string, string])[]): Startup {
  const opening = readOpening(surrounded(written((writer) => writeStartup(writer, minor, parameters))));
  if (opening.kind !== "startup") throw new Error(opening.kind);
  return opening;
}

function packet(body: readonly number[] | Uint8Array): Uint8Array {
  return written((writer) => writer.beginUntagged().raw(Uint8Array.from(body), 0, body.length).close());
}

describe("readOpening", () => {
  test("knows a wish for encryption, and nothing may stand behind it", () => {
    expect(readOpening(surrounded(written(writeSslRequest)))).toEqual({ kind: "ssl" });
    expect(readOpening(surrounded(written(writeGssRequest)))).toEqual({ kind: "gss" });
    expect(faultCode(() => readOpening(partOf(packet([4, 0xd2, 0x16, 0x2f, 0]))))).toBe("CLIENT_PROTOCOL");
  });

  test.each([4, 5, 32, 256])("reads a cancel request with a key of %p bytes", (size) => {
    const key = Uint8Array.from({ length: size }, (_, index) => index);
    const opening = readOpening(surrounded(written((writer) => writeCancelRequest(writer, -7, key))));
    expect(opening).toEqual({ kind: "cancel", processId: -7, key });
  });

  test.each([0, 3, 257])("refuses a cancel key of %p bytes", (size) => {
    const bytes = written((writer) => writeCancelRequest(writer, 7, new Uint8Array(size)));
    expect(faultCode(() => readOpening(surrounded(bytes)))).toBe("CLIENT_PROTOCOL");
  });

  test("a cancel key is the reader's own: the chunk may be anyone's afterwards", () => {
    const bytes = written((writer) => writeCancelRequest(writer, 7, Uint8Array.of(1, 2, 3, 4)));
    const opening = readOpening(partOf(bytes));
    bytes.fill(0xff);
    expect(opening).toMatchObject({ key: Uint8Array.of(1, 2, 3, 4) });
  });

  test("reads parameters, an empty value too; of a name that comes twice the last value stands", () => {
    const { minor, parameters, extensions } = startupOf(0, [
      ["user", "shop"],
      ["application_name", ""],
      ["database", "a"],
      ["database", "b"],
      ["__proto__", "x"],
    ]);
    expect([minor, extensions]).toEqual([0, []]);
    expect([...parameters]).toEqual([
      ["user", "shop"],
      ["application_name", ""],
      ["database", "b"],
      ["__proto__", "x"],
    ]);
  });

  test("keeps protocol extensions apart from parameters", () => {
    const { parameters, extensions } = startupOf(2, [...MINIMAL, ["_pq_.a", "1"], ["_pq_.b", ""]]);
    expect([[...parameters.keys()], extensions]).toEqual([["user"], ["_pq_.a", "_pq_.b"]]);
  });

  test.each([
    [2, 0],
    [4, 0],
    [0x4745, 0x5420],
  ])("says that protocol %p.%p is unsupported", (major, minor) => {
    const bytes = written((writer) => writer.beginUntagged().uint16(major).uint16(minor).text("user").close());
    expect(readOpening(surrounded(bytes))).toEqual({ kind: "unsupported", major, minor });
  });

  const three = [0, 3, 0, 0];
  const bad: readonly (readonly [string, readonly number[]])[] = [
    ["no parameters and no end", three],
    ["no user", [...three, 0]],
    ["an empty user", [...three, ...ascii("user\0\0\0")]],
    ["no end behind the last value", [...three, ...ascii("user\0shop\0")]],
    ["a name without a value", [...three, ...ascii("user\0")]],
    ["a value without its end", [...three, ...ascii("user\0shop")]],
    ["something behind the end", [...three, ...ascii("user\0shop\0\0\0")]],
    ["a user that is not UTF-8", [...three, ...ascii("user\0"), 0xff, 0, 0]],
    ["no code", []],
  ];
  test.each(bad)("refuses a start-up message with %s", (_what, body) => {
    expect(faultCode(() => readOpening(surrounded(packet(body))))).toBe("CLIENT_PROTOCOL");
  });

  test("refuses more parameters than there are settings to want", () => {
    const many = Array.from({ length: PARAMETERS_MAX }, (_, index) => [`p${index}`, ""] as const);
    expect(() => startupOf(0, [["user", "u"], ...many.slice(1)])).not.toThrow();
    expect(faultCode(() => startupOf(0, [["user", "u"], ...many]))).toBe("CLIENT_PROTOCOL");
  });

  test("reads what was written, through a framer, at every split point", () => {
    const text = fc
      .string({ unit: "binary", maxLength: 20 })
      .filter((one) => !one.includes("\0") && one.isWellFormed());
    const names = text.filter((one) => one !== "" && !one.startsWith("_pq_."));
    fc.assert(
      fc.property(fc.array(fc.tuple(names, text), { maxLength: 5 }), fc.nat(), (more, where) => {
        const wanted = new Map([["user", "u"], ...more]);
        if (wanted.get("user") === "") return;
        const bytes = written((writer) => writeStartup(writer, 2, wanted));
        const watched = new Watched("frontend", "startup");
        const cut = where % bytes.length;
        if (cut > 0) watched.feed(bytes.subarray(0, cut));
        watched.feed(bytes.subarray(cut));
        const opening = readOpening(partOf(watched.frames[0]!.bytes));
        expect(opening).toEqual({ kind: "startup", minor: 2, parameters: wanted, extensions: [] });
      }),
    );
  });
});

test("negotiationFor: only a client that wants more than we have is told so", () => {
  expect(negotiationFor(startupOf(0, MINIMAL), 0)).toBeUndefined();
  expect(negotiationFor(startupOf(0, MINIMAL), 2)).toBeUndefined();
  expect(negotiationFor(startupOf(2, MINIMAL), 0)).toEqual({ minor: 0, extensions: [] });
  expect(negotiationFor(startupOf(9999, MINIMAL), 2)).toEqual({ minor: 2, extensions: [] });
  const wishful = startupOf(0, [...MINIMAL, ["_pq_.a", ""]]);
  expect(negotiationFor(wishful, 2)).toEqual({ minor: 0, extensions: ["_pq_.a"] });
});

describe("readEncryptionAnswer", () => {
  test("is one byte", () => {
    expect(readEncryptionAnswer(surrounded(ascii("S")), "ssl")).toBe("granted");
    expect(readEncryptionAnswer(surrounded(ascii("N")), "ssl")).toBe("refused");
    expect(readEncryptionAnswer(surrounded(ascii("G")), "gss")).toBe("granted");
  });

  test.each(["", "X", "G", "E", "SX", "S\u0015\u0003\u0001"])("refuses %p", (answer) => {
    expect(faultCode(() => readEncryptionAnswer(surrounded(ascii(answer)), "ssl"))).toBe("SERVER_PROTOCOL");
  });
});
