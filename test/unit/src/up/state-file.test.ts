/** What an `up` leaves for `status`, `logs` and `stop`. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeOwnFolder, readState, StateFile, type UpState } from "../../../../src/up/state-file.ts";

const STATE: UpState = { url: "http://127.0.0.1:1", adminUrl: "http://127.0.0.1:2", tier: 1, boxes: [], stores: [] };

let project = "";
let folder = "";
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "scale-state-"));
  folder = join(project, ".scale");
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

test("write: can be read back, by its user only, and is kept out of version control", () => {
  expect(new StateFile(folder, folder).write(STATE)).toBeUndefined();
  expect(readState(folder)).toEqual({ pid: process.pid, dataFolder: folder, token: undefined, state: STATE });
  expect(statSync(join(folder, "up.json")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, ".gitignore"), "utf8")).toBe("*\n");
});

test("update: changes what was written, and writes nothing when nothing was", () => {
  const file = new StateFile(folder, folder);
  file.update({ tier: 2 });
  expect(existsSync(folder)).toBe(false);
  file.write(STATE);
  file.update({ tier: 2 });
  expect(readState(folder)?.state.tier).toBe(2);
});

test("remove: takes only its own file, and the folder when nothing else is in it", () => {
  const running = new StateFile(folder, folder);
  running.write(STATE);
  new StateFile(folder, folder).remove();
  expect(readState(folder)?.pid).toBe(process.pid);
  running.remove();
  expect(readState(folder)).toBeUndefined();
  const elsewhere = new StateFile(join(project, "other"), folder);
  elsewhere.write(STATE);
  elsewhere.remove();
  expect(readdirSync(project)).toEqual([".scale"]);
});

test("readState: does not believe a file whose process is gone or is another one now", () => {
  new StateFile(folder, folder).write(STATE);
  const path = join(folder, "up.json");
  const written = JSON.parse(readFileSync(path, "utf8"));
  for (const changed of [{ born: "1" }, { pid: 2 ** 30 }]) {
    writeFileSync(path, JSON.stringify({ ...written, ...changed }));
    expect(readState(folder)).toBeUndefined();
  }
});

test.skipIf(process.getuid?.() !== 0)("makeOwnFolder: refuses one that another user has prepared", () => {
  makeOwnFolder(folder);
  chownSync(folder, 65_534, 65_534);
  expect(() => makeOwnFolder(folder)).toThrow("it belongs to user 65534");
});

test("makeOwnFolder: refuses one in which others may write", () => {
  makeOwnFolder(folder);
  chmodSync(folder, 0o777);
  expect(() => makeOwnFolder(folder)).toThrow("others may write in it");
});

test.skipIf(process.getuid?.() !== 0)("readState: does not believe a file that another user owns", () => {
  new StateFile(folder, folder).write(STATE);
  chownSync(join(folder, "up.json"), 65_534, 65_534);
  expect(readState(folder)).toBeUndefined();
});
