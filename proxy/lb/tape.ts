/**
 * What a request would need to be said again, or for the first time when its server is still being dialled: its head, what
 * came of its body, its trailers. One per exchange, used again and again.
 * Invariants: all of its memory is the budget's, and none is held once it was cleared; what it says is what came, whole, or
 * it says nothing (`whole`).
 */
import type { Budget } from "../base/byte-queue.ts";
import { ByteQueue } from "../base/byte-queue.ts";
import type { FieldBlock } from "../http/field-block.ts";
import type { HttpHead } from "../http/head.ts";

/** Most of a body that is kept while no server has it: what comes before a client is paused, and the largest chunk. */
export const HELD_BYTES_MAX = 1_048_576;
/** Most that is kept of it beyond that, only so that it could be said again. */
export const TAPE_BYTES_MAX = 65_536;

const NOTHING: Uint8Array = new Uint8Array(0);

export class Tape {
  readonly #budget: Budget;
  readonly #body: ByteQueue;
  #head: HttpHead | undefined;
  #headBytes = NOTHING;
  #trailers: FieldBlock | undefined;
  #trailerBytes = NOTHING;
  #whole = false;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#body = new ByteQueue(HELD_BYTES_MAX, budget);
  }

  /** Everything that came can be said again. */
  get whole(): boolean {
    return this.#whole;
  }

  get bodyBytes(): number {
    return this.#body.length;
  }

  get trailers(): FieldBlock | undefined {
    return this.#trailers;
  }

  /** The head moves into memory of ours. False when there is none. */
  begin(head: HttpHead): boolean {
    const room = this.#budget.lend(head.length);
    if (room === undefined) return false;
    head.keep(room);
    this.#head = head;
    this.#headBytes = room;
    this.#whole = true;
    return true;
  }

  /** False when there is no room: then it is not whole any more. */
  data(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#body.push(bytes, start, end)) return true;
    this.#whole = false;
    return false;
  }

  takeTrailers(trailers: FieldBlock): boolean {
    const room = this.#budget.lend(trailers.length);
    if (room === undefined) return (this.#whole = false);
    trailers.keep(room);
    this.#trailers = trailers;
    this.#trailerBytes = room;
    return true;
  }

  /** Says the body, in one run or two; answers what `say` answered, together. */
  play(say: (bytes: Uint8Array, start: number, end: number) => number): number {
    const body = this.#body;
    if (body.length === 0) return 0;
    const { bytes, start, end } = body;
    const credit = say(bytes, start, end);
    const rest = body.length - (end - start);
    return rest > 0 ? credit + say(bytes, 0, rest) : credit;
  }

  /** The body is not kept any longer: it cannot be said again. */
  dropBody(): void {
    this.#whole = false;
    this.#body.clear();
  }

  clear(): void {
    this.#whole = false;
    this.#body.clear();
    this.#head?.release(this.#headBytes);
    this.#trailers?.release(this.#trailerBytes);
    this.#budget.giveBack(this.#headBytes);
    this.#budget.giveBack(this.#trailerBytes);
    this.#head = undefined;
    this.#trailers = undefined;
    this.#headBytes = NOTHING;
    this.#trailerBytes = NOTHING;
  }
}
