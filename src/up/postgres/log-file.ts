/**
 * The file a server's words go into. It grows while a server runs (warnings and worse, so slowly) and is set aside when
 * a server starts and it has become large; one older file is kept.
 */
import { closeSync, constants, fstatSync, openSync, readSync, renameSync } from "node:fs";
import { look } from "../trust.ts";

const LOG_BYTES_MAX = 8 << 20;
const TAIL_BYTES_MAX = 4_096;
const TAIL_LINES_MAX = 8;

export interface LogFile {
  readonly path: string;
  /** To be given to the program as its stdout and stderr. */
  readonly fd: number;
  /** Where the words of this run begin. */
  readonly from: number;
  close(): void;
}

export function openLog(path: string): LogFile {
  if ((look(path)?.size ?? 0) > LOG_BYTES_MAX) renameSync(path, `${path}.old`);
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
  return { path, fd, from: fstatSync(fd).size, close: () => closeSync(fd) };
}

/** The last lines that were written since, for a person who is told that something failed. */
export function tailOf({ path, from }: Pick<LogFile, "path" | "from">): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const start = Math.max(from, fstatSync(fd).size - TAIL_BYTES_MAX);
    const bytes = new Uint8Array(TAIL_BYTES_MAX);
    const text = new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, start)));
    return text.trim().split("\n").slice(-TAIL_LINES_MAX).join("\n");
  } finally {
    closeSync(fd);
  }
}
