import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installDeno, removeDeno } from "../../../../src/app/deno.ts";
import { denoServe, type DenoServer, type DenoServeOptions, denoUpgrade } from "../../../../src/app/deno-serve.ts";
import type { DenoSocket } from "../../../../src/app/deno-socket.ts";

const running: DenoServer[] = [];
const hello = (): Response => new Response("hello");
const quiet = { port: 0, hostname: "127.0.0.1", onListen: () => undefined } satisfies DenoServeOptions;

function keep(server: DenoServer): DenoServer {
  running.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.shutdown()));
});

async function ask(server: DenoServer, path = "/"): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.addr.port}${path}`, { keepalive: false });
}

describe("denoServe", () => {
  test.each([
    ["options and a handler", () => denoServe(quiet, hello)],
    ["options with a handler", () => denoServe({ ...quiet, handler: hello })],
  ])("takes %s", async (_what, serve) => {
    expect(await (await ask(keep(serve()))).text()).toBe("hello");
  });

  test("takes a handler alone, on Deno's port", () => {
    const { serve } = Bun;
    const asked: unknown[] = [];
    const fake = (options: object) => {
      asked.push(options);
      return { port: 8_000 };
    };
    const said = console.error;
    try {
      (Bun as unknown as { serve: unknown }).serve = fake;
      console.error = (line: string) => void asked.push(line);
      denoServe(hello);
    } finally {
      (Bun as unknown as { serve: unknown }).serve = serve;
      console.error = said;
    }
    expect(asked).toMatchObject([{ port: 8_000, hostname: "0.0.0.0" }, "Listening on http://0.0.0.0:8000/"]);
  });

  test("refuses to serve without a handler", () => {
    expect(() => denoServe(quiet)).toThrow(TypeError);
  });

  test("tells the handler who asks, and the program where it listens", async () => {
    const told: unknown[] = [];
    const server = keep(
      denoServe({ ...quiet, onListen: (addr) => void told.push(addr) }, (_request, info) =>
        Response.json(info.remoteAddr),
      ),
    );
    expect(told).toEqual([server.addr]);
    expect(server.addr).toEqual({ transport: "tcp", hostname: "127.0.0.1", port: expect.any(Number) });
    expect(await (await ask(server)).json()).toEqual({
      transport: "tcp",
      hostname: "127.0.0.1",
      port: expect.any(Number),
    });
  });

  test("answers an error with 500, or as the program says", async () => {
    const fail = (): never => {
      throw new Error("broken");
    };
    const said = console.error;
    console.error = () => undefined;
    try {
      expect((await ask(keep(denoServe(quiet, fail)))).status).toBe(500);
    } finally {
      console.error = said;
    }
    const own = { ...quiet, onError: (error: unknown) => new Response(String(error), { status: 418 }) };
    const answer = await ask(keep(denoServe(own, fail)));
    expect([answer.status, await answer.text()]).toEqual([418, "Error: broken"]);
  });

  test("answers 500 to a handler that returns no Response", async () => {
    const own = { ...quiet, onError: () => new Response("no response", { status: 500 }) };
    const answer = await ask(keep(denoServe(own, (() => "text") as never)));
    expect(await answer.text()).toBe("no response");
  });

  test("is finished when it is shut down", async () => {
    const server = denoServe(quiet, hello);
    await server.shutdown();
    await server.finished;
    await expect(ask(server)).rejects.toThrow();
  });

  test("stops when its signal says so", async () => {
    const stop = new AbortController();
    const server = denoServe({ ...quiet, signal: stop.signal }, hello);
    stop.abort();
    await server.finished;
    expect(() => denoServe({ ...quiet, signal: stop.signal }, hello)).toThrow("aborted");
  });
});

describe("denoUpgrade", () => {
  function echo(each: (socket: DenoSocket) => void, protocol?: string): DenoServer {
    return keep(
      denoServe(quiet, (request) => {
        const { socket, response } = denoUpgrade(request, protocol === undefined ? {} : { protocol });
        each(socket);
        return response;
      }),
    );
  }

  function dial(server: DenoServer, ...protocols: string[]): WebSocket {
    const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`, protocols);
    socket.binaryType = "arraybuffer";
    return socket;
  }

  function next(socket: WebSocket, event: string): Promise<MessageEvent & CloseEvent> {
    return new Promise((resolve) => {
      socket.addEventListener(event, (happened) => resolve(happened as MessageEvent & CloseEvent), { once: true });
    });
  }

  test("echoes text and bytes, by handlers and by listeners", async () => {
    const opened: number[] = [];
    const server = echo((socket) => {
      socket.binaryType = "arraybuffer";
      opened.push(socket.readyState);
      socket.onopen = () => opened.push(socket.readyState);
      socket.addEventListener("message", (event) => socket.send((event as MessageEvent).data));
    });
    const socket = dial(server);
    await next(socket, "open");
    socket.send("text");
    expect((await next(socket, "message")).data).toBe("text");
    socket.send(new Uint8Array([1, 2]));
    expect(new Uint8Array((await next(socket, "message")).data)).toEqual(new Uint8Array([1, 2]));
    expect(opened).toEqual([0, 1]);
    socket.close();
  });

  test("gives bytes as a Blob by default, and sends one", async () => {
    const server = echo((socket) => {
      socket.onmessage = (event) => socket.send(event.data as Blob);
    });
    const socket = dial(server);
    await next(socket, "open");
    socket.send(new Uint8Array([7, 8, 9]));
    expect(new Uint8Array((await next(socket, "message")).data)).toEqual(new Uint8Array([7, 8, 9]));
    socket.close();
  });

  test("closes with a code and a reason, from either side", async () => {
    const heard = Promise.withResolvers<CloseEvent>();
    const server = echo((socket) => {
      socket.onmessage = () => socket.close(4_001, "enough");
      socket.onclose = heard.resolve;
    });
    const first = dial(server);
    await next(first, "open");
    const closing = next(first, "close");
    first.send("stop");
    expect(await closing).toMatchObject({ code: 4_001, reason: "enough" });
    expect((await heard.promise).code).toBe(4_001);
  });

  test("agrees to a protocol", async () => {
    const socket = dial(
      echo(() => undefined, "chat"),
      "chat",
    );
    await next(socket, "open");
    expect(socket.protocol).toBe("chat");
    socket.close();
  });

  test("refuses what is no WebSocket, and sending before it is open", async () => {
    expect(() => denoUpgrade(new Request("http://x/"))).toThrow(TypeError);
    const request = new Request("http://x/", { headers: { upgrade: "websocket" } });
    expect(() => denoUpgrade(request)).toThrow("not one of Deno.serve");
    let thrown: unknown;
    const server = echo((socket) => {
      try {
        socket.send("early");
      } catch (error) {
        thrown = error;
      }
    });
    const socket = dial(server);
    await next(socket, "open");
    expect(thrown).toMatchObject({ name: "InvalidStateError" });
    socket.close();
  });
});

