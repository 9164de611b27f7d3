/**
 * What an lb does beside traffic: it checks the servers, and tells all workers what that says. Workers tell it whom they
 * could not reach, which leads to an early check. While it is dead, what it said last stands.
 */
import { HEALTHY, type Health } from "../base/health.ts";
import type { Duty, Host, Prepared } from "../role.ts";
import { Checks } from "./checks.ts";
import { countCheck } from "./metrics.ts";
import type { LbSetup } from "./setup.ts";
import { HEALTH_TOPIC, unreachableOf, UNREACHABLE_TOPIC } from "./verdicts.ts";

export class LbSteward implements Duty<LbSetup> {
  readonly checks: Checks;
  readonly #setup: LbSetup;
  readonly #host: Host;

  constructor(setup: LbSetup, host: Host) {
    const { net, clock, rng, log } = host;
    this.#setup = setup;
    this.#host = host;
    this.checks = new Checks({ net, clock, rng, log, push: (state) => host.push(HEALTH_TOPIC, state) });
  }

  async start(): Promise<void> {
    this.#host.onReport(UNREACHABLE_TOPIC, (seen) => {
      const unreachable = unreachableOf(seen);
      if (unreachable !== undefined) this.checks.find(unreachable.upstream, unreachable.key)?.early();
    });
    this.#configure(this.#setup);
  }

  health(): Health {
    return HEALTHY;
  }

  async prepare(next: LbSetup): Promise<Prepared> {
    return { how: "in place", commit: () => this.#configure(next), abort: () => undefined };
  }

  /** The checks go on: the workers finish what they have, and may still try elsewhere. */
  async drain(): Promise<void> {
    return undefined;
  }

  async stop(): Promise<void> {
    this.checks.stop();
  }

  #configure({ upstreams }: LbSetup): void {
    this.checks.configure(upstreams);
    for (const target of this.checks.targets) countCheck(this.#host.metrics, this.checks, target);
  }
}
