/** Tests of proxy/pg/reader.ts: what the messages' own tests do not reach. */
import { expect, test } from "bun:test";
import { NONE } from "../../../../proxy/base/bytes.ts";
import { Reader } from "../../../../proxy/pg/reader.ts";
import { ascii, faultOfCall } from "./part.ts";

function readerOf(bytes: Uint8Array): Reader {
  return new Reader("frontend").openAt(bytes, 0, bytes.length);
}

test("Reader: reads one field after the other, and nothing is left", () => {
  const reader = readerOf(
    Uint8Array.of(7, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xfe, 0x61, 0, 0, 0, 0, 1, 9, 0xff, 0xff, 0xff, 0xff),
  );
  expect([reader.byte(), reader.uint16(), reader.int32()]).toEqual([7, 0xfffe, -2]);
  const start = reader.at;
  expect(reader.string(start, reader.text())).toBe("a");
  expect([reader.value(), reader.value(), reader.left]).toEqual([1, NONE, 0]);
  expect(() => reader.close()).not.toThrow();
});

test("text: finds the end at any distance, and never behind the range", () => {
  for (let length = 0; length < 80; length++) {
    const bytes = new Uint8Array(200).fill(0x41);
    bytes[length] = 0;
    expect(new Reader("backend").openAt(bytes, 0, 100).text()).toBe(length);
    expect(faultOfCall(() => new Reader("backend").openAt(bytes, 0, length).text()).code).toBe("SERVER_PROTOCOL");
  }
});

test("every field: is refused where the bytes end before it", () => {
  const reads: readonly ((reader: Reader) => unknown)[] = [
    (reader) => reader.byte(),
    (reader) => reader.uint16(),
    (reader) => reader.int32(),
    (reader) => reader.text(),
    (reader) => reader.value(),
    (reader) => reader.skip(1),
  ];
  for (const read of reads) {
    const reader = readerOf(new Uint8Array(0));
    const fault = faultOfCall(() => read(reader));
    expect([fault.code, fault.scope, reader.at]).toEqual(["CLIENT_PROTOCOL", "exchange", 0]);
  }
});

test("openAt: a frame shorter than its header is refused, also where other bytes follow", () => {
  const bytes = ascii("abcdefgh");
  expect(faultOfCall(() => new Reader("frontend").open({ bytes, start: 0, end: 4 })).code).toBe("CLIENT_PROTOCOL");
  expect(faultOfCall(() => new Reader("frontend").openAt(bytes, 0, 9)).code).toBe("CLIENT_PROTOCOL");
});
