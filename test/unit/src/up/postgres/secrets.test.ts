import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { passwordOf, withPasswordFile, writePassfile } from "../../../../../src/up/postgres/secrets.ts";

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, other: false };
const base = mkdtempSync(join(tmpdir(), "scale-secrets-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test("passwordOf: made once, random, private, and fit for a URL", () => {
  const first = passwordOf(join(base, "a"));
  expect(passwordOf(join(base, "a"))).toBe(first);
  expect(passwordOf(join(base, "b"))).not.toBe(first);
  expect(first).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(statSync(join(base, "a")).mode & 0o777).toBe(0o600);
});

test.each(["", "short", "with a space in the middle", `${"x".repeat(20)}'; drop`])(
  "passwordOf: refuses a file that holds %p",
  (text) => {
    writeFileSync(join(base, "bad"), text);
    expect(() => passwordOf(join(base, "bad"))).toThrow(/not one that scale made/);
    expect(readFileSync(join(base, "bad"), "utf8")).toBe(text);
  },
);

test("withPasswordFile: the file is private, and gone when the work is done or has failed", async () => {
  const file = join(base, "lent");
  const seen = await withPasswordFile(file, "secret", owner, async () => [
    readFileSync(file, "utf8"),
    statSync(file).mode & 0o777,
  ]);
  expect(seen).toEqual(["secret\n", 0o600]);
  expect(existsSync(file)).toBe(false);
  const failing = withPasswordFile(file, "secret", owner, () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect(existsSync(file)).toBe(false);
});

test("writePassfile: replaces what is there, and never writes through a link", () => {
  const target = join(base, "target");
  const file = join(base, "passfile");
  writeFileSync(target, "untouched");
  symlinkSync(target, file);
  writePassfile(file, "secret", owner);
  expect(readFileSync(target, "utf8")).toBe("untouched");
  expect(readFileSync(file, "utf8")).toBe("127.0.0.1:*:*:scale:secret\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
});