describe("a handshake that is none", () => {
  test("is refused, and the socket never opens", async () => {
    const failed = Promise.withResolvers<number>();
    const server = keep(
      denoServe(quiet, (request) => {
        const { socket, response } = denoUpgrade(request);
        socket.onerror = () => failed.resolve(socket.readyState);
        return response;
      }),
    );
    const headers = { upgrade: "websocket", connection: "upgrade" };
    const answer = await fetch(`http://127.0.0.1:${server.addr.port}/`, { headers, keepalive: false });
    expect(answer.status).toBe(400);
    expect(await failed.promise).toBe(3);
  });
});

describe("installDeno", () => {
  beforeEach(() => installDeno("/shop/main.ts"));
  afterEach(removeDeno);

  test("gives a program its Deno: ours to serve, the shim for the rest", async () => {
    const { Deno } = globalThis as unknown as {
      Deno: Record<string, unknown> & { readTextFile(path: string): Promise<string> };
    };
    expect(Deno["serve"]).toBe(denoServe);
    expect(Deno["mainModule"]).toBe("file:///shop/main.ts");
    process.env["SCALE_DENO_TEST"] = "seen";
    expect((Deno["env"] as { get(name: string): string | undefined }).get("SCALE_DENO_TEST")).toBe("seen");
    delete process.env["SCALE_DENO_TEST"];
    const folder = mkdtempSync(join(tmpdir(), "scale-deno-"));
    writeFileSync(join(folder, "a.txt"), "text");
    expect(await Deno.readTextFile(join(folder, "a.txt"))).toBe("text");
    rmSync(folder, { recursive: true });
  });

  test("is gone when it is taken away", () => {
    removeDeno();
    expect("Deno" in globalThis).toBe(false);
  });
});
