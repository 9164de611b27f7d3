/** The strict policy for responses as tables. Every row also comes byte by byte and cut at every place. */
import { describe, expect, test } from "bun:test";
import { HttpRelay } from "../../../kit/http-relay.ts";
import { GOOD_RESPONSES, HOSTILE_RESPONSES, RESPONSE_LIMITS } from "./response-rows.ts";

function waysToCut(length: number): number[][] {
  const places = Array.from({ length: length - 1 }, (_, index) => index + 1);
  return [[], ...places.map((place) => [place]), places];
}

describe("a hostile response", () => {
  test.each(HOSTILE_RESPONSES)("%s: the client gets 502, however it is cut", (_name, text) => {
    for (const cuts of waysToCut(text.length)) {
      const relay = new HttpRelay(RESPONSE_LIMITS);
      relay.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      relay.answer(text, ...cuts);
      const got = relay.clientWire.text.replaceAll("HTTP/1.1 103 Early Hints\r\n\r\n", "");
      expect(got).toStartWith("HTTP/1.1 502 Bad Gateway\r\n");
      expect([got.match(/HTTP\/1\.1/g)?.length, relay.serverWire.closed, relay.clientWire.ended]).toEqual([
        1,
        true,
        false,
      ]);
      expect(relay.log).toContain("origin failed SERVER_PROTOCOL");
      expect(relay.heldBytes).toBe(0);
    }
  });
});

describe("a good response", () => {
  const rows = GOOD_RESPONSES.map((row) => [row.name, row] as const);

  test.each(rows)("%s: however it is cut, the client gets it anew", (_name, row) => {
    const request = `${row.method ?? "GET"} / HTTP/1.${row.minor ?? 1}\r\nHost: a\r\n${row.lines ?? ""}\r\n`;
    for (const cuts of waysToCut(row.sent.length)) {
      const relay = new HttpRelay();
      relay.say(request);
      relay.answer(row.sent, ...cuts);
      if (row.closes === true) relay.serverEnds();
      expect(joinChunks(relay.clientWire.text)).toBe(row.got);
      expect([relay.clientWire.ended, relay.client.state]).toEqual(
        row.ends === true ? [true, "lingering"] : [false, "idle"],
      );
      expect(relay.origin?.state === "idle").toBe(row.reused);
      expect(relay.heldBytes).toBe(0);
    }
  });

  test.each(rows)("%s: what the server sends behind it never reaches anyone", (_name, row) => {
    if (row.closes === true) return;
    const request = `${row.method ?? "GET"} / HTTP/1.${row.minor ?? 1}\r\nHost: a\r\n${row.lines ?? ""}\r\n`;
    // In one chunk it would else be the answer to the next request; in one of its own nothing is asked yet.
    for (const [asked, cut] of [
      [request + request, []],
      [request, [row.sent.length]],
    ] as const) {
      const relay = new HttpRelay();
      relay.say(asked);
      relay.answer(`${row.sent}HTTP/1.1 200 Poison\r\nContent-Length: 0\r\n\r\n`, ...cut);
      expect(relay.serverWires[0]?.closed).toBe(true);
      expect(relay.clientWire.text).not.toContain("Poison");
    }
  });
});

/** A body whose pieces came one by one goes out in as many chunks; their content is what counts. */
function joinChunks(text: string): string {
  const [head, body] = text.split("Transfer-Encoding: chunked\r\n\r\n") as [string, string | undefined];
  if (body === undefined) return text;
  let content = "";
  let rest = body;
  for (;;) {
    const size = Number.parseInt(rest, 16);
    rest = rest.slice(rest.indexOf("\r\n") + 2);
    if (size === 0) break;
    content += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
  const chunk = content === "" ? "" : `${content.length.toString(16)}\r\n${content}\r\n`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n${rest}`;
}
