import { describe, expect, test } from "bun:test";
import { pathOf, requestNote } from "../../../../src/app/request-note.ts";

function note(bytes = 176) {
  let length = 0;
  const memory = new Uint8Array(bytes);
  const write = requestNote({ bytes: memory, setLength: (next) => void (length = next) });
  return { write, text: () => new TextDecoder().decode(memory.subarray(0, length)) };
}

describe("requestNote", () => {
  test("keeps the last method and path", () => {
    const { write, text } = note();
    write("POST", "http://shop.example/cart/items?token=secret");
    write("GET", "/links");
    expect(text()).toBe("GET /links");
  });

  test("cuts what does not fit, between characters", () => {
    const { write, text } = note(8);
    write("GET", "/aüüüü");
    expect(text()).toBe("GET /aü");
  });
});

describe("pathOf", () => {
  test.each([
    ["/a?b=c", "/a"],
    ["/a", "/a"],
    ["http://x/a/b?c", "/a/b"],
    ["https://x.example:8443/", "/"],
    ["*", "*"],
    ["/a?b?c", "/a"],
  ])("%s: %s", (url, path) => {
    expect(pathOf(url)).toBe(path);
  });
});
