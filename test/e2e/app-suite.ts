/**
 * What anyone may expect of their program, whatever it is written with and at whatever tier it runs: one suite, seen from
 * outside only. Each tier brings its own `start`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { until } from "../kit/until.ts";
import { type Ability, type Fixture, fixtures } from "./app-fixtures.ts";

export interface Running {
  readonly url: string;
  /** What the program is told as PORT; for the port that a program believes it has. */
  readonly port: number;
  /** As a service manager stops it; resolves with the exit code. */
  stop(): Promise<number>;
}

export interface AppSuite {
  readonly tier: string;
  start(fixture: Fixture): Promise<Running>;
  /** Whether there is a database to ask. */
  readonly db: boolean;
  /** `describe` for a program that needs something of the machine. */
  describe?(fixture: Fixture): typeof describe;
}

const START_MS = 60_000;
const UPLOAD_MS = 60_000;
const BODY = Buffer.alloc(100 * 1_024 * 1_024, "scale, and scale again; ");
const BODY_SHA256 = createHash("sha256").update(BODY).digest("hex");
const DOWNLOAD = Buffer.alloc(100 * 1_024 * 1_024, "0123456789abcdef");
const DOWNLOAD_SHA256 = createHash("sha256").update(DOWNLOAD).digest("hex");
/** Long enough to be seen in flight while the box stops. */
const SLOW_MS = 1_000;
const AT_ONCE = 50;

export function appSuite(suite: AppSuite): void {
  for (const fixture of fixtures) {
    const group = suite.describe?.(fixture) ?? describe;
    group(`${suite.tier}: ${fixture.name}`, () => one(suite, fixture));
  }
}

function one(suite: AppSuite, fixture: Fixture): void {
  let app: Running;
  const can = (ability: Ability): boolean => fixture.can.includes(ability);
  // What a program does not offer is not skipped: there is nothing to test.
  const when = (offered: boolean): ((...args: Parameters<typeof test>) => void) => (offered ? test : () => undefined);

  beforeAll(async () => {
    app = await suite.start(fixture);
  }, START_MS);
  afterAll(async () => {
    await app.stop();
  }, START_MS);

  test("answers", async () => {
    const response = await fetch(app.url);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("hello");
  });

  test("sees its client, the port it asked for, and production", async () => {
    const seen = await json(`${app.url}/whoami`);
    expect(seen["client"]).toMatch(/^(::ffff:)?127\.0\.0\.1$|^::1$/);
    expect(seen["port"]).toBe(fixture.port ?? app.port);
    expect(seen["nodeEnv"]).toBe("production");
  });

  test("answers many at once", async () => {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, async () => (await fetch(app.url)).text()));
    expect(answers).toEqual(Array(AT_ONCE).fill("hello"));
  });

  when(can("upload"))(
    "takes a body of 100 MB",
    async () => {
      const seen = await json(`${app.url}/echo`, { method: "POST", body: BODY });
      expect(seen).toEqual({ bytes: BODY.length, sha256: BODY_SHA256 });
    },
    UPLOAD_MS,
  );

  for (const [how, query, length] of [
    ["as it is made", "", null],
    ["of a length that is said", "?sized", String(DOWNLOAD.length)],
  ] as const) {
    when(can("download"))(
      `sends a body of 100 MB, ${how}`,
      async () => {
        const response = await fetch(`${app.url}/download${query}`);
        expect(response.headers.get("content-length")).toBe(length);
        const hash = createHash("sha256");
        for await (const chunk of response.body ?? []) hash.update(chunk);
        expect(hash.digest("hex")).toBe(DOWNLOAD_SHA256);
      },
      UPLOAD_MS,
    );
  }

  when(can("duplex"))("answers while it is still sent to", async () => {
    const talk = await Talk.open(app.url);
    talk.write("POST /duplex HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    await talk.until("ONE");
    talk.write("3\r\ntwo\r\n0\r\n\r\n");
    await talk.until("TWO");
    talk.close();
  });

  when(can("stream"))("sends a response in parts, as they come", async () => {
    const parts = await inParts(app.url, "/stream");
    expect(parts.first).toBe("one\n");
    expect(parts.rest).toBe("two\n");
  });

  when(can("stream"))("sends events as they happen", async () => {
    const parts = await inParts(app.url, "/sse");
    expect(parts.type).toStartWith("text/event-stream");
    expect(parts.first).toBe("data: one\n\n");
    expect(parts.rest).toBe("data: two\n\n");
  });

  when(can("websocket"))("speaks WebSocket, in text and in bytes", async () => {
    const socket = new WebSocket(`${app.url.replace("http", "ws")}/ws`);
    socket.binaryType = "arraybuffer";
    await once(socket, "open");
    socket.send("text");
    expect((await once(socket, "message")).data).toBe("text");
    socket.send(new Uint8Array([0, 1, 255]));
    expect(new Uint8Array((await once(socket, "message")).data as ArrayBuffer)).toEqual(new Uint8Array([0, 1, 255]));
    socket.close();
    await once(socket, "close");
  });

  when(suite.db && can("db"))("reaches its database", async () => {
    expect(await json(`${app.url}/db`)).toEqual({ one: 1 });
  });

  when(can("drain"))(
    "finishes what is in flight when it is stopped, and takes nothing new",
    async () => {
      const other = await suite.start(fixture);
      const response = await fetch(`${other.url}/slow?ms=${SLOW_MS}`);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      expect((await reader?.read())?.value).toBe("begun\n");
      const stopped = other.stop();
      await until("nothing new is taken", () => isRefused(other.url));
      expect((await reader?.read())?.value).toBe("slow\n");
      expect((await reader?.read())?.done).toBe(true);
      expect(await stopped).toBe(0);
    },
    START_MS,
  );
}

