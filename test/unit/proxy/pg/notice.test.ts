/** Tests of proxy/pg/notice.ts. */
import { describe, expect, test } from "bun:test";
import { Notice, writeNotice } from "../../../../proxy/pg/notice.ts";
import { BACKEND } from "../../../../proxy/pg/tag.ts";
import { ascii, faultOfCall, frame, surrounded, written } from "./part.ts";

const ALL = written((writer) =>
  writeNotice(writer, BACKEND.error, {
    severity: "FATAL",
    code: "57P01",
    message: "terminating connection",
    detail: "why",
    hint: "what now",
  }),
);

describe("Notice", () => {
  test("reads fields as they are asked for", () => {
    const notice = new Notice().read(surrounded(ALL));
    expect([notice.text("code"), notice.text("message")]).toEqual(["57P01", "terminating connection"]);
    expect([notice.isCode("57P01"), notice.isCode("57P03"), notice.isFatal]).toEqual([true, false, true]);
    expect([notice.has("hint"), notice.has("table"), notice.text("table")]).toEqual([true, false, ""]);
    expect(notice.toObject()).toEqual({
      severity: "FATAL",
      severityPlain: "FATAL",
      code: "57P01",
      message: "terminating connection",
      detail: "why",
      hint: "what now",
    });
  });

  test("forgets the last one's fields, and passes over those that it does not know", () => {
    const notice = new Notice().read(surrounded(ALL));
    notice.read(surrounded(frame(BACKEND.notice, ascii("SNOTICE\0?what\0M\0\0"))));
    expect(notice.toObject()).toEqual({ severity: "NOTICE", message: "" });
    expect([notice.isFatal, notice.isCode("57P01")]).toEqual([false, false]);
  });

  test("without any field, or with a field of another alphabet, it is an error all the same", () => {
    const notice = new Notice().read(surrounded(frame(BACKEND.error, [0])));
    expect([notice.toObject(), notice.isCode("57P01"), notice.isFatal]).toEqual([{}, false, false]);
    notice.read(surrounded(frame(BACKEND.error, [0x4d, 0xe9, 0, 0xff, 0x41, 0, 0])));
    expect(notice.toObject()).toEqual({ message: "\ufffd" });
  });

  test("isFatal: looks at what is never translated, and of an old server at what is", () => {
    const of = (text: string): boolean => new Notice().read(surrounded(frame(BACKEND.error, ascii(text)))).isFatal;
    expect([of("SFATAL\0VERROR\0\0"), of("SFEHLER\0VPANIC\0\0"), of("SFATAL\0\0")]).toEqual([false, true, true]);
  });

  test("of a field that comes twice the first stands", () => {
    const twice = surrounded(frame(BACKEND.error, ascii("C42601\0C57P01\0\0")));
    expect(new Notice().read(twice).text("code")).toBe("42601");
  });

  test("readHead: what is whole of a BEGIN, at every cut", () => {
    const whole = new Notice().read(surrounded(ALL)).toObject();
    let known = 0;
    for (let end = 5; end <= ALL.length; end++) {
      const fields = new Notice().readHead(surrounded(ALL.subarray(0, end))).toObject();
      expect(whole).toMatchObject(fields);
      expect(Object.keys(fields).length).toBeGreaterThanOrEqual(known);
      known = Object.keys(fields).length;
    }
    expect(known).toBe(6);
  });

  test("read: a list without end, or with something behind it, is refused", () => {
    for (const text of ["SERROR", "SERROR\0", "SERROR\0\0x", ""]) {
      const part = surrounded(frame(BACKEND.error, ascii(text)));
      expect(faultOfCall(() => new Notice().read(part)).code).toBe("SERVER_PROTOCOL");
    }
  });
});
