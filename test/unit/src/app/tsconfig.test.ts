import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findTsOptions } from "../../../../src/app/tsconfig.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function tree(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "scale-tsconfig-"));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const nothing = (reason: string): void => {
  throw new Error(reason);
};

describe("findTsOptions", () => {
  test("takes the nearest file above the entry, with comments", () => {
    const folder = tree({ "tsconfig.json": '{ // ours\n "compilerOptions": { "experimentalDecorators": true, }, }' });
    const found = findTsOptions(join(folder, "src/deep/server.ts"), nothing);
    expect(found).toMatchObject({ file: join(folder, "tsconfig.json"), legacyDecorators: true });
    expect(found?.jsx).toBeUndefined();
  });

  test.each([
    ["a file", "./base", "base.json"],
    ["a file by its whole name", "./base.json", "base.json"],
    ["a package", "@tsconfig/shop", "node_modules/@tsconfig/shop/tsconfig.json"],
    ["a file of a package", "shop/base.json", "node_modules/shop/base.json"],
  ])("follows extends to %s, and overrides it", (_what, base, path) => {
    const folder = tree({
      "tsconfig.json": JSON.stringify({ extends: base, compilerOptions: { experimentalDecorators: false } }),
      [path]: '{ "compilerOptions": { "jsxImportSource": "hono/jsx", "experimentalDecorators": true } }',
    });
    const found = findTsOptions(join(folder, "server.ts"), nothing);
    expect(found?.jsx).toBe("/** @jsxRuntime automatic @jsxImportSource hono/jsx */");
    expect(found?.legacyDecorators).toBe(false);
  });

  test.each([
    ["is not JSON", "{ compiler", "Cannot read"],
    ["extends what there is not", '{ "extends": ["@none/such"] }', "cannot be found"],
  ])("goes on without a file that %s, and says so", (_what, text, reason) => {
    const folder = tree({ "tsconfig.json": text });
    const reasons: string[] = [];
    const found = findTsOptions(join(folder, "server.ts"), (why) => reasons.push(why));
    expect(found).toMatchObject({ legacyDecorators: false });
    expect(reasons.join()).toContain(reason);
  });

  test("ends when files extend each other", () => {
    const folder = tree({ "tsconfig.json": '{ "extends": "./tsconfig.json" }' });
    expect(findTsOptions(join(folder, "server.ts"), nothing)?.legacyDecorators).toBe(false);
  });

  test("lets nothing out of the comment", () => {
    const jsx = { jsx: "react", jsxFactory: "*/ evil() /*", jsxFragmentFactory: "h.Frag" };
    const folder = tree({ "tsconfig.json": JSON.stringify({ compilerOptions: jsx }) });
    expect(findTsOptions(join(folder, "server.ts"), nothing)?.jsx).toBe("/** @jsxRuntime classic @jsxFrag h.Frag */");
  });
});
