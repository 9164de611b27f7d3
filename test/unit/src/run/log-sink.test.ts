import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clock } from "../../../../src/run/clock.ts";
import { LogSink } from "../../../../src/run/log-sink.ts";

const ROOT = join(import.meta.dir, "../../../..");

/** Logs 4 MB into a stderr that nobody reads, says so on stdout, and goes on for as long as its stdin is open. */
const TALKER = `
  import { clock } from "${ROOT}/src/run/clock.ts";
  import { LogSink } from "${ROOT}/src/run/log-sink.ts";
  const sink = new LogSink({ clock, lost: (lines) => JSON.stringify({ lost: lines }) + "\\n" });
  const line = (at) => JSON.stringify({ at, fill: "x".repeat(1000) }) + "\\n";
  for (let at = 0; at < 4000; at++) sink.write(line(at));
  console.log("done");
  for await (const _ of process.stdin);
  sink.flush();
`;

test("LogSink: a socket's reader that stands still does not stop the writer, and later learns how much was lost", async () => {
  const child = Bun.spawn([process.execPath, "-e", TALKER], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  await saidDone(child.stdout);
  await expectAllOrCounted(child.stderr);
  child.stdin.end();
  expect(await child.exited).toBe(0);
});

test("LogSink: a pipe's reader that stands still does not stop the writer either", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scale-log-"));
  const path = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  const fd = openSync(path, "r+");
  const child = Bun.spawn([process.execPath, "-e", TALKER], { stdin: "pipe", stdout: "pipe", stderr: fd });
  const reader = Bun.spawn(["sh", "-c", 'read -r go && exec cat "$0"', path], { stdin: "pipe", stdout: "pipe" });
  try {
    await saidDone(child.stdout);
    reader.stdin.write("go\n");
    reader.stdin.end();
    await expectAllOrCounted(reader.stdout);
    child.stdin.end();
    expect(await child.exited).toBe(0);
  } finally {
    reader.kill();
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});

test("LogSink: writes to a file through the shared offset, so that it does not run over other writers", () => {
  const folder = mkdtempSync(join(tmpdir(), "scale-log-"));
  try {
    const path = join(folder, "log");
    const fd = openSync(path, "w");
    const sink = new LogSink({ clock, fd, lost: () => "" });
    sink.write("one\n");
    writeSync(fd, "two\n");
    sink.write("three\n");
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\nthree\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("LogSink: when nobody can read any more, lines are gone and nothing throws", () => {
  const lines: number[] = [];
  const sink = new LogSink({ clock, fd: 9_999, lost: (count) => `${lines.push(count)}` });
  for (let at = 0; at < 1_000; at++) sink.write("x".repeat(1_000));
  sink.flush();
  expect(lines).toEqual([]);
});

async function saidDone(stdout: ReadableStream<Uint8Array>): Promise<void> {
  const { value } = await stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("done\n");
}

/** The first lines without a gap, then the number of the others. */
async function expectAllOrCounted(stream: ReadableStream<Uint8Array>): Promise<void> {
  const seen: { at?: number; lost?: number }[] = [];
  for await (const line of linesOf(stream)) {
    const parsed = JSON.parse(line) as { at?: number; lost?: number };
    seen.push(parsed);
    if (parsed.lost !== undefined) break;
  }
  const kept = seen.filter((line) => line.at !== undefined);
  expect(kept.map((line) => line.at)).toEqual(kept.map((_, at) => at));
  expect(seen.at(-1)?.lost).toBe(4_000 - kept.length);
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
