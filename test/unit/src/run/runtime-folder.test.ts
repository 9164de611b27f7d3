import { afterAll, expect, test } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problem } from "../../../../src/problem/problem.ts";
import { ensureRuntimeFolder, runtimeFolder } from "../../../../src/run/runtime-folder.ts";

const root = mkdtempSync(join(tmpdir(), "scale-runtime-"));
afterAll(() => rmSync(root, { recursive: true }));
const us = process.getuid?.() ?? 0;

const rows: readonly [Record<string, string>, number, string][] = [
  [{}, 0, "/run/scale"],
  [{ XDG_RUNTIME_DIR: "/run/user/0" }, 0, "/run/scale"],
  [{ XDG_RUNTIME_DIR: "/run/user/1000" }, 1000, "/run/user/1000/scale"],
  [{ XDG_RUNTIME_DIR: "relative" }, 1000, "/tmp/scale-1000"],
  [{}, 1000, "/tmp/scale-1000"],
  [{ RUNTIME_DIRECTORY: "/run/scale" }, 997, "/run/scale"],
  [{ RUNTIME_DIRECTORY: "/run/scale:/run/other" }, 997, "/run/scale"],
  [{ RUNTIME_DIRECTORY: "" }, 997, "/tmp/scale-997"],
];

for (const [env, uid, wanted] of rows) {
  test(`runtimeFolder: of user ${uid} under ${JSON.stringify(env)} is ${wanted}`, () =>
    expect(runtimeFolder(env, uid)).toBe(wanted));
}

test("ensureRuntimeFolder: makes it for us alone, and takes it again", () => {
  const path = join(root, "fresh");
  expect(ensureRuntimeFolder(path, us)).toBe(path);
  expect(lstatSync(path).mode & 0o777).toBe(0o700);
  expect(ensureRuntimeFolder(path, us)).toBe(path);
});

const traps: readonly [string, (path: string) => void, number, string][] = [
  ["a link", (path) => symlinkSync(root, path), us, "it is a symbolic link"],
  ["a link to nowhere", (path) => symlinkSync("/nowhere", path), us, "it is a symbolic link"],
  ["a file", (path) => writeFileSync(path, ""), us, "it is not a folder"],
  ["one that others may write", (path) => openTo(path, 0o777), us, "others may write into it"],
  ["one that a group may write", (path) => openTo(path, 0o770), us, "others may write into it"],
];

for (const [what, plant, uid, why] of traps) {
  test(`ensureRuntimeFolder: refuses ${what}`, () => {
    const path = join(root, what.replaceAll(" ", "-"));
    plant(path);
    expect(refusal(path, uid)).toEndWith(why);
  });
}

test.if(us === 0)("ensureRuntimeFolder: refuses one of another user, but not root's", () => {
  const path = join(root, "foreign");
  mkdirSync(path, { mode: 0o700 });
  expect(Bun.spawnSync(["chown", "12345", path]).exitCode).toBe(0);
  expect(refusal(path, 54_321)).toEndWith("it belongs to user 12345, not to us (54321)");
  expect(Bun.spawnSync(["chown", "0", path]).exitCode).toBe(0);
  expect(ensureRuntimeFolder(path, 54_321)).toBe(path);
});

test("ensureRuntimeFolder: says why it cannot be made", () => {
  expect(refusal(join(root, "no/such/parent"), us)).toContain("ENOENT");
});

function openTo(path: string, mode: number): void {
  mkdirSync(path);
  chmodSync(path, mode);
}

function refusal(path: string, uid: number): string {
  try {
    return `no refusal: ${ensureRuntimeFolder(path, uid)}`;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    expect(error.code).toBe("RUN_FOLDER");
    return error.message;
  }
}
