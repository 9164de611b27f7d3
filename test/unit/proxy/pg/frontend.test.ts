/** Tests of proxy/pg/frontend.ts and, by round trips, of proxy/pg/frontend-writer.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../../../proxy/base/assert.ts";
import { NONE } from "../../../../proxy/base/bytes.ts";
import type { Part } from "../../../../proxy/pg/framer.ts";
import {
  Bind,
  clientText,
  CopyFail,
  Execute,
  FunctionCall,
  Mention,
  Parse,
  Password,
  PORTAL,
  Query,
  SaslAnswer,
  SaslInitial,
  STATEMENT,
} from "../../../../proxy/pg/frontend.ts";
import {
  writeBind,
  writeClose,
  writeCopyData,
  writeCopyDone,
  writeCopyFail,
  writeDescribe,
  writeExecute,
  writeFlush,
  writeParse,
  writePassword,
  writeQuery,
  writeRenamed,
  writeSaslAnswer,
  writeSaslInitial,
  writeSync,
  writeTerminate,
} from "../../../../proxy/pg/frontend-writer.ts";
import { FRONTEND } from "../../../../proxy/pg/tag.ts";
import { Writer } from "../../../../proxy/pg/writer.ts";
import { ascii, faultOfCall, frame, joined, partOf, surrounded, Watched, written } from "./part.ts";

const functionCall = written((writer) =>
  writer
    .begin(FRONTEND.functionCall)
    .uint32(3_000_000_000)
    .uint16(1)
    .uint16(1)
    .uint16(2)
    .value("abc")
    .value(null)
    .uint16(0)
    .close(),
);

/** Name, a good frame, and what reads it. */
const MESSAGES: readonly (readonly [string, Uint8Array, (part: Part) => unknown])[] = [
  ["Query", written((w) => writeQuery(w, "select 1")), (part) => new Query().read(part)],
  ["Query of nothing", written((w) => writeQuery(w, "")), (part) => new Query().read(part)],
  [
    "Parse",
    written((w) => writeParse(w, "s1", "select $1, $2", [25, 4_000_000_000])),
    (part) => new Parse().read(part),
  ],
  ["Parse without a name", written((w) => writeParse(w, "", "select")), (part) => new Parse().read(part)],
  ["Bind", written((w) => writeBind(w, "p", "s1", ["x", null, ""])), (part) => new Bind().read(part)],
  ["Bind of nothing", written((w) => writeBind(w, "", "")), (part) => new Bind().read(part)],
  ["Describe", written((w) => writeDescribe(w, STATEMENT, "s1")), (part) => new Mention().read(part)],
  ["Close", written((w) => writeClose(w, PORTAL, "")), (part) => new Mention().read(part)],
  ["Execute", written((w) => writeExecute(w, "p", 100)), (part) => new Execute().read(part)],
  ["Password", written((w) => writePassword(w, "pencil")), (part) => new Password().read(part)],
  ["SaslInitial", written((w) => writeSaslInitial(w, "SCRAM-SHA-256", "n,,")), (part) => new SaslInitial().read(part)],
  ["CopyFail", written((w) => writeCopyFail(w, "no more")), (part) => new CopyFail().read(part)],
  ["FunctionCall", functionCall, (part) => new FunctionCall().read(part)],
];

describe("every message", () => {
  test.each(MESSAGES)("%s: is read, wherever it stands", (_name, bytes, read) => {
    expect(() => read(partOf(bytes))).not.toThrow();
    expect(() => read(surrounded(bytes))).not.toThrow();
  });

  test.each(MESSAGES)("%s: is refused when it is truncated, at every place", (_name, bytes, read) => {
    for (let end = 1; end < bytes.length; end++) {
      const fault = faultOfCall(() => read(surrounded(bytes.subarray(0, end))));
      expect([fault.code, fault.scope]).toEqual(["CLIENT_PROTOCOL", "exchange"]);
    }
  });

  test.each(MESSAGES)("%s: is refused with a byte too many", (_name, bytes, read) => {
    for (const more of [0, 1, 0x41]) {
      const long = new Uint8Array(bytes.length + 1);
      long.set(bytes);
      long[bytes.length] = more;
      expect(faultOfCall(() => read(surrounded(long))).code).toBe("CLIENT_PROTOCOL");
    }
  });

  test.each(MESSAGES)("%s: with any byte changed is read inside of its range, or refused", (_name, bytes, read) => {
    for (let at = 5; at < bytes.length; at++) {
      for (const value of [0, 1, 0x41, 0x7f, 0x80, 0xff]) {
        const part = surrounded(Uint8Array.from(bytes, (byte, index) => (index === at ? value : byte)));
        try {
          const offsets = Object.entries(read(part) as object).filter(([name]) => /(?:Start|End)$/.test(name));
          for (const [, offset] of offsets) {
            expect(offset === NONE || (offset >= part.start + 5 && offset <= part.end)).toBe(true);
          }
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "CLIENT_PROTOCOL" });
        }
      }
    }
  });
});

