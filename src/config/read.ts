/** Gets the text of a config file from disk, or says why it cannot be had. Not its meaning. */
import { isUtf8 } from "node:buffer";
import { readFileSync, type Stats, statSync } from "node:fs";
import { Problem } from "../problem/problem.ts";
import type { Keys } from "./mask.ts";
import { Source } from "./source.ts";

export const FILE_BYTES_MAX = 1_048_576;

/** Throws a Problem. `file` is the name for people, `path` the absolute one. */
export function readSource(file: string, path: string, keys: Keys): Source {
  const bytes = readBytes(file, path);
  const text = decode(bytes);
  if (typeof text === "string") return new Source(file, text, keys);
  const before = new TextDecoder().decode(bytes.subarray(0, text.badByte));
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  throw new Problem("CONFIG_NOT_UTF8", {
    what: `Cannot read "${file}": byte ${text.badByte + 1} is not UTF-8`,
    where: { file, line, column },
    why: `The byte is 0x${(bytes[text.badByte] ?? 0).toString(16).padStart(2, "0")}. TOML is always UTF-8.`,
    fix: 'Save the file as UTF-8, for instance with "iconv -f latin1 -t utf-8"',
  });
}

function readBytes(file: string, path: string): Uint8Array {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw unreadable(file, "it is a folder", "Name the file in it");
    // Reading from anything else may never end.
    if (!stat.isFile()) throw unreadable(file, `it is ${kindOf(stat)}`, "Name a regular file; write into one first");
    if (stat.size > FILE_BYTES_MAX) throw tooLarge(file, stat.size);
    const bytes = readFileSync(path);
    if (bytes.length > FILE_BYTES_MAX) throw tooLarge(file, bytes.length);
    return bytes;
  } catch (error) {
    if (error instanceof Problem) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOENT")
      throw unreadable(file, "there is no such file", 'Check the name; "scale init" writes a first one');
    if (code === "EACCES") throw unreadable(file, "this user may not read it", "Change its owner or its mode");
    throw unreadable(file, code === "" ? String(error) : code, "Check the name and the disk");
  }
}

function kindOf(stat: Stats): string {
  if (stat.isFIFO()) return "a pipe";
  return stat.isSocket() ? "a socket" : "a device";
}

function unreadable(file: string, reason: string, fix: string): Problem {
  return new Problem("CONFIG_FILE_UNREADABLE", { what: `Cannot read "${file}": ${reason}`, where: { file }, fix });
}

function tooLarge(file: string, bytes: number): Problem {
  return new Problem("CONFIG_FILE_TOO_LARGE", {
    what: `Cannot read "${file}": ${bytes} bytes are more than ${FILE_BYTES_MAX}`,
    where: { file },
    fix: "Check that this is the right file",
  });
}

/** The text without its byte order mark, or the offset of the first byte that is not UTF-8. */
function decode(bytes: Uint8Array): string | { readonly badByte: number } {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  let good = 0;
  let bad = bytes.length;
  // The longest good beginning, by halving; a cut inside a letter counts as good when the letter can still be completed.
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (isUtf8Prefix(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  // The last letter may have begun well and not be finished; then it is its first byte that is wrong.
  while (!isUtf8(bytes.subarray(0, good))) good -= 1;
  return { badByte: good };
}

function isUtf8Prefix(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
