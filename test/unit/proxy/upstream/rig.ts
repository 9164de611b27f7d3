/** An upstream on a fake clock and seeded chance, and what its targets said of their ends. */
import { EJECTION } from "../../../../proxy/upstream/ejection.ts";
import type { BalanceName } from "../../../../proxy/upstream/balance.ts";
import type { Listed, Target } from "../../../../proxy/upstream/target.ts";
import { Tries } from "../../../../proxy/upstream/tries.ts";
import { Upstream } from "../../../../proxy/upstream/upstream.ts";
import { FakeClock } from "../../../kit/clock.ts";
import { SeededRng } from "../../../kit/rng.ts";

export const NOBODY_TRIED = new Tries<string>();

export class UpstreamRig {
  readonly clock = new FakeClock();
  readonly told: string[] = [];
  readonly upstream: Upstream<string>;

  constructor(weights: readonly number[], balance: BalanceName = "least", seed = 7) {
    this.upstream = new Upstream<string>(
      "app",
      { balance, queueMax: 4 },
      {
        clock: this.clock,
        rng: new SeededRng(seed),
        ejection: EJECTION,
        own: ({ key }) => key,
        leaver: {
          idle: ({ key }) => this.told.push(`${key} idle`),
          gone: ({ key }) => this.told.push(`${key} gone`),
        },
      },
    );
    this.upstream.retarget(weights.map((weight, index) => listed(index, weight)));
  }

  target(key: string): Target<string> {
    const found = this.upstream.targets.find((target) => target.key === key);
    if (found === undefined) throw new Error(`Cannot find the target "${key}"`);
    return found;
  }

  /** Its key, or the word that is no target. */
  pick(tried: Tries<string> = NOBODY_TRIED): string {
    const picked = this.upstream.pick(tried);
    return typeof picked === "string" ? picked : picked.key;
  }

  /** How often each was picked; with `hold` nothing is given back meanwhile. */
  spread(times: number, hold = false): { readonly [key: string]: number } {
    const counts: { [key: string]: number } = {};
    for (let time = 0; time < times; time += 1) {
      const picked = this.upstream.pick(NOBODY_TRIED);
      if (typeof picked === "string") throw new Error(`Cannot pick: ${picked}`);
      counts[picked.key] = (counts[picked.key] ?? 0) + 1;
      if (hold) picked.take();
    }
    return counts;
  }
}

export function listed(index: number, weight = 1): Listed {
  return { key: `t${index}`, address: { host: "10.0.0.1", port: 1_000 + index }, weight };
}