async function json(url: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const response = await fetch(url, init);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

interface Parts {
  readonly type: string;
  readonly first: string;
  readonly rest: string;
}

let gates = 0;

/** As many asks at once as reach every worker: the gate is in the one that answers. */
const ASKS = 8;
const ASK_AGAIN_MS = 50;

/** The second part is made only when the first has been seen: nothing between may hold it back. */
async function inParts(url: string, path: string): Promise<Parts> {
  gates += 1;
  const abort = new AbortController();
  const response = await fetch(`${url}${path}?gate=${gates}`, { signal: abort.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const first = (await reader?.read())?.value ?? "";
  let second: string | undefined;
  const reading = reader?.read().then(({ value }) => {
    second = value ?? "";
  });
  while (second === undefined) {
    const asks = Array.from({ length: ASKS }, async () => (await fetch(`${url}/open?gate=${gates}`)).text());
    await Promise.all(asks);
    await Promise.race([reading, Bun.sleep(ASK_AGAIN_MS)]);
  }
  abort.abort();
  return { type: response.headers.get("content-type") ?? "", first, rest: second };
}

/** Resolves with the next event of that kind; rejects when the socket fails instead. */
function once(socket: WebSocket, event: "open" | "message" | "close"): Promise<MessageEvent> {
  return new Promise((resolve, reject) => {
    socket.addEventListener(event, (happened) => resolve(happened as MessageEvent), { once: true });
    socket.addEventListener("error", () => reject(new Error(`Cannot wait for "${event}": the WebSocket failed`)));
  });
}

function isRefused(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", () => resolve(true));
  });
}

/** A connection on which a test says every byte itself. */
class Talk {
  readonly #socket: Socket;
  #heard = "";
  #listening: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#heard += chunk.toString("latin1");
      this.#listening();
    });
  }

  static open(url: string): Promise<Talk> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => resolve(new Talk(socket)));
      socket.on("error", reject);
    });
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  /** Resolves once the other side has said it. */
  until(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#listening = () => {
        if (this.#heard.includes(text)) resolve();
      };
      this.#listening();
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
