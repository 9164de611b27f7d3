import { expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { HttpHead } from "../../../../proxy/http/head.ts";
import { HTTP_LIMITS } from "../../../../proxy/http/limits.ts";
import { RequestParser } from "../../../../proxy/http/request-parser.ts";
import { HELD_BYTES_MAX, Tape } from "../../../../proxy/lb/tape.ts";
import { bytesOf } from "../../../kit/http-wire.ts";

function parsed(text: string): { readonly head: HttpHead; readonly bytes: Uint8Array } {
  const bytes = bytesOf(text);
  const parser = new RequestParser(new HttpHead(), HTTP_LIMITS);
  parser.parse(bytes, 0, bytes.length);
  return { head: parser.head, bytes };
}

function played(tape: Tape): string {
  let text = "";
  tape.play((bytes, start, end) => {
    text += String.fromCharCode(...bytes.subarray(start, end));
    return end - start;
  });
  return text;
}

test("Tape: keeps a head and a body when the bytes they came in are gone, and says them as often as asked", () => {
  const tape = new Tape(new Budget(1e6));
  const { head, bytes } = parsed("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  expect(tape.begin(head)).toBe(true);
  for (const part of ["bo", "dy"]) tape.data(bytesOf(`?${part}?`), 1, 3);
  bytes.fill(0);
  expect([head.pathText, head.hostText, played(tape), played(tape), tape.bodyBytes, tape.whole]).toEqual([
    ...["/x", "a", "body", "body", 4, true],
  ]);
});

test("Tape: is not whole any more when the body is dropped or too long, and clear gives all memory back", () => {
  const budget = new Budget(1e7);
  const tape = new Tape(budget);
  const { head } = parsed("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  tape.begin(head);
  expect(tape.data(new Uint8Array(HELD_BYTES_MAX + 1), 0, HELD_BYTES_MAX + 1)).toBe(false);
  expect(tape.whole).toBe(false);
  tape.clear();
  expect([budget.lentBytes, head.bytes.length]).toEqual([0, 0]);
  tape.begin(parsed("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head);
  tape.data(new Uint8Array(10), 0, 10);
  tape.dropBody();
  expect([tape.whole, tape.bodyBytes]).toEqual([false, 0]);
  tape.clear();
  expect(budget.lentBytes).toBe(0);
});

test("Tape: says so when there is no memory", () => {
  expect(new Tape(new Budget(1)).begin(parsed("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head)).toBe(false);
});
