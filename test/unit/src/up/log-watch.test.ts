import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogWatch } from "../../../../src/up/log-watch.ts";
import { FakeClock } from "../../../kit/clock.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-log-"));
  path = join(folder, "app.log");
  writeFileSync(path, "of before\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function watchLog(bytesMax?: number) {
  const lines: string[] = [];
  const failures: unknown[] = [];
  const parts = { path, clock: new FakeClock(), line: (text: string) => void lines.push(text) };
  const watch = new LogWatch(
    { ...parts, failed: (error) => void failures.push(error), ...(bytesMax === undefined ? {} : { bytesMax }) },
    "of before\n".length,
  );
  return { watch, lines, failures };
}

test("look: says what was added, line by line, and half a line when it is whole", async () => {
  const { watch, lines } = watchLog();
  appendFileSync(path, "one\ntw");
  await watch.look();
  expect(lines).toEqual(["one"]);
  appendFileSync(path, "o\n\nthree\n");
  await watch.look();
  expect(lines).toEqual(["one", "two", "three"]);
  await watch.close();
});

test("look: takes letters that were cut in two for what they are", async () => {
  const { watch, lines } = watchLog();
  const bytes = new TextEncoder().encode("größe\n");
  appendFileSync(path, bytes.subarray(0, 3));
  await watch.look();
  appendFileSync(path, bytes.subarray(3));
  await watch.look();
  expect(lines).toEqual(["größe"]);
  await watch.close();
});

test("look: sets a file aside that has become large, and goes on with the emptied one", async () => {
  const { watch, lines } = watchLog(20);
  appendFileSync(path, "a line that is long\n");
  await watch.look();
  expect(readFileSync(path, "utf8")).toBe("");
  expect(readFileSync(`${path}.old`, "utf8")).toBe("of before\na line that is long\n");
  appendFileSync(path, "next\n");
  await watch.look();
  expect(lines).toEqual(["a line that is long", "next"]);
  await watch.close();
});

test("close: says the last words, also without a line feed", async () => {
  const { watch, lines } = watchLog();
  appendFileSync(path, "panic: no");
  await watch.close();
  expect(lines).toEqual(["panic: no"]);
});

test("look: tells when the file is gone, and does not throw", async () => {
  const { watch, failures } = watchLog();
  rmSync(path);
  await watch.look();
  expect(failures).toHaveLength(1);
});
