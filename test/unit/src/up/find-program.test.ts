import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findProgram, programIn, readManifest } from "../../../../src/up/find-program.ts";

const root = mkdtempSync(join(tmpdir(), "scale-find-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;

/** A folder with these files; an object is written as JSON. */
function folder(files: Readonly<Record<string, string | object>>): string {
  folders += 1;
  const path = join(root, String(folders));
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return path;
}

function find(files: Readonly<Record<string, string | object>>): { entry: string; by: string } | undefined {
  const path = folder(files);
  return findProgram(path, readManifest(path));
}

describe("findProgram: finds", () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string | object>>, string])[] = [
    [
      "what npm start runs",
      { "package.json": { main: "a.js", scripts: { start: "node b.js" } }, "a.js": "", "b.js": "" },
      "./b.js",
    ],
    [
      "main, when start runs nothing of ours",
      { "package.json": { main: "a.js", scripts: { start: "next start" } }, "a.js": "" },
      "./a.js",
    ],
    [
      "main, when start names a file that is not built",
      { "package.json": { main: "a.js", scripts: { start: "node dist/a.js" } }, "a.js": "" },
      "./a.js",
    ],
    ["main below a folder", { "package.json": { main: "./src//a.ts" }, "src/a.ts": "" }, "./src/a.ts"],
    ["a usual name, when main is not there", { "package.json": { main: "index.js" }, "server.js": "" }, "./server.js"],
    ["a usual name without package.json", { "app.mjs": "" }, "./app.mjs"],
    ["server before index", { "index.js": "", "server.ts": "" }, "./server.ts"],
    ["what is here before what is in src", { "main.js": "", "src/server.ts": "" }, "./main.js"],
    ["what is in src", { "src/index.tsx": "" }, "./src/index.tsx"],
    ["a usual name beside a broken package.json", { "package.json": "{", "index.js": "" }, "./index.js"],
    [
      "a usual name beside a package.json of another shape",
      { "package.json": { main: 7, scripts: [], dependencies: null }, "index.js": "" },
      "./index.js",
    ],
  ];
  for (const [name, files, entry] of rows) test(name, () => expect(find(files)?.entry).toBe(entry));
});

describe("findProgram: does not take", () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string | object>>])[] = [
    ["an empty folder", {}],
    ["a type declaration", { "server.d.ts": "", "index.d.ts": "" }],
    ["a folder with the name of a program", { "server.js/a.txt": "" }],
    ["other languages", { "server.py": "", "main.go": "" }],
    ["a program outside the folder", { "package.json": { main: "../1/server.js" } }],
    ["an absolute path", { "package.json": { main: "/etc/server.js" } }],
  ];
  for (const [name, files] of rows) test(name, () => expect(find(files)).toBeUndefined());
});

describe("programIn", () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["node server.js", "server.js"],
    ["node --enable-source-maps -r ./trace ./server.js --port 3", "./server.js"],
    ["NODE_ENV=production node dist/index.mjs", "dist/index.mjs"],
    ["npm run build && node dist/index.js", "dist/index.js"],
    ["tsx watch src/index.ts", "src/index.ts"],
    ["bun run server.ts", "server.ts"],
    ["deno run -A main.ts", "main.ts"],
    ["node .", undefined],
    ["node ./bin/www", undefined],
    ["next start", undefined],
    ["scale up", undefined],
    ["", undefined],
  ];
  for (const [command, path] of rows) test(`"${command}"`, () => expect(programIn(command)).toBe(path));
});

test("readManifest: names all dependencies, and is undefined without a file", () => {
  const path = folder({ "package.json": { dependencies: { express: "5" }, devDependencies: { bun: "1" } } });
  expect([...(readManifest(path)?.dependencies ?? [])]).toEqual(["express", "bun"]);
  expect(readManifest(join(path, "nowhere"))).toBeUndefined();
});
