/** Tests of test/tidy/reach.ts: the rules on what code may touch. */
import { describe, expect, test } from "bun:test";
import { findings } from "./small-tree.ts";

/** Which rules a file with this text breaks, each once, as often as it does. */
function broken(path: string, text: string): string[] {
  return findings({ [path]: `${text}\nexport const own = 1;\n` }).map((line) => /\[([^\]]+)\]/.exec(line)?.[1] ?? line);
}

describe("sockets", () => {
  test.each([
    "Bun.listen({});",
    "Bun.connect({});",
    "Bun.serve({});",
    "Bun.udpSocket({});",
    'Bun["listen"]({});',
    "globalThis.Bun.listen({});",
    "Bun.serve = own;",
    "const { listen } = Bun;",
    "const { connect: dial } = Bun;",
    "const b = Bun;",
    'import { listen } from "bun";',
    'import * as b from "bun";\nb.connect({});',
    'import bun from "bun";\nbun.serve({});',
    'import net from "node:net";',
    'import "node:tls";',
    'import "node:dgram";',
    'import "node:http";',
    'import "node:https";',
    'import "node:http2";',
    'const net = await import("node:net");',
    'const net = require("node:net");',
  ])("finds %s in src, and allows it in proxy/net", (text) => {
    expect(broken("src/up/a.ts", text)).toEqual(["sockets"]);
    expect(broken("proxy/net/a.ts", text)).toEqual([]);
  });

  test.each([
    "Bun.file(own);",
    "type Server = ReturnType<typeof Bun.serve>;",
    'import type { Socket } from "node:net";',
    'import { type Socket } from "node:net";',
    "const box = { Bun: 1 }; box.Bun;",
    "function f(Bun: { listen(): void }): void { Bun.listen(); }",
    'const text = "Bun.listen";',
    "// Bun.listen({})",
    "await fetch(own);",
  ])("allows %s in src", (text) => {
    expect(broken("src/up/a.ts", text)).toEqual([]);
  });

  test("knows a module without its prefix too", () => {
    expect(broken("src/up/a.ts", 'import { connect } from "net";')).toEqual(["sockets"]);
  });

  test("leaves tests their sockets", () => {
    expect(broken("test/kit/a.ts", "Bun.listen({});")).toEqual([]);
  });
});

describe("exit", () => {
  test.each([
    "process.exit(1);",
    'process["exit"](1);',
    "process.abort();",
    "process.reallyExit(1);",
    "globalThis.process.exit(1);",
    "const { exit } = process;",
    'import { exit } from "node:process";',
    'import process from "node:process";\nprocess.exit(1);',
    "const leave = process.exit;",
    "leave(process);",
  ])("finds %s everywhere but in src/main.ts", (text) => {
    for (const path of ["src/run/a.ts", "test/kit/a.ts", "build.ts"]) expect(broken(path, text)).toEqual(["exit"]);
    expect(broken("src/main.ts", text)).toEqual([]);
  });

  test.each(["process.exitCode = 1;", "process.env;", "const parts = { process: 1 };", "type P = typeof process;"])(
    "allows %s",
    (text) => {
      expect(broken("src/run/a.ts", text)).toEqual([]);
    },
  );
});

describe("signals", () => {
  test.each([
    'process.on("SIGTERM", own);',
    'process.once("SIGHUP", own);',
    'process.addListener("SIGINT", own);',
    'process.prependListener("SIGINT", own);',
    'process.prependOnceListener("SIGINT", own);',
    'process["on"]("SIGUSR2", own);',
    "process.on(`SIGTERM`, own);",
    "process.on(own, own);",
    "const on = process.on;",
    'import { on } from "node:process";',
  ])("finds %s everywhere but in src/run/signals.ts", (text) => {
    expect(broken("src/run/a.ts", text)).toEqual(["signals"]);
    expect(broken("src/run/signals.ts", text)).toEqual([]);
  });

  test.each([
    'process.on("message", own);',
    'process.once("exit", own);',
    'emitter.on("SIGTERM", own);',
    'process.kill(1, "SIGTERM");',
  ])("allows %s", (text) => {
    expect(broken("src/run/a.ts", text)).toEqual([]);
  });
});

describe("ffi", () => {
  test.each(['import { dlopen } from "bun:ffi";', 'const ffi = await import("bun:ffi");'])(
    "finds %s everywhere but in src/run/os.ts",
    (text) => {
      expect(broken("src/run/page.ts", text)).toEqual(["ffi"]);
      expect(broken("src/run/os.ts", text)).toEqual([]);
    },
  );
});

describe("handed in", () => {
  test.each([
    "setTimeout(own, 1);",
    "setInterval(own, 1);",
    "setImmediate(own);",
    "Date.now();",
    "new Date();",
    "new Date;",
    "Date();",
    "performance.now();",
    "Temporal.Now.instant();",
    "Math.random();",
    "const { random } = Math;",
    "crypto.randomUUID();",
    "console.log(own);",
    "process.env;",
    "fetch(own);",
    "new WebSocket(own);",
    "globalThis[own];",
    'import { createHash } from "node:crypto";',
    'import { setTimeout as sleep } from "node:timers/promises";',
  ])("finds %s in proxy, and allows it in src", (text) => {
    expect(broken("proxy/pgconn/a.ts", text)).toEqual(["handed in"]);
    expect(broken("src/run/a.ts", text)).toEqual([]);
  });

  test.each([
    "new Date(own);",
    "Date.UTC(2030, 0);",
    "Math.max(1, 2);",
    "own.setTimeout(own);",
    "interface Clock { setTimeout(ms: number): void; performance: number }",
    "class Wire { fetch(): void {} }",
    "const fetch = 1; fetch;",
    "async function dial(): Promise<void> { await own; }",
  ])("allows %s in proxy", (text) => {
    expect(broken("proxy/pgconn/a.ts", text)).toEqual([]);
  });
});

describe("pure", () => {
  test.each([
    "async function f(): Promise<void> { await own; }",
    "const f = async () => own;",
    "for await (const one of own) own;",
    "await own;",
    "new Promise(own);",
    "Promise.resolve(own);",
    "interface Dial { dial(): Promise<number> }",
    "type Later = PromiseLike<number>;",
    "Bun.nanoseconds();",
    "type B = Bun.Socket;",
    'Buffer.from("x");',
    "queueMicrotask(own);",
    'import { Buffer } from "node:buffer";',
    'import type { Server } from "node:net";',
    'import type { Socket } from "bun";',
    'import { Database } from "bun:sqlite";',
    "setTimeout(own, 1);",
  ])("finds %s in the pure rooms, and allows it in src", (text) => {
    for (const room of ["base", "pg", "http", "sql", "upstream"]) {
      const rules = broken(`proxy/${room}/a.ts`, text);
      expect(rules.length).toBeGreaterThan(0);
      expect(rules.filter((rule) => rule !== "pure" && rule !== "handed in")).toEqual([]);
    }
    expect(broken("src/run/a.ts", text)).toEqual([]);
  });

  test.each([
    "new Uint8Array(4); new DataView(own); new TextDecoder().decode(own);",
    "function* walk(): Generator<number> { yield 1; }",
    "const box = { Promise: 1, async: 2, Buffer: 3 }; box.Promise;",
    "class Ring { async(): void {} await(): void {} }",
  ])("allows %s", (text) => {
    expect(broken("proxy/base/a.ts", text)).toEqual([]);
  });
});
