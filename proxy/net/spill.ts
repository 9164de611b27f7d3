/**
 * What a wire's kernel did not take, in order, until it drains: one per direction that is written to. It takes all of a
 * write or says that it cannot, so that its owner writes once and never counts. Its memory comes from the Budget that all
 * Spills of a process share.
 * Invariant: while bytes wait here, no byte is written around them.
 */
import { ByteQueue, type Budget } from "../base/byte-queue.ts";
import { GONE, type Wire } from "./wire.ts";

/**
 * What became of the bytes. "sent": the kernel has them. "waiting": they are in the spill; pause the other side until
 * `drain` says "sent". "full": neither the spill nor the Budget has room; part of them may be sent: the wire is of no more
 * use. "gone": the wire will never take them.
 */
export type Sent = "sent" | "waiting" | "full" | "gone";

export class Spill {
  readonly #queue: ByteQueue;
  #endsWhenEmpty = false;

  constructor(bytesMax: number, budget: Budget) {
    this.#queue = new ByteQueue(bytesMax, budget);
  }

  /** How many bytes wait. */
  get length(): number {
    return this.#queue.length;
  }

  /** Writes [start, end) behind what waits. */
  write(wire: Pick<Wire, "write">, bytes: Uint8Array, start: number, end: number): Sent {
    if (start === end) return this.#queue.length === 0 ? "sent" : "waiting";
    let from = start;
    if (this.#queue.length === 0) {
      const taken = wire.write(bytes, start, end);
      if (taken === GONE) return "gone";
      from += taken;
      if (from === end) return "sent";
    }
    return this.#queue.push(bytes, from, end) ? "waiting" : "full";
  }

  /** For `WireEvents.drain`: writes what waits, and then the end, if `end` was called. */
  drain(wire: Wire): Sent {
    const queue = this.#queue;
    while (queue.length > 0) {
      const [start, end] = [queue.start, queue.end];
      const taken = wire.write(queue.bytes, start, end);
      if (taken === GONE) return "gone";
      queue.shift(taken);
      if (taken < end - start) return "waiting";
    }
    if (this.#endsWhenEmpty) this.#end(wire);
    return "sent";
  }

  /** Ends our direction of the wire behind the last byte that waits. */
  end(wire: Wire): void {
    if (this.#queue.length > 0) this.#endsWhenEmpty = true;
    else this.#end(wire);
  }

  /** Lets go of everything, as its owner must when the wire has closed. */
  clear(): void {
    this.#queue.clear();
    this.#endsWhenEmpty = false;
  }

  #end(wire: Wire): void {
    this.#endsWhenEmpty = false;
    wire.end();
  }
}
