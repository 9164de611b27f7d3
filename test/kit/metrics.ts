/**
 * A `Metrics` that tests can read: `value` of one series, `observed` of a histogram. It is as strict as the contract: one
 * row per name, as many label values as labels, and the kind that the row says. It sums nothing and writes no text.
 */
import type { Count, MetricKind, MetricRow, Metrics, Spread } from "../../proxy/base/metrics.ts";

interface Series {
  readonly row: MetricRow;
  read(): number;
}

export class FakeMetrics implements Metrics {
  readonly #rows = new Map<string, MetricRow>();
  readonly #series = new Map<string, Series>();
  readonly #counts = new Map<string, Count>();
  readonly #spreads = new Map<string, FakeSpread>();

  counter(row: MetricRow, ...labelValues: readonly string[]): Count {
    return this.#count(row, "counter", labelValues);
  }

  gauge(row: MetricRow, ...labelValues: readonly string[]): Count {
    return this.#count(row, "gauge", labelValues);
  }

  histogram(row: MetricRow, ...labelValues: readonly string[]): Spread {
    const key = this.#enter(row, ["histogram"], labelValues);
    const known = this.#spreads.get(key);
    if (known !== undefined) return known;
    const spread = new FakeSpread();
    this.#spreads.set(key, spread);
    this.#series.set(key, { row, read: () => spread.observed.length });
    return spread;
  }

  sampled(row: MetricRow, read: () => number, ...labelValues: readonly string[]): void {
    this.#series.set(this.#enter(row, ["counter", "gauge"], labelValues), { row, read });
  }

  /** What the series stands at, and for a histogram how often it observed; undefined when nobody asked for it yet. */
  value(name: string, ...labelValues: readonly string[]): number | undefined {
    return this.#series.get(keyOf(name, labelValues))?.read();
  }

  /** What a histogram observed, in order. */
  observed(name: string, ...labelValues: readonly string[]): readonly number[] {
    return this.#spreads.get(keyOf(name, labelValues))?.observed ?? [];
  }

  /** The names of all rows that were asked for. */
  names(): string[] {
    return [...this.#rows.keys()];
  }

  #count(row: MetricRow, kind: MetricKind, labelValues: readonly string[]): Count {
    const key = this.#enter(row, [kind], labelValues);
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const count: Count = { value: 0 };
    this.#counts.set(key, count);
    this.#series.set(key, { row, read: () => count.value });
    return count;
  }

  #enter(row: MetricRow, kinds: readonly MetricKind[], labelValues: readonly string[]): string {
    const known = this.#rows.get(row.name) ?? row;
    if (JSON.stringify(known) !== JSON.stringify(row))
      throw new Error(`Cannot count "${row.name}": it has another row`);
    if (!kinds.includes(row.kind)) throw new Error(`Cannot count "${row.name}": it is a ${row.kind}`);
    const labels = row.labels ?? [];
    if (labels.length !== labelValues.length) {
      throw new Error(`Cannot count "${row.name}": it has ${labels.length} labels, not ${labelValues.length}`);
    }
    this.#rows.set(row.name, row);
    return keyOf(row.name, labelValues);
  }
}

class FakeSpread implements Spread {
  readonly observed: number[] = [];

  observe(value: number): void {
    this.observed.push(value);
  }
}

function keyOf(name: string, labelValues: readonly string[]): string {
  return JSON.stringify([name, ...labelValues]);
}
