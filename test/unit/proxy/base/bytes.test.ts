/** Tests of proxy/base/bytes.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../../../proxy/base/assert.ts";
import {
  copyRun,
  equal,
  equalsAscii,
  equalsAsciiFold,
  equalSecret,
  findByte,
  lowerAscii,
  NONE,
  parseDecimal,
  parseHex,
  readInt16,
  readInt32,
  readUint16,
  readUint32,
  startsWith,
  writeInt16,
  writeInt32,
  writeUint16,
  writeUint32,
} from "../../../../proxy/base/bytes.ts";

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe("integers", () => {
  const both = [
    ["Uint16", 2, readUint16, writeUint16, [0, 1, 0x1234, 0x8000, 0xffff], [-1, 0x10000, 1.5, Number.NaN]],
    ["Int16", 2, readInt16, writeInt16, [0, -1, -0x8000, 0x7fff], [0x8000, -0x8001, 0.5, Number.NaN]],
    ["Uint32", 4, readUint32, writeUint32, [0, 0x12345678, 0x80000000, 0xffffffff], [-1, 2 ** 32, 0.5, Number.NaN]],
    ["Int32", 4, readInt32, writeInt32, [0, -1, -(2 ** 31), 2 ** 31 - 1], [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]],
  ] as const;

  test.each(both)("read%s: reads what write wrote, at any offset", (_name, size, read, write, good) => {
    for (const value of good) {
      for (const at of [0, 1, 3]) {
        const bytes = new Uint8Array(at + size + 2).fill(0xaa);
        expect(write(bytes, at, value)).toBe(at + size);
        expect(read(bytes, at, at + size)).toBe(value);
        expect(bytes.filter((byte, index) => (index < at || index >= at + size) && byte !== 0xaa).length).toBe(0);
      }
    }
  });

  test.each(both)("write%s: is a Bug for a number that does not fit", (_name, size, _read, write, _good, bad) => {
    for (const value of bad) expect(() => write(new Uint8Array(size), 0, value)).toThrow(Bug);
  });

  test.each(both)("read%s and its writer: are a Bug outside of the range", (_name, size, read, write) => {
    const bytes = new Uint8Array(8);
    const ranges = [
      [-1, 8],
      [8 - size + 1, 8],
      [0, size - 1],
      [0, 9],
      [Number.NaN, 8],
      [0, Number.NaN],
    ] as const;
    for (const [at, end] of ranges) expect(() => read(bytes, at, end)).toThrow(Bug);
    for (const at of [-1, 8 - size + 1, Number.NaN]) expect(() => write(bytes, at, 0)).toThrow(Bug);
  });

  test("readInt32: puts the most significant byte first", () => {
    expect(readInt32(Uint8Array.of(0xff, 0x00, 0x01, 0x02), 0, 4)).toBe(-16776958);
    expect(readUint32(Uint8Array.of(0xff, 0x00, 0x01, 0x02), 0, 4)).toBe(0xff000102);
    expect(readUint16(Uint8Array.of(9, 0x12, 0x34), 1, 3)).toBe(0x1234);
  });

  test("agree with DataView on any number", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (value) => {
        const bytes = new Uint8Array(4);
        writeInt32(bytes, 0, value);
        expect(new DataView(bytes.buffer).getInt32(0)).toBe(value);
        expect(readUint32(bytes, 0, 4)).toBe(new DataView(bytes.buffer).getUint32(0));
        expect(readInt16(bytes, 2, 4)).toBe(new DataView(bytes.buffer).getInt16(2));
      }),
    );
  });
});

describe("findByte", () => {
  test.each([
    ["in the middle", "abcabc", "c", 0, 6, 2],
    ["behind the start", "abcabc", "a", 1, 6, 3],
    ["never at the end", "abcabc", "c", 3, 5, NONE],
    ["never in an empty range", "abc", "a", 1, 1, NONE],
    ["at the last place", "abc", "c", 2, 3, 2],
  ])("finds %s", (_name, text, byte, start, end, at) => {
    expect(findByte(ascii(text), byte.charCodeAt(0), start, end)).toBe(at);
  });

  test("is a Bug outside of the array", () => {
    for (const [start, end] of [
      [-1, 2],
      [2, 1],
      [0, 4],
    ] as const) {
      expect(() => findByte(ascii("abc"), 97, start, end)).toThrow(Bug);
    }
  });

  test("agrees with a search over the range alone", () => {
    const range = fc.tuple(fc.uint8Array({ max: 3, maxLength: 40 }), fc.nat(40), fc.nat(40), fc.nat(3));
    fc.assert(
      fc.property(range, ([bytes, one, other, byte]) => {
        const start = Math.min(one, other, bytes.length);
        const end = Math.min(Math.max(one, other), bytes.length);
        const wanted = bytes.slice(start, end).indexOf(byte);
        expect(findByte(bytes, byte, start, end)).toBe(wanted === -1 ? NONE : wanted + start);
      }),
    );
  });
});

describe("comparing", () => {
  test.each([
    ["", "", true],
    ["abc", "abc", true],
    ["abc", "abd", false],
    ["abc", "ab", false],
    ["ab", "abc", false],
  ])("equal and equalSecret: %p and %p are %p", (one, other, same) => {
    expect(equal(ascii(one), ascii(other))).toBe(same);
    expect(equalSecret(ascii(one), ascii(other))).toBe(same);
  });

  test.each([
    ["PROXY", 0, true],
    ["ROXY", 1, true],
    ["PROXY TCP4", 0, false],
    ["X", 4, false],
    ["", 5, true],
    ["", 6, false],
    ["P", -1, false],
  ])("startsWith: %p at %p is %p", (wanted, at, answer) => {
    expect(startsWith(ascii("PROXY"), at, ascii(wanted))).toBe(answer);
  });

  test.each([
    ["host", "host", true, true],
    ["HoSt", "host", false, true],
    ["hos", "host", false, false],
    ["hostt", "host", false, false],
    ["", "", true, true],
    ["@[`{", "@[`{", true, true],
    ["[", "{", false, false],
    ["@", "`", false, false],
  ])("equalsAscii, equalsAsciiFold: %p against %p", (have, want, exact, folded) => {
    const bytes = ascii(`<${have}>`);
    expect(equalsAscii(bytes, 1, bytes.length - 1, want)).toBe(exact);
    expect(equalsAsciiFold(bytes, 1, bytes.length - 1, want)).toBe(folded);
  });

  test("equalsAscii, equalsAsciiFold: do not look beyond the end, even where the text would go on", () => {
    const bytes = ascii("host");
    expect([equalsAscii(bytes, 0, 3, "host"), equalsAsciiFold(bytes, 0, 3, "host")]).toEqual([false, false]);
    expect([equalsAscii(bytes, 0, 4, "hos"), equalsAsciiFold(bytes, 0, 4, "hos")]).toEqual([false, false]);
  });

  test("equalsAscii, equalsAsciiFold: are a Bug outside of the array", () => {
    expect(() => equalsAscii(ascii("a"), 0, 2, "aa")).toThrow(Bug);
    expect(() => equalsAsciiFold(ascii("a"), 1, 0, "")).toThrow(Bug);
  });

  test("lowerAscii: changes the 26 capitals and nothing else", () => {
    for (let byte = 0; byte < 256; byte++) {
      const capital = byte >= 65 && byte <= 90;
      expect(lowerAscii(byte)).toBe(capital ? byte + 32 : byte);
    }
  });
});

describe("parseDecimal", () => {
  test.each([
    ["0", 0],
    ["42", 42],
    ["007", 7],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["9007199254740992", NONE],
    ["99999999999999999999999999", NONE],
    ["", NONE],
    ["-1", NONE],
    ["+1", NONE],
    [" 1", NONE],
    ["1 ", NONE],
    ["1_0", NONE],
    ["1e3", NONE],
    ["0x10", NONE],
    ["/", NONE],
    [":", NONE],
    ["١", NONE],
  ])("%p is %p", (text, value) => {
    const bytes = ascii(`9${text}9`);
    expect(parseDecimal(bytes, 1, bytes.length - 1)).toBe(value);
  });

  test("refuses what is above max, and takes max itself", () => {
    expect([parseDecimal(ascii("255"), 0, 3, 255), parseDecimal(ascii("256"), 0, 3, 255)]).toEqual([255, NONE]);
  });

  test("is a Bug outside of the array", () => {
    expect(() => parseDecimal(ascii("1"), 0, 2)).toThrow(Bug);
  });

  test("reads back any number", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const text = ascii(String(value));
        expect(parseDecimal(text, 0, text.length)).toBe(value);
      }),
    );
  });
});

describe("parseHex", () => {
  test.each([
    ["0", 0],
    ["1aF", 0x1af],
    ["fffff", 0xfffff],
    ["1fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["20000000000000", NONE],
    ["ffffffffffffffffffffffff", NONE],
    ["", NONE],
    ["0x1", NONE],
    ["g", NONE],
    ["@", NONE],
    ["`", NONE],
    ["G", NONE],
    ["-1", NONE],
    ["1 ", NONE],
  ])("%p is %p", (text, value) => {
    const bytes = ascii(`f${text}f`);
    expect(parseHex(bytes, 1, bytes.length - 1)).toBe(value);
  });

  test("refuses what is above max, and is a Bug outside of the array", () => {
    expect([parseHex(ascii("ff"), 0, 2, 255), parseHex(ascii("100"), 0, 3, 255)]).toEqual([255, NONE]);
    expect(() => parseHex(ascii("f"), 0, 2)).toThrow(Bug);
  });

  test("accepts exactly the sixteen digits in both cases", () => {
    for (let byte = 0; byte < 256; byte++) {
      const digit = "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase());
      expect(parseHex(Uint8Array.of(byte), 0, 1)).toBe(digit);
    }
  });
});

describe("copyRun", () => {
  test.each([0, 1, 7, 47, 48, 49, 500])("copies %d bytes, and nothing around them", (count) => {
    const bytes = Uint8Array.from({ length: count + 9 }, (_, index) => (index % 250) + 1);
    const into = new Uint8Array(count + 5);
    copyRun({ bytes, start: 4, end: 4 + count }, into, 3);
    expect([...into]).toEqual([0, 0, 0, ...bytes.slice(4, 4 + count), 0, 0]);
  });

  test.each([
    [-1, 4, 0],
    [5, 4, 0],
    [0, 101, 0],
    [0, 60, 41],
    [0, 1, 100],
    [0, 1, -1],
  ])("a range %d to %d for place %d is a Bug", (start, end, at) => {
    expect(() => copyRun({ bytes: new Uint8Array(100), start, end }, new Uint8Array(100), at)).toThrow(Bug);
  });
});
