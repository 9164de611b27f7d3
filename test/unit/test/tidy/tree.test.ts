/** Tests of test/tidy/tree.ts. */
import { expect, test } from "bun:test";
import { treeOf } from "./small-tree.ts";

test("readTree: reads our code below the four roots, lists other files, and skips what is not ours", () => {
  const tree = treeOf({
    "build.ts": "",
    "proxy/base/a.ts": "",
    "src/demo/page.html": "<p>",
    "src/demo/node_modules/express/index.js": "",
    "src/demo/page.js": "",
    "test/unit/a.test.ts": "",
    "test/data/bad.ts": "",
    "test/e2e/apps/express/utils.js": "",
    "test/e2e/up.test.ts": "",
    "dist/scale.ts": "",
    "configs/tier1.toml": "",
  });
  expect(tree.paths).toEqual([
    "build.ts",
    "proxy/base/a.ts",
    "src/demo/page.html",
    "src/demo/page.js",
    "test/e2e/up.test.ts",
    "test/unit/a.test.ts",
  ]);
  expect(tree.sources.map(({ path }) => path)).toEqual(tree.paths.filter((path) => !path.endsWith(".html")));
});

test("readTree: is empty for a folder without any of them", () => {
  expect(treeOf({ "README.md": "" })).toEqual({ paths: [], sources: [] });
});
