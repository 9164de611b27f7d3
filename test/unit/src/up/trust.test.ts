import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPathTrusted, isPrivateFolder, look, readSmallFile } from "../../../../src/up/trust.ts";

const uid = process.getuid?.() ?? 0;
const base = realpathSync(mkdtempSync(join(tmpdir(), "scale-trust-")));
afterAll(() => rmSync(base, { recursive: true, force: true }));

function folder(name: string, mode: number): string {
  const path = join(base, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

test("isPrivateFolder: only a real folder that others cannot write to", () => {
  expect(isPrivateFolder(folder("own", 0o755), uid)).toBe(true);
  expect(isPrivateFolder(folder("group", 0o775), uid)).toBe(false);
  expect(isPrivateFolder(folder("all", 0o757), uid)).toBe(false);
  expect(isPrivateFolder(join(base, "none"), uid)).toBe(false);
  symlinkSync(join(base, "own"), join(base, "link"));
  expect(isPrivateFolder(join(base, "link"), uid)).toBe(false);
  writeFileSync(join(base, "file"), "");
  expect(isPrivateFolder(join(base, "file"), uid)).toBe(false);
});

test("isPrivateFolder: not one of another user, unless that is root", () => {
  expect(isPrivateFolder(folder("theirs", 0o755), uid + 1)).toBe(uid === 0);
  expect(isPrivateFolder("/usr", uid + 1)).toBe(true);
});

test("isPathTrusted: a writable folder above only when it is sticky", () => {
  const open = folder("open", 0o777);
  const inside = join(open, "inside");
  mkdirSync(inside);
  expect(isPathTrusted(inside, uid)).toBe(false);
  chmodSync(open, 0o1777);
  expect(isPathTrusted(inside, uid)).toBe(true);
  expect(isPathTrusted(join(base, "none", "deeper"), uid)).toBe(false);
});

test("readSmallFile: the first bytes of a file, and nothing of a link, a folder or a pipe", () => {
  const path = join(base, "small");
  writeFileSync(path, "0123456789");
  expect(new TextDecoder().decode(readSmallFile(path, 4))).toBe("0123");
  expect(readSmallFile(path, 100)?.length).toBe(10);
  symlinkSync(path, join(base, "small-link"));
  expect(readSmallFile(join(base, "small-link"), 4)).toBeUndefined();
  expect(readSmallFile(base, 4)).toBeUndefined();
  expect(readSmallFile(join(path, "below-a-file"), 4)).toBeUndefined();
  expect(look(join(base, "none"))).toBeUndefined();
});
