/** How often conversations and exchanges ended other than well, by code. */
import type { Fault } from "../base/fault.ts";
import type { Count, Metrics } from "../base/metrics.ts";
import { poolMetrics } from "./metrics.ts";

export class FaultCounts {
  readonly #metrics: Metrics;
  readonly #counts = new Map<string, Count>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  count({ code }: Fault): void {
    let count = this.#counts.get(code);
    if (count === undefined) {
      count = this.#metrics.counter(poolMetrics.faults, code);
      this.#counts.set(code, count);
    }
    count.value += 1;
  }
}
