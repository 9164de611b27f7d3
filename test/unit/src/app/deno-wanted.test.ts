import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { asksForDeno, FILES_MAX, wantsDeno } from "../../../../src/app/deno-wanted.ts";

const root = mkdtempSync(join(tmpdir(), "scale-deno-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let programs = 0;

/** The first file is the entry. */
function program(files: Readonly<Record<string, string>>): string {
  programs += 1;
  const folder = join(root, String(programs));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return join(folder, Object.keys(files)[0] ?? "");
}

describe("wantsDeno", () => {
  test.each([
    ["its own source", { "main.ts": "Deno.serve(() => new Response());" }],
    ["a file it imports", { "main.ts": 'import "./app.ts";', "app.ts": 'Deno.env.get("X");' }],
    [
      "a file further on, without its ending",
      { "main.js": 'require("./a")', "a.js": 'require("./b/")', "b/index.js": "Deno.cwd()" },
    ],
    ["a file that is imported later", { "main.ts": 'await import("./late.ts")', "late.ts": "Deno.args;" }],
    ["a deno.json beside it", { "main.ts": "", "deno.json": "{}" }],
  ])("by %s", (_what, files) => {
    expect(wantsDeno(program(files))).toBe(true);
  });

  test.each([
    ["nothing is said of it", { "main.ts": 'import "./app.ts"; console.log(1)', "app.ts": "" }],
    ["only a package asks", { "main.ts": 'import "web";', "node_modules/web/index.js": "Deno.env" }],
    ["an import is missing", { "main.ts": 'import "./absent.ts";' }],
    ["files import each other", { "main.ts": 'import "./b.ts";', "b.ts": 'import "./main.ts";' }],
    ["what is imported is no source", { "main.ts": 'import data from "./a.json";', "a.json": '"Deno.serve()"' }],
  ])("not when %s", (_what, files) => {
    expect(wantsDeno(program(files))).toBe(false);
  });

  test("reads no more files than it may", () => {
    const chain: Record<string, string> = {};
    for (let n = 0; n <= FILES_MAX + 1; n += 1) chain[`f${n}.js`] = `import "./f${n + 1}.js";`;
    chain[`f${FILES_MAX + 2}.js`] = "Deno.cwd()";
    expect(wantsDeno(program(chain))).toBe(false);
  });
});

describe("asksForDeno", () => {
  test.each([
    ["Deno.serve(handler)", true],
    ["const port = globalThis.Deno?.env.get('PORT')", true],
    ["Deno\n  .readTextFile(path)", true],
    ["// Deno.serve is not used here", false],
    ["const isDeno = typeof Deno !== 'undefined'; isDeno && Deno.exit()", false],
    ["myDeno.serve()", false],
    ["const Deno = 1;", false],
  ])("%j: %p", (source, asks) => {
    expect(asksForDeno(source, "/x/main.ts")).toBe(asks);
  });
});
