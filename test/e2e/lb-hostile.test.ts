/**
 * Hostile and odd requests through the built executable, with the bytes that the server gets of them: the rows of
 * `test/unit/proxy/http`, one after the other on connections of their own, before a server that keeps all it hears.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type LbBox, RawClient, runLb } from "../kit/lb-box.ts";
import { until } from "../kit/until.ts";
import { GOOD_CHUNKS, GOOD_REQUESTS } from "../unit/proxy/http/good-requests.ts";
import { HOSTILE_BODIES, HOSTILE_HEADS } from "../unit/proxy/http/hostile-requests.ts";

/** Rows whose limits are smaller than the real ones have them here in their real size. */
const TOO_LONG = new Set([414, 431]);
const LARGE_ROWS: readonly (readonly [name: string, status: number, text: string])[] = [
  ["a target that is too long", 414, `GET /${"a".repeat(8_192)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["a line that is too long", 431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(16_384)}\r\n\r\n`],
  ["a head that is too long", 431, `GET / HTTP/1.1\r\nHost: a\r\n${`X: ${"a".repeat(9_000)}\r\n`.repeat(4)}\r\n`],
  ["too many fields", 431, `GET / HTTP/1.1\r\nHost: a\r\n${"X: a\r\n".repeat(128)}\r\n`],
];
const HEADS = [...HOSTILE_HEADS.filter(([, status]) => !TOO_LONG.has(status)), ...LARGE_ROWS];
const BODIES: readonly (readonly [name: string, status: number, body: string])[] = [
  ...HOSTILE_BODIES.filter(([name]) => !name.includes("beyond the limit")),
  ["extensions that are too long", 400, `1;${"x".repeat(4_096)}\r\na\r\n0\r\n\r\n`],
  ["trailers that are too long", 431, `0\r\n${`X: ${"a".repeat(9_000)}\r\n`.repeat(4)}\r\n`],
];
/** What the lb adds, and the rows say nothing of. */
const OURS = /^X-(?:Forwarded-(?:For|Proto|Host)|Request-Id): .*\r\n/gim;
/** Fields that the edge drops, because some servers take them for others of the same name. */
const UNDERSCORED = /^[^:\r\n ]*_[^:\r\n ]*:.*\r\n/gm;

describe.each([1, 2])("%i workers", (workers) => {
  let box: LbBox;
  let heard = "";
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket, bytes) => {
        heard += bytes.toString("latin1");
        if (isWholeRequest(heard)) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
      },
    },
  });

  beforeAll(async () => {
    box = await runLb({ workers, servers: [`127.0.0.1:${server.port}`] });
  });

  afterAll(async () => {
    await box.remove();
    server.stop(true);
  });

  /** All that the client is told, and all that the server has heard by then. */
  async function tell(text: string): Promise<{ readonly answer: string; readonly heard: string }> {
    heard = "";
    const client = await RawClient.dial(box.port);
    client.send(text);
    await until("it is answered", () => client.over || client.text.endsWith("ok"));
    client.close();
    return { answer: client.text, heard };
  }

  test("there are at least 100 hostile rows", () => expect(HEADS.length).toBeGreaterThanOrEqual(100));

  test.each(HEADS)("%s: %i, close, and the server hears nothing", async (_name, status, text) => {
    const told = await tell(text);
    expect([Number(told.answer.slice(9, 12)), told.heard]).toEqual([status, ""]);
    expect(told.answer).toContain("\r\nConnection: close\r\n");
    expect(told.answer.split("HTTP/1.1 ").length).toBe(2);
  });

  test.each(BODIES)("%s: %i, and the server's request is never complete", async (_name, status, body) => {
    const told = await tell(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    expect(Number(told.answer.slice(9, 12))).toBe(status);
    expect(told.heard).not.toContain("0\r\n\r\n");
    expect(told.heard).not.toContain("smuggled");
  });

  test.each(GOOD_REQUESTS.filter(([, , served]) => !served.includes("app:3000")))(
    "%s: is forwarded, written anew",
    async (_name, sent, served) => {
      const told = await tell(sent);
      expect(told.heard.replace(OURS, "")).toBe(served.replace(OURS, "").replace(UNDERSCORED, ""));
    },
  );

  test.each(GOOD_CHUNKS)("%s: a good chunked body arrives", async (_name, sent) => {
    const told = await tell(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${sent}`);
    expect(told.answer).toStartWith("HTTP/1.1 200 OK\r\n");
  });
});

function isWholeRequest(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head === -1) return false;
  const fields = text.slice(0, head + 2);
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(fields))
    return /(?:^|\r\n)0\r\n(?:.+\r\n)*\r\n$/.test(text.slice(head + 4));
  return text.length >= head + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(fields)?.[1] ?? 0);
}
