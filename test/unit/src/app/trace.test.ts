import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { placeOf, problemOf, userFrames } from "../../../../src/app/trace.ts";
import { Problem } from "../../../../src/problem/problem.ts";

const folder = mkdtempSync(join(tmpdir(), "scale-trace-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** What an import of that file throws. */
async function thrownBy(path: string): Promise<unknown> {
  try {
    await import(path);
  } catch (error) {
    return error;
  }
  throw new Error(`Cannot test with "${path}": it can be loaded`);
}

const trouble = (file: string) => ({ code: "APP_LOAD_FAILED", what: 'Cannot load "it"', file }) as const;

function errorAt(stack: string, message = "broken"): Error {
  return Object.assign(new Error(message), { stack });
}

describe("problemOf", () => {
  test("names the line where an error was made, with its text and the way there", async () => {
    const lib = write("lib.ts", "export function boom(): never {\n  throw new TypeError('bad');\n}\n");
    const entry = write("entry.ts", `import { boom } from "./lib.ts";\n\ninterface A { x: 1 }\nboom();\n`);
    const problem = problemOf(await thrownBy(entry), trouble(entry));
    expect(problem.code).toBe("APP_LOAD_FAILED");
    expect(problem.message).toBe('Cannot load "it": TypeError: bad');
    expect(problem.parts.where).toMatchObject({ file: lib, line: 2, text: "  throw new TypeError('bad');" });
    expect(problem.parts.why).toContain(`${entry}:4:1`);
  });

  test("names the user's line when a package threw", () => {
    const mine = write("shop.js", "one\nuse(undefined)\n");
    const stack = `Error: no\n    at use (${folder}/node_modules/web/use.js:9:1)\n    at <anonymous> (${mine}:2:4)`;
    expect(problemOf(errorAt(stack, "no"), trouble(mine)).parts.where).toEqual({
      file: mine,
      line: 2,
      column: 4,
      text: "use(undefined)",
    });
  });

  test("names the package's line when nothing else is known", () => {
    const stack = `Error: no\n    at use (${folder}/node_modules/web/use.js:9:1)`;
    expect(problemOf(errorAt(stack), trouble("x")).parts.where).toMatchObject({ line: 9, column: 1 });
  });

  test("does not name lines of ours or of the runtime", () => {
    const ours = join(import.meta.dir, "../../../../src/app/app.ts");
    const stack = `Error: no\n    at load (${ours}:1:1)\n    at x (/$bunfs/root/scale:2:2)\n    at y (node:internal:3:3)\n    at z (native)`;
    expect(problemOf(errorAt(stack), trouble("/the/entry.ts")).parts.where).toEqual({ file: "/the/entry.ts" });
  });

  test("gives a file that cannot be parsed its own code, line and column", async () => {
    const bad = write("syntax.ts", "const a = 1;\nconst b = ;\n");
    const entry = write("imports-syntax.ts", 'import "./syntax.ts";\n');
    const problem = problemOf(await thrownBy(entry), trouble(entry));
    expect(problem.code).toBe("APP_SYNTAX");
    expect(problem.message).toBe('Cannot parse "syntax.ts": Unexpected ;');
    expect(problem.parts.where).toEqual({ file: bad, line: 2, column: 11, width: 1, text: "const b = ;" });
  });

  test("counts syntax errors that come together", () => {
    const position = { file: "/a.ts", line: 1, column: 2, length: 3, lineText: "abc" };
    const message = { name: "BuildMessage", message: "Unexpected b", position };
    const problem = problemOf(new AggregateError([message, message], "2 errors"), trouble("/a.ts"));
    expect(problem.code).toBe("APP_SYNTAX");
    expect(problem.parts.why).toContain("2 such errors");
    expect(problem.parts.where).toMatchObject({ column: 2, width: 3 });
  });

  test.each([
    ["missing.ts", 'import x from "left-padd/lib";\nx();\n', "npm install left-padd`", 16],
    ["scoped.ts", 'import x from "@shop/left-padd/lib";\nx();\n', "npm install @shop/left-padd`", 16],
    ["path.cjs", 'const x = require("./nothing");\n', "Correct the path", 20],
  ])("points at the import of %s that cannot be found", async (name, source, fix, column) => {
    const entry = write(name, source);
    const problem = problemOf(await thrownBy(entry), trouble(entry));
    expect(problem.code).toBe("APP_MODULE_MISSING");
    expect(problem.parts.fix).toContain(fix);
    expect(problem.parts.where).toMatchObject({ file: entry, line: 1, column });
  });

  test("points at the import of a name that is not exported", async () => {
    write("small.ts", "export const a = 1;\n");
    const entry = write("wants.ts", '// one\nimport { other } from "./small.ts";\nother();\n');
    const problem = problemOf(await thrownBy(entry), trouble(entry));
    expect(problem.parts.where).toMatchObject({ file: entry, line: 2, column: 10, width: 5 });
  });

  test.each([
    ["a text", "words", '"words"'],
    ["nothing", undefined, "undefined"],
    ["an object", { status: 500 }, "status: 500"],
  ])("says that %s names no line", (_what, thrown, said) => {
    const problem = problemOf(thrown, trouble("/the/entry.ts"));
    expect(problem.message).toContain(said);
    expect(problem.message).toContain("names no line");
    expect(problem.parts.where).toEqual({ file: "/the/entry.ts" });
  });

  test("says what caused it", () => {
    const error = new Error("no shop", { cause: new RangeError("too far") });
    expect(problemOf(error, trouble("x")).parts.why).toContain("Caused by RangeError: too far");
  });

  test("keeps a message of several lines out of the title, and a long one short", () => {
    const problem = problemOf(errorAt("", "first\nsecond"), trouble("x"));
    expect(problem.message).toBe('Cannot load "it": first');
    expect(problem.parts.why).toBe("second");
    expect(problemOf(errorAt("", "x".repeat(100_000)), trouble("x")).message.length).toBeLessThan(2_000);
  });

  test("passes on what is a Problem already", () => {
    const problem = new Problem("APP_NO_DATABASE", { what: "Cannot use `db`" });
    expect(problemOf(problem, trouble("x"))).toBe(problem);
  });
});

describe("userFrames", () => {
  test("reads every form of a frame, the user's own first", () => {
    const stack = [
      "Error: x",
      "    at /a/one.ts:1:2",
      "    at named (/a/two.ts:3:4)",
      "    at async <anonymous> (/a/three.ts:5:6)",
      "    at new Thing (file:///a/with%20space.ts:7:8)",
      "    at deep (/a/node_modules/b/c.js:9:10)",
      "    at last (/a/four.ts:11:12)",
      "    at native",
      "    at processTicksAndRejections (native:7:39)",
    ].join("\n");
    expect(userFrames(stack).map(({ file, line, column }) => [file, line, column])).toEqual([
      ["/a/one.ts", 1, 2],
      ["/a/two.ts", 3, 4],
      ["/a/three.ts", 5, 6],
      ["/a/with space.ts", 7, 8],
      ["/a/four.ts", 11, 12],
      ["/a/node_modules/b/c.js", 9, 10],
    ]);
  });

  test("finds none where there is no stack", () => {
    expect(userFrames(undefined)).toEqual([]);
  });
});

describe("placeOf", () => {
  test("has no text for a line or a file that there is not", () => {
    const path = write("short.js", "one\n");
    expect(placeOf({ file: path, line: 99, column: 1 })).toEqual({ file: path, line: 99, column: 1 });
    expect(placeOf({ file: "/no/such.js", line: 1, column: 1 })).toEqual({ file: "/no/such.js", line: 1, column: 1 });
    expect(placeOf({ file: folder, line: 1, column: 1 })).toEqual({ file: folder, line: 1, column: 1 });
  });
});
