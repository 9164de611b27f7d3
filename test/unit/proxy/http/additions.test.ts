/** Tests of proxy/http/additions.ts. */
import { describe, expect, test } from "bun:test";
import { Additions, LineStart } from "../../../../proxy/http/additions.ts";
import { FIELD } from "../../../../proxy/http/fields.ts";
import { bytesOf } from "../../../kit/http-wire.ts";

const X = new LineStart("X-Y");

function fresh(): Additions {
  const additions = new Additions();
  additions.clear();
  return additions;
}

describe("Additions", () => {
  test("are lines, and can be read back as fields", () => {
    const additions = fresh();
    additions.line(new LineStart("Via"), "1.1 a");
    additions.begin(X);
    additions.run(bytesOf("<one>"), 1, 4);
    additions.ascii(", two");
    additions.end();
    expect(additions.text(0, additions.length)).toBe("Via: 1.1 a\r\nX-Y: one, two\r\n");
    expect([additions.count, additions.find(FIELD.via), additions.findName("x-y")]).toEqual([2, 0, 1]);
    expect([additions.name(1), additions.value(1), additions.value(0)]).toEqual(["x-y", "one, two", "1.1 a"]);
    additions.clear();
    expect([additions.count, additions.length, additions.find(FIELD.via)]).toEqual([0, 0, -1]);
  });

  test("grow with what is added", () => {
    const additions = fresh();
    for (let index = 0; index < 100; index++) additions.line(X, "z".repeat(index));
    expect([additions.count, additions.value(99), additions.value(3)]).toEqual([100, "z".repeat(99), "zzz"]);
  });

  test.each(["a\r\nb: c", "a\nb", "a\0", "\x7f", "\u{100}", "\u{1f600}"])(
    "a value that breaks out is a Bug: %j",
    (value) => {
      expect(() => fresh().line(X, value)).toThrow("may not stand there");
    },
  );

  test("a value of bytes that breaks out is a Bug", () => {
    const additions = fresh();
    additions.begin(X);
    expect(() => additions.run(bytesOf("a\r\nb"), 0, 4)).toThrow("may not stand there");
  });

  test.each(["", "X Y", "X:", "X\r\n", "\u{131}"])("a name that is no token is a Bug: %j", (name) => {
    expect(() => new LineStart(name)).toThrow("not a token");
  });
});
