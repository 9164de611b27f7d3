import { describe, expect, test } from "bun:test";
import { writeDataRow } from "../../../../proxy/pg/backend-writer.ts";
import { Writer } from "../../../../proxy/pg/writer.ts";
import { Answer, ANSWER_BYTES_MAX, Pins } from "../../../../proxy/pgconn/pins.ts";
import { ClientSettings, LinkSettings } from "../../../../proxy/pgconn/settings.ts";
import { Classifier } from "../../../../proxy/sql/classify.ts";

function tracesOf(sql: string) {
  const bytes = new TextEncoder().encode(sql);
  return new Classifier().classify(bytes, 0, bytes.length, true);
}

function answerOf(...rows: readonly (readonly (string | null)[])[]): Answer {
  const [answer, writer] = [new Answer(), new Writer(100_000)];
  for (const row of rows) {
    writer.clear();
    writeDataRow(writer, row);
    for (let at = 0; at < writer.end; at++) answer.add(writer.bytes, at, at + 1, writer.end - at - 1);
  }
  return answer;
}

const hex = (text: string): string => new TextEncoder().encode(text).toHex();

describe("Pins", () => {
  const [link, client] = [new LinkSettings(), new ClientSettings(new Map([["work_mem", "4MB"]]))];

  test("asks for what may be held, and is pinned by what is", () => {
    const pins = new Pins();
    pins.leave(tracesOf("listen a"));
    expect([pins.open, pins.pinned]).toEqual([true, false]);
    expect(pins.ask("shop", link, client)).toContain("pg_listening_channels");
    expect([pins.open, pins.isAsking]).toEqual([false, true]);
    pins.answered(answerOf(["1", "0", "0", "0", "0", "0"]), true, link, client);
    expect(pins.reasons).toEqual(["listen"]);
    pins.leave(tracesOf("unlisten *"));
    pins.ask("shop", link, client);
    pins.answered(answerOf(["0", "0", "0", "0", "0", "0"]), true, link, client);
    expect(pins.pinned).toBe(false);
  });

  test("learns what settings are, and that they are what they were", () => {
    const pins = new Pins();
    pins.leave(tracesOf("set shop.tenant = 'x'; reset work_mem"));
    const text = pins.ask("shop", link, client);
    expect(text).toContain("(VALUES('shop.tenant'),('work_mem'))");
    const rows = [
      ["shop.tenant", hex("ä'\\"), null],
      ["work_mem", hex("1MB"), "default"],
    ];
    pins.answered(answerOf(...rows), true, link, client);
    expect(client.values.get("shop.tenant")).toBe("ä'\\");
    expect(link.values.get("shop.tenant")).toBe("ä'\\");
    expect(client.values.get("work_mem")).toBe("4MB");
    expect(link.values.has("work_mem")).toBe(false);
  });

  test("an answer that is none pins for good", () => {
    for (const [answer, good] of [
      [answerOf(), true],
      [answerOf(["0", "0", "0", "0", "0", "0"], ["x", null, null]), true],
      [answerOf(["0", "0", "0", "0", "0", "0"]), false],
    ] as const) {
      const pins = new Pins();
      pins.leave(tracesOf("listen a"));
      pins.ask("shop", link, client);
      pins.answered(answer, good, link, client);
      expect([pins.pinned, pins.forGood]).toEqual([true, true]);
    }
  });

  test("what cannot be asked for pins at once", () => {
    const pins = new Pins();
    pins.leave(tracesOf("select set_config($1, $2, false)"));
    expect([pins.reasons, pins.forGood]).toEqual([["setting"], false]);
    pins.discarded();
    expect(pins.pinned).toBe(false);
    pins.leave(tracesOf("load 'x'"));
    pins.discarded();
    expect([pins.reasons, pins.forGood]).toEqual([["load"], true]);
  });
});

test("Answer: rows that lie, or are too long, are no answer", () => {
  const lying = new Answer();
  lying.add(Uint8Array.of(0x44, 0, 0, 0, 14, 0, 1, 0, 0, 0, 99, 1, 2, 3, 4), 0, 15, 0);
  expect(lying.whole).toBe(false);
  const long = new Answer();
  long.add(new Uint8Array(ANSWER_BYTES_MAX + 1), 0, ANSWER_BYTES_MAX + 1, 5);
  expect(long.whole).toBe(false);
  const half = new Answer();
  half.add(new Uint8Array(10), 0, 10, 5);
  expect(half.whole).toBe(false);
});
