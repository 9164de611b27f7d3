/**
 * Looks after the log of a box that runs: says its new lines, and sets the file aside when it has become large. The box
 * writes into the file by itself and never waits for us; a file is emptied, not replaced, because its processes have it
 * open. Lines written in the moment between the copy and the emptying are lost.
 */
import { copyFileSync, truncateSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Clock, Timer } from "../../proxy/base/clock.ts";

export interface LogWatchParts {
  readonly path: string;
  readonly clock: Clock;
  /** A whole line, without its line feed. */
  line(text: string): void;
  /** The file cannot be read or emptied any more. */
  failed(error: unknown): void;
  readonly bytesMax?: number;
}

/** One older file of about this size is kept. */
const BYTES_MAX = 8 << 20;
const LOOK_MS = 200;
const READ_BYTES = 64 << 10;
/** Longer ones are said in parts. */
const LINE_MAX = 64 << 10;

export class LogWatch {
  readonly #parts: LogWatchParts;
  readonly #decoder = new TextDecoder();
  readonly #bytes = new Uint8Array(READ_BYTES);
  #at: number;
  #rest = "";
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;

  /** `from`: where the lines begin that are new. */
  constructor(parts: LogWatchParts, from: number) {
    this.#parts = parts;
    this.#at = from;
    this.#timer = parts.clock.every(LOOK_MS, () => void this.look());
  }

  /** Says what has been added until now. */
  look(): Promise<void> {
    this.#looking ??= this.#readOn()
      .catch((error: unknown) => {
        this.#timer?.cancel();
        this.#parts.failed(error);
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  /** Says the last lines, and looks no more. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.look();
    await this.look();
    if (this.#rest !== "") this.#parts.line(this.#rest);
    this.#rest = "";
  }

  async #readOn(): Promise<void> {
    const file = await open(this.#parts.path, "r");
    try {
      const { size } = await file.stat();
      // It was emptied.
      if (size < this.#at) this.#at = 0;
      while (this.#at < size && (await this.#readPart(file)));
    } finally {
      await file.close();
    }
    if (this.#at > (this.#parts.bytesMax ?? BYTES_MAX)) this.#setAside();
  }

  /** False when there is nothing to read, whatever the size was. */
  async #readPart(file: FileHandle): Promise<boolean> {
    const { bytesRead } = await file.read(this.#bytes, 0, READ_BYTES, this.#at);
    if (bytesRead === 0) return false;
    this.#at += bytesRead;
    const lines = (this.#rest + this.#decoder.decode(this.#bytes.subarray(0, bytesRead), { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LINE_MAX) {
      lines.push(this.#rest);
      this.#rest = "";
    }
    for (const line of lines) if (line !== "") this.#parts.line(line);
    return true;
  }

  #setAside(): void {
    const { path } = this.#parts;
    copyFileSync(path, `${path}.old`);
    truncateSync(path);
    this.#at = 0;
  }
}
