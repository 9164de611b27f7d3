/**
 * The socket of a `Session`, read by asking instead of by being told: frames wait here until someone wants them, and the
 * server is held back when too many do. One reader at a time.
 * Invariants: at most INBOX_BYTES_MAX (and what one frame needs) wait unread; no wait is longer than `waitMs`; what had
 * arrived before a fault can still be read, and then the fault is thrown.
 */
import type { Socket } from "bun";
import { int32, message, WireFault, type Frame } from "./wire-frames.ts";

const INBOX_BYTES_MAX = 1 << 20;

export class Inbox {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #wanted = 0;
  #wake: (() => void) | undefined;
  #fault: WireFault | undefined;
  readonly #waitMs: number;
  #socket: Socket<Inbox> | undefined;

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  opened(socket: Socket<Inbox>): void {
    this.#socket = socket;
  }

  arrived(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= Math.max(INBOX_BYTES_MAX, this.#wanted)) this.#socket?.pause();
    if (this.#bytes >= this.#wanted) this.#wakeUp();
  }

  fail(why: string): void {
    this.#fault ??= new WireFault(`Cannot talk to Postgres: ${why}`);
    this.#socket?.terminate();
    this.#wakeUp();
  }

  close(): void {
    if (this.#fault !== undefined) return;
    this.#fault = new WireFault("Cannot talk to Postgres: the session was closed");
    this.#socket?.write(message("X"));
    this.#socket?.end();
    this.#wakeUp();
  }

  /** Our messages are a few hundred bytes into an empty buffer: a kernel that does not take one is a broken pipe. */
  write(bytes: Uint8Array): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#socket?.write(bytes) !== bytes.length) throw new WireFault("Cannot talk to Postgres: it does not read");
  }

  async frame(bytesMax: number): Promise<Frame> {
    const head = await this.#take(5);
    const length = int32(head, 1) - 4;
    const tag = String.fromCharCode(head[0] ?? 0);
    if (length < 0 || length > bytesMax) throw new WireFault(`Cannot read frame "${tag}": ${length} bytes long`);
    return { tag, body: await this.#take(length) };
  }

  async #take(count: number): Promise<Uint8Array> {
    this.#wanted = count;
    while (this.#bytes < count) {
      if (this.#fault !== undefined) throw this.#fault;
      await this.#arrival();
    }
    this.#wanted = 0;
    const taken = this.#cut(count);
    if (this.#bytes < INBOX_BYTES_MAX) this.#socket?.resume();
    return taken;
  }

  async #arrival(): Promise<void> {
    const timer = setTimeout(() => this.fail(`it was silent for ${this.#waitMs} ms`), this.#waitMs);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#socket?.resume();
    });
    clearTimeout(timer);
  }

  #cut(count: number): Uint8Array {
    const first = this.#chunks[0];
    this.#bytes -= count;
    if (first !== undefined && first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const into = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) throw new WireFault("Cannot read a frame: bytes are missing");
      const part = chunk.subarray(0, count - filled);
      into.set(part, filled);
      filled += part.length;
      if (part.length < chunk.length) this.#chunks.unshift(chunk.subarray(part.length));
    }
    return into;
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** Dials 127.0.0.1. */
export async function dial({ port, waitMs }: { readonly port: number; readonly waitMs: number }): Promise<Inbox> {
  const inbox = new Inbox(waitMs);
  try {
    await Bun.connect<Inbox>({
      hostname: "127.0.0.1",
      port,
      data: inbox,
      socket: {
        open: (socket) => inbox.opened(socket),
        data: (_socket, chunk) => inbox.arrived(chunk),
        close: () => inbox.fail("the connection was closed"),
        error: (_socket, error) => inbox.fail(error.message),
      },
    });
  } catch (error) {
    throw new WireFault(`Cannot dial 127.0.0.1:${port}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return inbox;
}
