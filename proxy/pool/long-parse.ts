/**
 * A client's Parse that came in parts, put together: its text is needed as a whole, to be said again on another link.
 * Its memory is the Budget's until `clear`.
 */
import type { Budget } from "../base/byte-queue.ts";
import { Fault } from "../base/fault.ts";
import { FRONTEND } from "../pg/tag.ts";
import type { Part } from "../pg/framer.ts";

/** A longer statement is not prepared. */
export const STATEMENT_BYTES_MAX = 0x400000;

export class LongParse implements Part {
  readonly tag = FRONTEND.parse;
  readonly left = 0;
  readonly start = 0;
  end = 0;
  readonly bytes: Uint8Array;
  readonly #budget: Budget;

  /** `total` is the whole frame, its header included. Throws Fault OVERLOADED. */
  constructor(total: number, budget: Budget) {
    const block = budget.lend(total);
    if (block === undefined) throw new Fault("OVERLOADED", "Cannot keep a statement: the budget for bytes is used up");
    this.bytes = block;
    this.#budget = budget;
  }

  add({ bytes, start, end }: Part): void {
    this.bytes.set(bytes.subarray(start, end), this.end);
    this.end += end - start;
  }

  clear(): void {
    this.#budget.giveBack(this.bytes);
  }
}
