/** Small trees for the tests of `test/tidy`: written to a folder, read as the real one is, and gone again. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { check } from "../../../tidy/rules.ts";
import { readTree, type Tree } from "../../../tidy/tree.ts";
import { show } from "../../../tidy/violation.ts";

/** Path → text. */
export type Files = { readonly [path: string]: string };

export function treeOf(files: Files): Tree {
  const folder = mkdtempSync(join(tmpdir(), "scale-tidy-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return readTree(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** All that any rule finds in it, as "path:line [rule] what". */
export function findings(files: Files): string[] {
  return check(treeOf(files)).map(show);
}
