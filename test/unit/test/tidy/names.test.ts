/** Tests of test/tidy/names.ts. */
import { describe, expect, test } from "bun:test";
import { findings } from "./small-tree.ts";

const OWN = "export const own = 1;\n";

describe("names", () => {
  test.each([
    "src/run/signals.ts",
    "src/run/listen-fds.ts",
    "src/run/shared-page.ts",
    "src/run/h2.ts",
    "src/app/scale.d.ts",
    "test/kit/clock.test.ts",
    "test/unit/utils.test.ts",
    "src/run/README.md",
  ])("allows %s", (path) => {
    expect(findings({ [path]: OWN })).toEqual([]);
  });

  test.each([
    ["src/run/utils.ts", '"utils" says nothing: find the missing noun'],
    ["src/run/helpers.ts", '"helpers" says nothing: find the missing noun'],
    ["src/common/a.ts", '"common" says nothing: find the missing noun'],
    ["proxy/base/shared/a.ts", '"shared" says nothing: find the missing noun'],
    ["proxy/base/core.ts", '"core" says nothing: find the missing noun'],
    ["test/kit/misc.ts", '"misc" says nothing: find the missing noun'],
    ["src/lib/a.ts", '"lib" says nothing: find the missing noun'],
    ["src/run/string-utils.ts", '"string-utils" says nothing: find the missing noun'],
    ["src/run/listenFds.ts", '"listenFds" is not kebab-case'],
    ["src/run/Page.ts", '"Page" is not kebab-case'],
    ["src/run/shared_page.ts", '"shared_page" is not kebab-case'],
  ])("finds %s", (path, what) => {
    expect(findings({ [path]: OWN })).toEqual([`${path}:1 [names] ${what}`]);
  });
});

describe("barrels", () => {
  test("allows a file that adds something of its own to what it passes on", () => {
    const files = { "src/run/a.ts": OWN, "src/run/b.ts": 'export { own } from "./a.ts";\nexport const more = 2;\n' };
    expect(findings(files)).toEqual([]);
  });

  test.each([
    ["index.ts", OWN],
    ["all.ts", 'export * from "./a.ts";\n'],
    ["some.ts", 'export { own } from "./a.ts";\n'],
    ["types.ts", 'export type { Own } from "./a.ts";\n'],
    ["detour.ts", 'import { own } from "./a.ts";\nexport { own };\n'],
  ])("finds %s", (name, text) => {
    const files = { "src/run/a.ts": `${OWN}export type Own = 1;\n`, [`src/run/${name}`]: text };
    expect(findings(files)).toEqual([`src/run/${name}:1 [barrels] only passes on what others export`]);
  });
});
