/** The system's generators behind `Rng` (proxy/base/rng.ts). Not seeded: what must be repeatable uses `test/kit/rng.ts`. */
import type { Rng } from "../../proxy/base/rng.ts";

/** The most that one call of `crypto.getRandomValues` fills (Web Cryptography API, section 10.1.1). */
const FILL_MAX = 65_536;

export const rng: Rng = {
  next: () => Math.random(),
  fill(into) {
    for (let start = 0; start < into.length; start += FILL_MAX) {
      const piece = into.subarray(start, start + FILL_MAX);
      piece.set(crypto.getRandomValues(new Uint8Array(piece.length)));
    }
  },
};
