/**
 * The real `Metrics` (proxy/base/metrics.ts): counts of one process, their snapshot as plain data for the way between
 * processes, and the sum over processes. Not text: that is `src/admin/exposition.ts`.
 * Invariant: a family never has more than SERIES_MAX series, so that no client can fill memory with label values.
 */
import type { Count, MetricRow, Metrics, Spread } from "../../proxy/base/metrics.ts";

export interface Series {
  readonly labels: readonly string[];
  /** One value; of a histogram the count of each bucket (not cumulative), that of +Inf, and the sum of what was observed. */
  readonly values: readonly number[];
}

export interface Family {
  readonly row: MetricRow;
  readonly series: readonly Series[];
}

export type Snapshot = readonly Family[];

/** Series of one family that a process keeps; what comes later is counted together. */
export const SERIES_MAX = 1_000;
/** The value of every label of the series that counts what is beyond SERIES_MAX. */
export const OTHER = "other";

/** Between label values, which are text of any kind, in the key of a series. */
const SEPARATOR = "\u0000";

type Kept = Cell | Histogram | Sample;

interface Keeping {
  readonly row: MetricRow;
  readonly series: Map<string, { readonly labels: readonly string[]; readonly kept: Kept }>;
}

export class Meter implements Metrics {
  readonly #families = new Map<string, Keeping>();

  counter(row: MetricRow, ...labelValues: readonly string[]): Count {
    return this.#keep(row, "counter", labelValues, Cell);
  }

  gauge(row: MetricRow, ...labelValues: readonly string[]): Count {
    return this.#keep(row, "gauge", labelValues, Cell);
  }

  histogram(row: MetricRow, ...labelValues: readonly string[]): Spread {
    return this.#keep(row, "histogram", labelValues, Histogram);
  }

  sampled(row: MetricRow, read: () => number, ...labelValues: readonly string[]): void {
    if (row.kind === "histogram") throw new TypeError(`Cannot sample "${row.name}": a histogram is observed`);
    const sample = this.#keep(row, row.kind, labelValues, Sample);
    sample.read = read;
  }

  /** What is counted at this moment; later counts do not change it. */
  snapshot(): Snapshot {
    return [...this.#families.values()].map(({ row, series }) => ({
      row,
      series: [...series.values()].map(({ labels, kept }) => ({ labels, values: kept.values() })),
    }));
  }

  #keep<Type extends Kept>(
    row: MetricRow,
    kind: MetricRow["kind"],
    labels: readonly string[],
    type: new (row: MetricRow) => Type,
  ): Type {
    if (row.kind !== kind) throw new TypeError(`Cannot count "${row.name}" as a ${kind}: its row says ${row.kind}`);
    const { length } = row.labels ?? [];
    if (labels.length !== length)
      throw new TypeError(`Cannot count "${row.name}": it has ${length} labels, not ${labels.length}`);
    const family = this.#family(row);
    const known = family.series.get(labels.join(SEPARATOR));
    const full = known === undefined && family.series.size >= SERIES_MAX;
    const values = full ? labels.map(() => OTHER) : labels;
    const key = values.join(SEPARATOR);
    const kept = (known ?? family.series.get(key))?.kept ?? new type(row);
    if (!(kept instanceof type)) throw new TypeError(`Cannot count "${row.name}": it is sampled`);
    family.series.set(key, { labels: values, kept });
    return kept;
  }

  #family(row: MetricRow): Keeping {
    const known = this.#families.get(row.name);
    if (known !== undefined) {
      if (known.row !== row && !sameShape(known.row, row))
        throw new TypeError(`Cannot count "${row.name}": two rows of that name differ`);
      return known;
    }
    const { buckets = [] } = row;
    if (buckets.some((bound, at) => !(bound > (buckets[at - 1] ?? Number.NEGATIVE_INFINITY)))) {
      throw new TypeError(`Cannot count "${row.name}": its buckets do not ascend`);
    }
    const family: Keeping = { row, series: new Map() };
    this.#families.set(row.name, family);
    return family;
  }
}

/** What several processes counted, as one. Gauges that say `merge: "max"` become the largest, everything else the sum. */
export function sum(snapshots: readonly Snapshot[]): Snapshot {
  const families = new Map<string, { readonly row: MetricRow; readonly series: Map<string, Series> }>();
  for (const { row, series } of snapshots.flat()) {
    const into = families.get(row.name) ?? { row, series: new Map<string, Series>() };
    families.set(row.name, into);
    if (!sameShape(into.row, row)) throw new TypeError(`Cannot sum "${row.name}": its rows differ between processes`);
    for (const each of series) {
      const key = each.labels.join(SEPARATOR);
      into.series.set(key, merged(row, into.series.get(key), each));
    }
  }
  return [...families.values()].map(({ row, series }) => ({ row, series: [...series.values()] }));
}

/**
 * The sum over processes that come and go, whose counters never step back: what a process had counted when it
 * was last heard of stays in the sum after it is gone. Its gauges go with it.
 */
export class Tally {
  readonly #living = new Map<string, Snapshot>();
  #departed: Snapshot = [];

  /** `source` names one process for life: a pid or the like, not the place that its successor takes. */
  take(source: string, snapshot: Snapshot): void {
    this.#living.set(source, snapshot);
  }

  /** Those not in `sources` are gone. */
  keepOnly(sources: ReadonlySet<string>): void {
    for (const [source, last] of this.#living) {
      if (sources.has(source)) continue;
      this.#living.delete(source);
      this.#departed = sum([this.#departed, last.filter(({ row }) => row.kind !== "gauge")]);
    }
  }

  sum(): Snapshot {
    return sum([...this.#living.values(), this.#departed]);
  }
}

class Cell implements Count {
  value = 0;

  values(): number[] {
    return [this.value];
  }
}

class Sample {
  read: () => number = () => 0;

  values(): number[] {
    return [this.read()];
  }
}

class Histogram implements Spread {
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(row: MetricRow) {
    this.#bounds = Float64Array.from(row.buckets ?? []);
    this.#counts = new Float64Array(this.#bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  values(): number[] {
    return [...this.#counts, this.#sum];
  }
}

function merged(row: MetricRow, one: Series | undefined, other: Series): Series {
  if (one === undefined) return other;
  const join = row.kind === "gauge" && row.merge === "max" ? Math.max : (a: number, b: number) => a + b;
  return { labels: other.labels, values: other.values.map((value, at) => join(one.values[at] ?? 0, value)) };
}

function sameShape(one: MetricRow, other: MetricRow): boolean {
  const shape = ({ kind, labels = [], buckets = [], merge = "sum" }: MetricRow) =>
    JSON.stringify([kind, labels, buckets, merge]);
  return shape(one) === shape(other);
}