describe("counts and lengths that lie", () => {
  const lies: readonly (readonly [string, readonly number[], (part: Part) => unknown])[] = [
    ["Parse: more types than bytes", [0, 0, 0xff, 0xff, 0, 0, 0, 25], (part) => new Parse().read(part)],
    ["Bind: more formats than bytes", [0, 0, 0xff, 0xff, 0, 0, 0, 0], (part) => new Bind().read(part)],
    ["Bind: more values than bytes", [0, 0, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0], (part) => new Bind().read(part)],
    [
      "Bind: a value beyond its frame",
      [0, 0, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0],
      (part) => new Bind().read(part),
    ],
    ["Bind: a value of length -2", [0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0], (part) => new Bind().read(part)],
    ["Bind: more result formats than bytes", [0, 0, 0, 0, 0, 0, 0, 3, 0, 0], (part) => new Bind().read(part)],
    [
      "SaslInitial: words beyond their frame",
      [0x53, 0, 0x7f, 0xff, 0xff, 0xff],
      (part) => new SaslInitial().read(part),
    ],
    ["FunctionCall: more values than bytes", [0, 0, 0, 1, 0, 0, 0, 9, 0, 0], (part) => new FunctionCall().read(part)],
    ["Describe of nothing that exists", [0x58, 0], (part) => new Mention().read(part)],
  ];
  test.each(lies)("%s", (_name, body, read) => {
    expect(faultOfCall(() => read(surrounded(frame(0x50, body)))).code).toBe("CLIENT_PROTOCOL");
  });

  test("a zero byte inside of a text ends it, and the rest is too many", () => {
    expect(faultOfCall(() => new Query().read(partOf(frame(0x51, ascii("select\0 1\0"))))).code).toBe(
      "CLIENT_PROTOCOL",
    );
    expect(faultOfCall(() => new Password().read(partOf(frame(0x70, ascii("a\0b\0"))))).code).toBe("CLIENT_PROTOCOL");
  });

  test("a text without an end does not take the next frame's", () => {
    const long = new Uint8Array(500).fill(0x41);
    for (const length of [1, 31, 32, 33, 400]) {
      const part = { bytes: new Uint8Array(600), start: 0, end: 5 + length };
      part.bytes.set(frame(0x51, long.subarray(0, length)));
      expect(faultOfCall(() => new Query().read(part)).code).toBe("CLIENT_PROTOCOL");
    }
  });
});

describe("fields", () => {
  const textOf = (part: Part, start: number, end: number): string => clientText(part.bytes, start, end);

  test("Parse: name, text, types", () => {
    const part = surrounded(written((writer) => writeParse(writer, "name", "select $1", [25, 23])));
    const parse = new Parse().read(part);
    expect(textOf(part, parse.nameStart, parse.nameEnd)).toBe("name");
    expect(textOf(part, parse.textStart, parse.textEnd)).toBe("select $1");
    expect([parse.typeCount, part.end - parse.typesStart]).toEqual([2, 8]);
  });

  test("Bind: portal, name, counts", () => {
    const part = surrounded(written((writer) => writeBind(writer, "portal", "name", ["1", null])));
    const bind = new Bind().read(part);
    expect(textOf(part, bind.portalStart, bind.portalEnd)).toBe("portal");
    expect(textOf(part, bind.nameStart, bind.nameEnd)).toBe("name");
    expect([bind.formatCount, bind.valueCount, bind.resultFormatCount]).toEqual([0, 2, 0]);
    expect(part.end - bind.valuesStart).toBe(4 + 1 + 4 + 2);
  });

  test("readHead: is content with a BEGIN, and with less than the names it is not", () => {
    const whole = written((writer) => writeParse(writer, "name", "select 1"));
    expect(new Parse().readHead(partOf(whole.subarray(0, 10))).nameEnd).toBe(9);
    expect(() => new Parse().readHead(partOf(whole.subarray(0, 9)))).toThrow(/a text has no end/);
    const bound = written((writer) => writeBind(writer, "p", "name", ["x"]));
    expect(new Bind().readHead(partOf(bound.subarray(0, 12))).nameEnd).toBe(11);
    expect(() => new Bind().readHead(partOf(bound.subarray(0, 11)))).toThrow(/a text has no end/);
  });

  test("Mention, Execute, CopyFail", () => {
    const described = surrounded(written((writer) => writeDescribe(writer, PORTAL, "p")));
    const mention = new Mention().read(described);
    expect([mention.kind, textOf(described, mention.nameStart, mention.nameEnd)]).toEqual([PORTAL, "p"]);
    const executed = surrounded(written((writer) => writeExecute(writer, "p", 7)));
    const execute = new Execute().read(executed);
    expect([textOf(executed, execute.portalStart, execute.portalEnd), execute.rowsMax]).toEqual(["p", 7]);
    const failed = surrounded(written((writer) => writeCopyFail(writer, "why")));
    const fail = new CopyFail().read(failed);
    expect(textOf(failed, fail.reasonStart, fail.reasonEnd)).toBe("why");
  });

  test("SaslInitial and SaslAnswer", () => {
    const first = surrounded(written((writer) => writeSaslInitial(writer, "SCRAM-SHA-256", "n,,n=,r=x")));
    const initial = new SaslInitial().read(first);
    expect(textOf(first, initial.mechanismStart, initial.mechanismEnd)).toBe("SCRAM-SHA-256");
    expect(textOf(first, initial.dataStart, initial.dataEnd)).toBe("n,,n=,r=x");
    const wordless = surrounded(written((writer) => writer.begin(FRONTEND.password).text("X").int32(-1).close()));
    expect(new SaslInitial().read(wordless).dataEnd).toBe(NONE);
    const last = surrounded(written((writer) => writeSaslAnswer(writer, "c=biws")));
    const answer = new SaslAnswer().read(last);
    expect(textOf(last, answer.dataStart, answer.dataEnd)).toBe("c=biws");
  });

  test("FunctionCall", () => {
    const call = new FunctionCall().read(surrounded(functionCall));
    expect([call.functionId, call.formatCount, call.valueCount, call.resultFormat]).toEqual([3_000_000_000, 1, 2, 0]);
  });

  test("clientText: what is not UTF-8 becomes no other text", () => {
    const bytes = Uint8Array.of(0x61, 0xff, 0x62);
    expect(faultOfCall(() => clientText(bytes, 0, 3)).code).toBe("CLIENT_PROTOCOL");
    expect(clientText(bytes, 0, 1)).toBe("a");
    expect(clientText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), 0, 4)).toBe("\ufeffa");
  });
});

