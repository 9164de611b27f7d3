/**
 * What a process counts. A role declares its rows in its `metrics.ts`; on the data path a count is an integer addition
 * to a field (`requests.value += 1`), and everything else (summing over workers, text) happens elsewhere and later.
 * Names follow Prometheus: snake_case, base units, `_total` on counters.
 */
export type MetricKind = "counter" | "gauge" | "histogram";

export interface MetricRow {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending, in the metric's unit; `+Inf` is implied. */
  readonly buckets?: readonly number[];
  /** How a gauge of several processes becomes one: default "sum". */
  readonly merge?: "sum" | "max";
}

export interface Metrics {
  /** The same object for the same row and label values, so callers keep it and never look it up again. */
  counter(row: MetricRow, ...labelValues: readonly string[]): Count;
  gauge(row: MetricRow, ...labelValues: readonly string[]): Count;
  histogram(row: MetricRow, ...labelValues: readonly string[]): Spread;
  /** Asked for its value when metrics are gathered; for what is cheaper to read than to keep. */
  sampled(row: MetricRow, read: () => number, ...labelValues: readonly string[]): void;
}

export interface Count {
  value: number;
}

export interface Spread {
  observe(value: number): void;
}
