/**
 * When a crashed child may come back. Pure: it is told of lives and answers with delays. The delay doubles with every
 * short life in a row and is forgotten by a long one, so that a single crash costs a tenth of a second and a program
 * that cannot live is not started over and over.
 */
export interface RestartRules {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** A life at least this long was a good one. */
  readonly stableMs: number;
  /** So many short lives in a row are a crash loop; `Infinity` for a child that is always brought back. */
  readonly shortLivesMax: number;
}

export const WORKER_RULES: RestartRules = { delayMinMs: 100, delayMaxMs: 10_000, stableMs: 10_000, shortLivesMax: 5 };
export const STEWARD_RULES: RestartRules = { ...WORKER_RULES, shortLivesMax: Infinity };

export class Restarts {
  readonly #rules: RestartRules;
  #shortLives = 0;

  constructor(rules: RestartRules) {
    this.#rules = rules;
  }

  /** A child of this place has died after `livedMs`: when to start the next one, or that it is no use. */
  afterDeath(livedMs: number): { readonly delayMs: number } | "crash loop" {
    this.#shortLives = livedMs >= this.#rules.stableMs ? 0 : this.#shortLives + 1;
    if (this.#shortLives >= this.#rules.shortLivesMax) return "crash loop";
    const doubled = this.#rules.delayMinMs * 2 ** Math.max(0, this.#shortLives - 1);
    return { delayMs: Math.min(this.#rules.delayMaxMs, doubled) };
  }

  /** What comes now is another program, or another plan for it. */
  forget(): void {
    this.#shortLives = 0;
  }

  get shortLives(): number {
    return this.#shortLives;
  }
}
