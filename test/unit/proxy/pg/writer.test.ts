/** Tests of proxy/pg/writer.ts. */
import { describe, expect, test } from "bun:test";
import { Bug } from "../../../../proxy/base/assert.ts";
import { Writer } from "../../../../proxy/pg/writer.ts";
import { ascii, faultCode, written } from "./part.ts";

describe("Writer", () => {
  test("fills in the length of each message when it ends", () => {
    const bytes = written((writer) => {
      writer.begin(0x51).text("a").close().bare(0x53);
      writer.beginUntagged().int32(-2).close();
    });
    expect([...bytes]).toEqual([0x51, 0, 0, 0, 6, 0x61, 0, 0x53, 0, 0, 0, 4, 0, 0, 0, 8, 255, 255, 255, 254]);
  });

  test("writes every kind of field", () => {
    const bytes = written((writer) =>
      writer.begin(1).byte(255).uint16(0xfffe).uint32(0xfffffffe).value("é").value(null).close(),
    );
    expect([...bytes.subarray(5)]).toEqual([
      255, 255, 254, 255, 255, 255, 254, 0, 0, 0, 2, 0xc3, 0xa9, 255, 255, 255, 255,
    ]);
  });

  test("texts of any length and alphabet come out as UTF-8", () => {
    for (const unit of ["a", "é", "€", "😀", "a😀"]) {
      for (const count of [0, 1, 15, 31, 32, 33, 500, 5000]) {
        const text = unit.repeat(count);
        const bytes = written((writer) => writer.begin(1).text(text).characters(text).close());
        expect(bytes.subarray(5)).toEqual(ascii(`${text}\0${text}`));
      }
    }
  });

  test("raw: copies any number of bytes from anywhere", () => {
    const from = Uint8Array.from({ length: 300 }, (_, index) => index);
    for (const [start, end] of [
      [0, 0],
      [3, 10],
      [10, 74],
      [10, 290],
    ] as const) {
      expect(written((writer) => writer.begin(1).raw(from, start, end).close()).subarray(5)).toEqual(
        from.slice(start, end),
      );
    }
    expect(() => written((writer) => writer.begin(1).raw(from, 10, 301))).toThrow(Bug);
  });

  test("a text with a zero byte is a Bug, in every way of writing it", () => {
    for (const text of ["a\0b", "\0", `${"x".repeat(40)}\0`, "é\0"]) {
      expect(() => written((writer) => writer.begin(1).text(text))).toThrow(Bug);
      expect(() => written((writer) => writer.begin(1).value(text))).toThrow(Bug);
      expect(() => written((writer) => writer.begin(1).textBytes(ascii(text), 0, ascii(text).length))).toThrow(Bug);
    }
    expect(() => written((writer) => writer.begin(1).textBytes(ascii("ab\0"), 0, 2).close())).not.toThrow();
  });

  test("what does not fit is a Fault, and the messages before stay whole", () => {
    const writer = new Writer(1000);
    writer.begin(0x51).text("first").close();
    const before = writer.end;
    expect(faultCode(() => writer.begin(0x51).raw(new Uint8Array(1000), 0, 1000))).toBe("OVERLOADED");
    expect(writer.end).toBe(before);
    writer.bare(0x53);
    expect([...writer.bytes.subarray(before, writer.end)]).toEqual([0x53, 0, 0, 0, 4]);
  });

  test("beginPart: states a length that it does not write", () => {
    const bytes = written((writer) => writer.beginPart(0x50, 1000).text("s").close());
    expect([...bytes]).toEqual([0x50, 0, 0, 3, 232, 0x73, 0]);
  });

  test("clear: keeps little memory, and begins anew", () => {
    const writer = new Writer(0x1000000);
    writer.begin(1).raw(new Uint8Array(0x100000), 0, 0x100000);
    writer.clear();
    expect([writer.length, writer.bytes.length]).toEqual([0, 512]);
    expect(() => writer.bare(2)).not.toThrow();
  });

  test("a message in a message, or an end without one, is a Bug", () => {
    expect(() => new Writer(100).begin(1).begin(2)).toThrow(Bug);
    expect(() => new Writer(100).close()).toThrow(Bug);
    expect(() => new Writer(0)).toThrow(Bug);
  });
});
