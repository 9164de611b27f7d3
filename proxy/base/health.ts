/** What a duty says of itself when asked; `/readyz` is 200 only when every process it needs says "ok". */
export interface Health {
  readonly ok: boolean;
  /** One short line for a person, always present when not ok. */
  readonly why?: string;
}

export const HEALTHY: Health = { ok: true };
