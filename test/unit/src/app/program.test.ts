import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import {
  exportOf,
  findEntry,
  importsAnything,
  loadProgram,
  mentionsListen,
  withoutComments,
} from "../../../../src/app/program.ts";
import { Problem } from "../../../../src/problem/problem.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "scale-program-")));
const main = Bun.main;
const { argv } = process;
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  (Bun as { main: string }).main = main;
  process.argv = argv;
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("findEntry", () => {
  test("gives the file itself, without links", () => {
    const path = write("real.js", "");
    symlinkSync(path, join(folder, "link.js"));
    expect(findEntry(join(folder, "link.js"))).toBe(path);
  });

  test.each([
    ["nothing", "absent.js", "there is no such file"],
    ["a folder", ".", "it is a folder"],
    ["a link to nothing", "broken.js", "there is no such file"],
  ])("refuses %s", (_what, name, said) => {
    if (name === "broken.js") symlinkSync(join(folder, "gone"), join(folder, name));
    expect(() => findEntry(join(folder, name))).toThrow(said);
  });
});

describe("loadProgram", () => {
  test("runs CommonJS as the main module", async () => {
    const path = write(
      "main.cjs",
      "module.exports = { isMain: require.main === module, argv: process.argv.slice(1) };\n",
    );
    expect(await loadProgram(path)).toMatchObject({ default: { isMain: true, argv: [path] } });
  });

  test("runs an ES module as the main module, and no other", async () => {
    write("other.ts", "export const other: boolean = import.meta.main;\n");
    const path = write("main.ts", 'export { other } from "./other.ts";\nexport const isMain = import.meta.main;\n');
    expect(await loadProgram(path)).toMatchObject({ isMain: true, other: false });
  });

  test("rejects with a Problem that names the program", async () => {
    const path = write("bad.ts", 'throw new Error("not today");\n');
    const problem = await loadProgram(path).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(Problem);
    expect((problem as Problem).message).toBe('Cannot load "bad.ts": not today');
  });
});

describe("exportOf", () => {
  const fetchIt = (): Response => new Response("x");
  const as = (value: unknown) => exportOf({ default: value });

  test("passes an object with fetch on whole", () => {
    const websocket = { message() {} };
    const found = as({ fetch: fetchIt, websocket, port: 4_000 });
    expect(found).toEqual({ kind: "fetch", options: { fetch: fetchIt, websocket, port: 4_000 } });
  });

  test("takes an object with routes and without fetch", () => {
    expect(as({ routes: { "/": fetchIt } }).kind).toBe("fetch");
  });

  test("takes only fetch of an object with a class, and calls it on that object", async () => {
    const hono = new Hono().get("/", (context) => context.text("hono"));
    const found = as(hono);
    if (found.kind !== "fetch") throw new Error(`Cannot test: it is ${found.kind}`);
    expect(Object.keys(found.options)).toEqual(["fetch"]);
    const answer = (found.options.fetch as typeof hono.fetch)(new Request("http://x/"));
    expect(await (await answer).text()).toBe("hono");
  });

  test.each([
    ["Express", () => express()],
    ["Fastify", () => Fastify()],
    ["an http.Server", () => http.createServer()],
  ])("lets %s listen for itself", (_what, make) => {
    expect(as(make()).kind).toBe("listener");
  });

  test("tells Fastify its port as Fastify wants it, and others as a number", () => {
    const asked: unknown[] = [];
    const listen = (at: unknown): void => void asked.push(at);
    for (const app of [{ listen }, { listen, inject() {}, ready() {} }]) {
      const found = as(Object.assign(Object.create({}), app));
      if (found.kind === "listener") found.listen(3_000);
    }
    expect(asked).toEqual([3_000, { port: 3_000 }]);
  });

  test("looks into CommonJS that was compiled from ES modules", () => {
    expect(as({ __esModule: true, default: { fetch: fetchIt } })).toEqual({
      kind: "fetch",
      options: { fetch: fetchIt },
    });
  });

  test.each([
    ["no default export", { other: 1 }],
    ["undefined", { default: undefined }],
    ["null", { default: null }],
    ["an empty module.exports", { default: {} }],
  ])("finds nothing in %s", (_what, exports) => {
    expect(exportOf(exports)).toEqual({ kind: "nothing" });
  });

  test.each([
    ["text", "text", "a string"],
    ["a function", () => 1, "a function without listen"],
    ["data", { a: 1, b: 2 }, "an object with a, b"],
  ])("cannot use %s", (_what, value, what) => {
    expect(as(value)).toEqual({ kind: "useless", what });
  });
});

describe("mentionsListen", () => {
  test.each([
    ["app.listen(3000)", true],
    ["start().then(() => server\n  .listen (port))", true],
    ["Bun.serve({ fetch })", true],
    ["import { serve } from 'bun'; serve({ fetch })", true],
    ["// app.listen(3000)\nexport default app", false],
    ["/* app.listen(3000) */ export default app", false],
    ["observe(x); export default app", false],
    ["const listen = 1;", false],
  ])("%j: %p", (source, mentions) => {
    expect(mentionsListen(source, "/x/server.js")).toBe(mentions);
  });

  test("reads TypeScript, with and without JSX", () => {
    expect(mentionsListen("const a = <number>b; app.listen(a as number)", "/x/a.ts")).toBe(true);
    expect(mentionsListen("const a = <p>{b as any}</p>; app.listen(3)", "/x/a.tsx")).toBe(true);
  });
});

describe("importsAnything", () => {
  test.each([
    ['import "./server.js";', true],
    ['require("./server")', true],
    ['// import "./server.js"\nexport const a = 1;', false],
  ])("%j: %p", (source, does) => {
    expect(importsAnything(source, "/x/a.js")).toBe(does);
  });
});

describe("withoutComments", () => {
  test("is empty for what cannot be parsed", () => {
    expect(withoutComments("const = ;", "/x/a.ts")).toBe("");
  });
});