describe("writeRenamed", () => {
  const to = ascii("another_name");
  const renamed = (write: (writer: Writer) => void): Uint8Array => written(write);

  test("gives Parse, Bind, Describe and Close another name, and leaves the rest", () => {
    const parse = surrounded(written((writer) => writeParse(writer, "s1", "select $1", [25])));
    expect(renamed((writer) => writeRenamed(writer, parse, new Parse().read(parse), to))).toEqual(
      written((writer) => writeParse(writer, "another_name", "select $1", [25])),
    );
    const bind = surrounded(written((writer) => writeBind(writer, "p", "", ["x", null])));
    expect(renamed((writer) => writeRenamed(writer, bind, new Bind().read(bind), to))).toEqual(
      written((writer) => writeBind(writer, "p", "another_name", ["x", null])),
    );
    const close = surrounded(written((writer) => writeClose(writer, STATEMENT, "a very long name of a statement")));
    expect(renamed((writer) => writeRenamed(writer, close, new Mention().read(close), to))).toEqual(
      written((writer) => writeClose(writer, STATEMENT, "another_name")),
    );
  });

  test("of a BEGIN the other parts follow as they are", () => {
    const whole = written((writer) => writeParse(writer, "s1", "x".repeat(300)));
    const begin = partOf(whole.subarray(0, 40));
    const head = renamed((writer) => writeRenamed(writer, begin, new Parse().readHead(begin), to));
    expect(joined([head, whole.subarray(40)])).toEqual(
      written((writer) => writeParse(writer, "another_name", "x".repeat(300))),
    );
  });

  test("refuses a name that would end early", () => {
    const bind = partOf(written((writer) => writeBind(writer, "", "s")));
    const named = new Bind().read(bind);
    expect(() => renamed((writer) => writeRenamed(writer, bind, named, Uint8Array.of(0x61, 0, 0x62)))).toThrow(Bug);
  });
});

test("writers: every message is framed as what it is", () => {
  const watched = new Watched("frontend", "steady");
  watched.feed(
    written((writer) => {
      writeQuery(writer, "select 1");
      writeFlush(writer);
      writeSync(writer);
      writeCopyData(writer, partOf(ascii("1\n")));
      writeCopyDone(writer);
      writeTerminate(writer);
    }),
  );
  const { query, flush, sync, copyData, copyDone, terminate } = FRONTEND;
  expect(watched.frames.map(({ tag }) => tag)).toEqual([query, flush, sync, copyData, copyDone, terminate]);
});

test("Parse and Bind: read what was written, whatever it is", () => {
  const text = fc.string({ unit: "binary", maxLength: 80 }).filter((one) => !one.includes("\0") && one.isWellFormed());
  const value = fc.option(text);
  fc.assert(
    fc.property(text, text, fc.array(value, { maxLength: 5 }), (name, query, values) => {
      const parsed = surrounded(written((writer) => writeParse(writer, name, query, [25])));
      const parse = new Parse().read(parsed);
      expect(clientText(parsed.bytes, parse.nameStart, parse.nameEnd)).toBe(name);
      expect(clientText(parsed.bytes, parse.textStart, parse.textEnd)).toBe(query);
      const bound = surrounded(written((writer) => writeBind(writer, query, name, values)));
      const bind = new Bind().read(bound);
      expect(clientText(bound.bytes, bind.portalStart, bind.portalEnd)).toBe(query);
      expect(clientText(bound.bytes, bind.nameStart, bind.nameEnd)).toBe(name);
      expect(bind.valueCount).toBe(values.length);
    }),
  );
});
