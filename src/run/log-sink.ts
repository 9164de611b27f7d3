/**
 * Where log lines leave the process: stderr, because stdout is the user's program's. Not a file logger and not rotation;
 * that is journald's. Invariant: a reader that stands still (a stopped `less`, a full pipe) never stops traffic. Lines wait in a
 * bounded queue, then are dropped and counted, and the next line that gets out says how many were lost.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import type { Clock, Timer } from "../../proxy/base/clock.ts";
import { sendNow } from "./os.ts";

export const STDERR = 2;
const WAITING_BYTES_MAX = 256 * 1024;
const RETRY_MS = 50;

export interface LineSink {
  write(line: string): void;
  /** Hands the kernel what it will take at once; what it will not is given up. For the last moment of a process. */
  flush(): void;
}

export interface SinkOptions {
  readonly clock: Clock;
  readonly fd?: number;
  /** The line that says that `count` lines were dropped. */
  readonly lost: (count: number) => string;
}

export class LogSink implements LineSink {
  readonly #options: SinkOptions;
  readonly #put: Put;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #retry: Timer | undefined;

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#put = putter(options.fd ?? STDERR);
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waiting.length > 0) {
      this.#queue(bytes);
      return;
    }
    const taken = this.#put(bytes);
    if (taken < bytes.length) this.#wait(bytes.subarray(taken));
  }

  flush(): void {
    this.#drain();
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  #queue(bytes: Uint8Array): void {
    if (this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    this.#wait(bytes);
  }

  #wait(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#retry ??= this.#options.clock.after(RETRY_MS, () => {
      this.#retry = undefined;
      this.#drain();
    });
  }

  #drain(): void {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const [at, bytes] of lines.entries()) {
      const taken = this.#put(bytes);
      if (taken === bytes.length) continue;
      this.#wait(bytes.subarray(taken));
      for (const later of lines.slice(at + 1)) this.#wait(later);
      return;
    }
    if (this.#dropped === 0) return;
    const count = this.#dropped;
    this.#dropped = 0;
    this.write(this.#options.lost(count));
  }
}

/** Writes without waiting, and returns how many bytes the kernel took. */
type Put = (bytes: Uint8Array) => number;

/**
 * The descriptor we inherited must not be made non-blocking: its open file is shared with the shell and with the user's
 * program. So a pipe or terminal is opened again under an open file of our own, and a socket (journald's) is asked not to wait
 * each time. A regular file never waits for a reader, and must be written through the offset it shares.
 */
function putter(fd: number): Put {
  const [kind, own] = withoutBlocking(fd);
  const write = kind === "socket" ? sendNow : (at: number, bytes: Uint8Array) => writeSync(at, bytes, 0, bytes.length);
  return (bytes) => {
    try {
      return write(own, bytes);
    } catch (error) {
      // When nobody can read any more (EPIPE, EBADF), the line is taken to be written: there is nowhere to say so.
      return codeOf(error) === "EAGAIN" ? 0 : bytes.length;
    }
  };
}

function withoutBlocking(fd: number): ["socket" | "file", number] {
  try {
    const stat = fstatSync(fd);
    if (stat.isSocket()) return ["socket", fd];
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return ["file", fd];
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_APPEND | constants.O_NOCTTY;
    return ["file", openSync(`/proc/self/fd/${fd}`, flags)];
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return ["file", fd];
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
