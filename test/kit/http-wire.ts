/** A wire of `proxy/http` that keeps what is written to it. How much it takes of a write can be set; 0 is a full kernel. */
import type { HttpWire } from "../../proxy/http/stream.ts";

export class FakeHttpWire implements HttpWire {
  /** Everything taken so far, one character per byte. */
  text = "";
  writes = 0;
  paused = false;
  ended = false;
  /** It was ended for good. */
  left = false;
  closed = false;
  /** Most bytes that are taken until it is set again. */
  takes = Number.POSITIVE_INFINITY;

  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.closed || this.ended) return -1;
    const count = Math.min(end - start, this.takes);
    this.takes -= count;
    for (let at = start; at < start + count; at++) this.text += String.fromCharCode(bytes[at] as number);
    this.writes += 1;
    return count;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(forGood = false): void {
    this.ended = true;
    this.left = forGood;
  }

  close(): void {
    this.closed = true;
  }

  /** What was written since the last call. */
  take(): string {
    const { text } = this;
    this.text = "";
    return text;
  }
}

/** One byte per character, so that any byte can be written in a test. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
