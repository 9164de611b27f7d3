/** Tests of test/tidy/source.ts: every way to import, and what is left of it when types are erased. */
import { expect, test } from "bun:test";
import { parse } from "../../../tidy/source.ts";

const VALUE = { typeOnly: false, addressOnly: false };
const TYPE = { typeOnly: true, addressOnly: false };
const ADDRESS = { typeOnly: false, addressOnly: true };

test.each([
  ['import a from "./x.ts";', VALUE],
  ['import { a } from "./x.ts";', VALUE],
  ['import { type A, b } from "./x.ts";', VALUE],
  ['import * as a from "./x.ts";', VALUE],
  ['import "./x.ts";', VALUE],
  ['import {} from "./x.ts";', VALUE],
  ['import a from "./x.ts" with { type: "file" };', VALUE],
  ['import type A from "./x.ts";', TYPE],
  ['import type { A } from "./x.ts";', TYPE],
  ['import type * as A from "./x.ts";', TYPE],
  ['import { type A, type B } from "./x.ts";', TYPE],
  ['import a, { type B } from "./x.ts";', VALUE],
  ['export { a } from "./x.ts";', VALUE],
  ['export * from "./x.ts";', VALUE],
  ['export * as a from "./x.ts";', VALUE],
  ['export type { A } from "./x.ts";', TYPE],
  ['export type * from "./x.ts";', TYPE],
  ['export { type A } from "./x.ts";', TYPE],
  ['const a = await import("./x.ts");', VALUE],
  ["const a = await import(`./x.ts`);", VALUE],
  ['const a = require("./x.ts");', VALUE],
  ['const a = import.meta.require("./x.ts");', VALUE],
  ['import a = require("./x.ts");', VALUE],
  ['type A = import("./x.ts").A;', TYPE],
  ['type A = typeof import("./x.ts");', TYPE],
  ['new Worker(new URL("./x.ts", import.meta.url));', ADDRESS],
  ['import.meta.resolve("./x.ts");', ADDRESS],
  ['require.resolve("./x.ts");', ADDRESS],
])("parse: sees %s", (text, how) => {
  expect(parse("src/a.ts", `\n${text}`).imports).toEqual([{ specifier: "./x.ts", line: 2, ...how }]);
});

test.each(["await import(name);", "require(`./${name}.ts`);"])("parse: sees that %s is computed", (text) => {
  expect(parse("src/a.ts", text).imports).toEqual([{ specifier: undefined, line: 1, ...VALUE }]);
});

test.each(["const a = \"import b from './x.ts'\";", "// import './x.ts'", 'new URL("./x.ts", base);', "export { a };"])(
  "parse: sees no import in %s",
  (text) => {
    expect(parse("src/a.ts", text).imports).toEqual([]);
  },
);

test.each([
  ["", 1],
  ["a", 1],
  ["a\n", 1],
  ["a\nb", 2],
  ["a\n\n", 2],
])("parse: %p has %p lines", (text, lines) => {
  expect(parse("src/a.ts", text).lines).toBe(lines);
});
