/** How single checks become a verdict: the first decides at once, then `rise` good ones or `fall` bad ones in a row. */

export type Verdict = "untried" | "up" | "down";

/** Of the targets of an upstream, by their keys; those that are not there are untried. */
export type Verdicts = { readonly [key: string]: Verdict };

export interface CheckRules {
  readonly rise: number;
  readonly fall: number;
}

export class Streak {
  verdict: Verdict;
  /** Checks in a row that spoke against the verdict. */
  #against = 0;

  constructor(verdict: Verdict = "untried") {
    this.verdict = verdict;
  }

  /** Whether the verdict has changed. */
  take(good: boolean, rules: CheckRules): boolean {
    const says = good ? "up" : "down";
    if (this.verdict === says) {
      this.#against = 0;
      return false;
    }
    this.#against += 1;
    if (this.verdict !== "untried" && this.#against < (good ? rules.rise : rules.fall)) return false;
    this.#against = 0;
    this.verdict = says;
    return true;
  }
}
