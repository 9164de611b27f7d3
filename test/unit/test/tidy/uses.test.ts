/** Tests of test/tidy/uses.ts: which globals a text touches, and which names are its own. */
import { describe, expect, test } from "bun:test";
import { parse } from "../../../tidy/source.ts";

/** What of these three the text touches. */
function touched(text: string): string[] {
  const { uses } = parse("src/a.ts", text);
  const watched = /^(?:Bun|process|Date)\b/;
  return uses.filter(({ name }) => watched.test(name)).map(({ name, typeOnly }) => (typeOnly ? `type ${name}` : name));
}

describe("usesOf", () => {
  test.each([
    ["process.exit(1);", ["process.exit"]],
    ["process.stdout.write(x);", ["process.stdout"]],
    ['process["env"];', ["process.env"]],
    ["process[key];", ["process"]],
    ["globalThis.process.exit(1);", ["process.exit"]],
    ['globalThis["Bun"].serve(x);', ["Bun.serve"]],
    ["const { serve, listen: open } = Bun;", ["Bun.serve", "Bun.listen"]],
    ["const { argv } = globalThis.process;", ["process.argv"]],
    ["run(Bun, { process });", ["Bun", "process"]],
    ["export { process };", ["process"]],
    ["const now = Date.now;", ["Date.now"]],
    ["type S = typeof Bun.serve;", ["type Bun.serve"]],
    ["const a: Date = b; f<Date>(c as Date);", ["type Date", "type Date", "type Date"]],
    ["class A extends Date implements Bun {}", ["Date", "type Bun"]],
    ["interface A extends Date {}", ["type Date"]],
    ["x instanceof Date;", ["Date"]],
    ['import { serve as open, type Server } from "bun";', ["Bun.serve", "type Bun.Server"]],
    ['import type { Server } from "bun";', ["type Bun.Server"]],
    ['import * as bun from "bun";\nbun.serve(x);', ["Bun.serve"]],
    ['import self from "node:process";\nself.exit(1);', ["process.exit"]],
  ])("%s", (text, names) => {
    expect(touched(text)).toEqual(names);
  });

  test.each([
    ["a member", "own.process.exit(); own.Bun; ({ Bun: 1, process() {} });"],
    ["a declaration", "interface A { process: 1; Bun(): void } class B { Date = 1; get process() { return 1; } }"],
    ["a label", "process: for (;;) break process;"],
    ["a renamed part", "const { process: mine } = own; mine;"],
    ["an import of another module", 'import { process } from "./own.ts";\nprocess.exit(1);'],
    ["a parameter", "function f(process: Own, { Bun }: Own) { process.exit(Bun.serve); }"],
    [
      "a variable of an outer function",
      "function f() { const process = own; return () => { if (own) process.exit(); }; }",
    ],
    [
      "a loop's and a catch's",
      "for (const process of own) process.exit(); try { own; } catch (process) { process.exit(); }",
    ],
    ["text and comments", 'const text = "process.exit()"; // process.exit()'],
  ])("leaves alone %s", (_name, text) => {
    expect(touched(text)).toEqual([]);
  });

  test.each([
    "function f(process: Own) { process.exit(); } process.abort();",
    "{ const process = own; process.exit(); } process.abort();",
    "type F = (process: Own) => void; process.abort();",
    "for (const process of own) {} process.abort();",
    "try { own; } catch (process) { own; } process.abort();",
  ])("does not take a name for the file's own where it is not: %s", (text) => {
    expect(touched(text)).toEqual(["process.abort"]);
  });

  test("tells the line", () => {
    expect(parse("src/a.ts", "\n\n  process.exit();\n").uses.map(({ line }) => line)).toEqual([3]);
  });
});
