/** Chance, handed in: seeded in tests, the system's generator in `src/run/rng.ts`. */
export interface Rng {
  /** A number in [0, 1). For balancing and jitter, not for secrets. */
  next(): number;
  /** Fills `into` with bytes fit for secrets (nonces, cancel keys). */
  fill(into: Uint8Array): void;
}
