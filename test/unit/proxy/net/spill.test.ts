import { expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { Spill } from "../../../../proxy/net/spill.ts";
import type { Wire } from "../../../../proxy/net/wire.ts";

/** Takes what it is allowed to, and keeps it. */
class Taker {
  text = "";
  ended = false;
  offers = 0;
  room: number;

  constructor(room: number) {
    this.room = room;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    this.offers += 1;
    if (this.room < 0) return -1;
    const taken = Math.min(this.room, end - start);
    this.room -= taken;
    this.text += new TextDecoder().decode(bytes.subarray(start, start + taken));
    return taken;
  }

  end(): void {
    this.ended = true;
  }
}

function make(room: number, bytesMax = 16, budget = new Budget(65_536)) {
  const taker = new Taker(room);
  const wire = taker as unknown as Wire;
  const spill = new Spill(bytesMax, budget);
  const write = (text: string, start = 0, end = text.length) =>
    spill.write(wire, new TextEncoder().encode(text), start, end);
  return { taker, wire, spill, write, budget };
}

test("Spill: hands on what the wire takes, by one write, and holds no memory", () => {
  const { taker, spill, write, budget } = make(100);
  expect([write("hello"), write("-world-", 1, 6), write("")]).toEqual(["sent", "sent", "sent"]);
  expect([taker.text, taker.offers, spill.length, budget.lentBytes]).toEqual(["helloworld", 2, 0, 0]);
});

test("Spill: keeps the rest in order, and writes nothing around it", () => {
  const { taker, wire, spill, write, budget } = make(3);
  expect([write("hello"), write(" you"), write("")]).toEqual(["waiting", "waiting", "waiting"]);
  expect([taker.text, spill.length, taker.offers]).toEqual(["hel", 6, 1]);
  taker.room = 4;
  expect([spill.drain(wire), taker.text]).toEqual(["waiting", "hello y"]);
  expect(write("!")).toBe("waiting");
  taker.room = 100;
  expect([spill.drain(wire), taker.text, spill.length, budget.lentBytes]).toEqual(["sent", "hello you!", 0, 0]);
});

test("Spill: says that it is full by its own limit or by the budget of all", () => {
  const small = make(0, 4);
  expect([small.write("1234"), small.write("5")]).toEqual(["waiting", "full"]);
  const budget = new Budget(4_096);
  const one = make(0, 16, budget);
  const other = make(0, 16, budget);
  expect([one.write("1234"), other.write("1")]).toEqual(["waiting", "full"]);
  one.spill.clear();
  expect([one.spill.length, budget.lentBytes, other.write("1")]).toEqual([0, 0, "waiting"]);
});

test("Spill: says that the wire is gone, at once or when it drains", () => {
  const { wire, taker, spill, write } = make(-1);
  expect([write("x"), spill.length]).toEqual(["gone", 0]);
  taker.room = 0;
  write("y");
  taker.room = -1;
  expect(spill.drain(wire)).toBe("gone");
});

test("Spill: ends the wire behind the last byte, once", () => {
  const { wire, taker, spill, write } = make(1);
  write("ab");
  spill.end(wire);
  expect(taker.ended).toBe(false);
  taker.room = 9;
  spill.drain(wire);
  expect([taker.text, taker.ended]).toEqual(["ab", true]);
  taker.ended = false;
  spill.drain(wire);
  expect(taker.ended).toBe(false);
  spill.end(wire);
  expect(taker.ended).toBe(true);
});

test("Spill: writes what stands around the end of its block in two, in order", () => {
  const { wire, taker, spill, write } = make(0, 8_192);
  const text = Array.from({ length: 4_000 }, (_, at) => String(at % 10)).join("");
  write(text);
  taker.room = 3_900;
  spill.drain(wire);
  write(text.slice(0, 3_000));
  taker.room = 10_000;
  expect([spill.drain(wire), taker.text === text + text.slice(0, 3_000)]).toEqual(["sent", true]);
});
