/**
 * What this worker may hold of a limit that several share, when there are fewer places than are wanted: no more than the
 * limit allows now, and no more than its share while another worker has less than its own. The workers tell each other by
 * the shared page alone, so it holds without a steward.
 *
 * Invariant: who has less than its share can take what others give up, and who has its share asks for nothing; so when
 * each has its share, no link is closed for another worker. Where there are fewer places than workers they go round.
 */
import type { Limit, Limits, TracedLimit } from "../base/limits.ts";

const NONE = -1;
/** More processes than a box has. */
const WORKERS_MAX = 256;

export interface Sharing {
  readonly size: number;
  readonly workers: number;
  /** Places of the limit that are orphans: nobody's to share. */
  readonly orphaned: number;
}

export interface Held {
  /** Links of this worker in any state. */
  readonly held: number;
  /** Those of them that are being closed. */
  readonly closing: number;
}

export class FairShare {
  readonly #places: TracedLimit;
  /** Each worker that waits in vain although it has less than its share holds a place of this. */
  readonly #starving: Limit;
  #mine = NONE;
  #size = 0;
  #share = 0;
  #isOver = false;
  #isAsked = false;
  /** It has just given one up, and must not be the one who takes it. */
  #hasGiven = false;

  constructor(limits: Limits, name: string, places: TracedLimit) {
    this.#places = places;
    this.#starving = limits.limit(`starving for ${name}`, WORKERS_MAX);
  }

  /** How many idle links are of more use closed. */
  get spare(): number {
    if (this.#isOver) return this.#places.taken() - this.#size;
    return this.othersStarve ? 1 : 0;
  }

  get othersStarve(): boolean {
    return this.#starving.taken() > (this.#mine === NONE ? 0 : 1);
  }

  /** False as long as `whyGiveUp` has nothing to say: costs nothing to ask. */
  get isPressed(): boolean {
    return this.#isOver || this.#isAsked;
  }

  /** Now and then, and when the knobs change. To count is dear: who never had more is never over. */
  look({ size, workers, orphaned }: Sharing, held: number): void {
    this.#isOver ||= size < this.#size;
    this.#size = size;
    this.#share = Math.floor(Math.max(0, size - orphaned) / workers);
    this.#isOver &&= this.#places.taken() > size;
    this.#isAsked = held > this.#share && this.othersStarve;
    this.#hasGiven = false;
  }

  /** Why a link that is given back must be closed, whoever waits for it here: one after the other. */
  whyGiveUp({ held, closing }: Held): string | undefined {
    if (closing > 0) return undefined;
    this.#isOver &&= this.#places.taken() > this.#size;
    if (this.#isOver) return "more than the size";
    const gives = this.#isAsked && held > this.#share && this.othersStarve;
    this.#hasGiven ||= gives;
    // The last one, where there are fewer than workers, is kept until the next look.
    this.#isAsked = gives && held > this.#share + 1;
    return gives ? "another worker has less" : undefined;
  }

  /** False when a free place is another's, who has less. */
  mayTake(held: number): boolean {
    return (held < this.#due && !this.#hasGiven) || !this.othersStarve;
  }

  /** Somebody waits here, and there is no place. */
  hungers(held: number): void {
    if (held >= this.#due) this.sate();
    else if (this.#mine === NONE) this.#mine = this.#starving.take();
  }

  sate(): void {
    if (this.#mine === NONE) return;
    this.#starving.give(this.#mine);
    this.#mine = NONE;
  }

  get #due(): number {
    return Math.max(1, this.#share);
  }
}
