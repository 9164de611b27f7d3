/** Tests of test/tidy/forms.ts. */
import { describe, expect, test } from "bun:test";
import { findings } from "./small-tree.ts";

/** What "forms" says of this text, with the line. */
function faults(text: string, path = "src/run/a.ts"): string[] {
  return findings({ [path]: `export const own = 1;\n${text}\n` });
}

describe("forms", () => {
  test.each([
    ["const a: any = 1;", "says any"],
    ["function f(a: any[]): void {}", "says any"],
    ["const b = own as any;", "says any"],
    ["enum Color { red }", "declares enum Color: use an as const table"],
    ["const enum Color { red }", "declares enum Color: use an as const table"],
    ["namespace Inner { export const a = 1; }", "declares a namespace"],
    ["declare namespace Inner { const a: number; }", "declares a namespace"],
    ["try { own; } catch {}", "catches and does nothing"],
    ["try { own; } catch (error) { /* never mind */ }", "catches and does nothing"],
    ["own.catch(() => {});", "catches and does nothing"],
    ["own.then(own).catch(function () {});", "catches and does nothing"],
    ["// @ts-ignore\nown;", "silences the type checker"],
    ["/* @ts-nocheck */", "silences the type checker"],
  ])("finds %s", (text, what) => {
    expect(faults(text)).toEqual([`src/run/a.ts:2 [forms] ${what}`]);
    expect(faults(text, "test/kit/a.ts")).toEqual([`test/kit/a.ts:2 [forms] ${what}`]);
  });

  test.each([
    "const a: unknown = 1;",
    'const any = 1; const text = "any"; any;',
    "// any comment may say any, enum, namespace or catch {}",
    "const COLORS = { red: 1 } as const;",
    'declare module "scale" { export const db: number; }',
    "declare global { interface Window { own: number } }",
    "try { own; } catch (error) { own(error); }",
    "try { own; } finally {}",
    "own.catch(() => undefined);",
    "own.catch((error) => { own(error); });",
    'const text = "@ts-ignore";',
  ])("allows %s", (text) => {
    expect(faults(text)).toEqual([]);
  });
});
