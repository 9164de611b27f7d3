import { expect, test } from "bun:test";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolders } from "../../../../src/up/embedded.ts";

const temporary = (uid: number) => join(tmpdir(), `scale-cache-${uid}`);

const rows: readonly (readonly [string, number, Record<string, string>, readonly string[]])[] = [
  ["root: where all may read", 0, { XDG_CACHE_HOME: "/x" }, ["/var/lib/scale/cache", temporary(0)]],
  ["the user's own word", 7, { XDG_CACHE_HOME: "/x" }, ["/x/scale", temporary(7)]],
  ["a relative word does not count", 7, { XDG_CACHE_HOME: "x" }, [join(homedir(), ".cache/scale"), temporary(7)]],
  ["no word", 7, {}, [join(homedir(), ".cache/scale"), temporary(7)]],
];
test.each(rows)("cacheFolders: %s", (_what, uid, env, wanted) => {
  expect(cacheFolders(uid, env)).toEqual(wanted);
});
