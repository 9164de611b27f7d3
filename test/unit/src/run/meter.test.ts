import { expect, test } from "bun:test";
import fc from "fast-check";
import type { MetricRow } from "../../../../proxy/base/metrics.ts";
import { Meter, OTHER, SERIES_MAX, sum, Tally, type Snapshot } from "../../../../src/run/meter.ts";

const requests: MetricRow = { name: "scale_requests_total", kind: "counter", help: "Requests.", labels: ["code"] };
const open: MetricRow = { name: "scale_open_connections", kind: "gauge", help: "Open." };
const oldest: MetricRow = { name: "scale_oldest_seconds", kind: "gauge", help: "Oldest.", merge: "max" };
const waits: MetricRow = { name: "scale_wait_seconds", kind: "histogram", help: "Waits.", buckets: [0.1, 1] };

function valuesOf(snapshot: Snapshot, name: string): (readonly number[])[] {
  return snapshot.filter(({ row }) => row.name === name).flatMap(({ series }) => series.map(({ values }) => values));
}

test("Meter: the same row and labels are the same count", () => {
  const meter = new Meter();
  const count = meter.counter(requests, "200");
  expect(meter.counter(requests, "200")).toBe(count);
  expect(meter.counter(requests, "500")).not.toBe(count);
  count.value += 2;
  expect(meter.snapshot()).toEqual([
    {
      row: requests,
      series: [
        { labels: ["200"], values: [2] },
        { labels: ["500"], values: [0] },
      ],
    },
  ]);
});

test("Meter: a snapshot is plain data that later counts do not change", () => {
  const meter = new Meter();
  const count = meter.gauge(open);
  const spread = meter.histogram(waits);
  const before = meter.snapshot();
  const copy = structuredClone(before);
  count.value = 9;
  spread.observe(1);
  expect(before).toEqual(copy);
  expect(JSON.parse(JSON.stringify(before))).toEqual(copy);
});

test("Meter: histogram puts a value into the first bucket it fits, bounds included", () => {
  const meter = new Meter();
  const spread = meter.histogram(waits);
  for (const value of [0.05, 0.1, 0.5, 1, 1.5, 100]) spread.observe(value);
  expect(valuesOf(meter.snapshot(), waits.name)).toEqual([[2, 2, 2, 103.15]]);
});

test("Meter: sampled asks when a snapshot is taken", () => {
  const meter = new Meter();
  let value = 1;
  meter.sampled(open, () => value);
  value = 7;
  expect(valuesOf(meter.snapshot(), open.name)).toEqual([[7]]);
  meter.sampled(open, () => 8);
  expect(valuesOf(meter.snapshot(), open.name)).toEqual([[8]]);
});

test("Meter: label values cannot be confused across labels", () => {
  const meter = new Meter();
  const row: MetricRow = { ...requests, labels: ["a", "b"] };
  expect(meter.counter(row, "x", "yz")).not.toBe(meter.counter(row, "xy", "z"));
});

test("Meter: a family stops growing and counts the rest together", () => {
  const meter = new Meter();
  for (let code = 0; code < SERIES_MAX + 50; code++) meter.counter(requests, String(code)).value += 1;
  meter.counter(requests, "0").value += 1;
  const [family] = meter.snapshot();
  expect(family?.series).toHaveLength(SERIES_MAX + 1);
  expect(family?.series.find(({ labels }) => labels[0] === OTHER)?.values).toEqual([50]);
  expect(family?.series[0]?.values).toEqual([2]);
});

const refusals: readonly [string, (meter: Meter) => unknown, string][] = [
  ["a counter row as a gauge", (meter) => meter.gauge(requests, "200"), "its row says counter"],
  ["too few labels", (meter) => meter.counter(requests), "it has 1 labels, not 0"],
  ["too many labels", (meter) => meter.counter(requests, "a", "b"), "it has 1 labels, not 2"],
  [
    "another row of the same name",
    (meter) => [meter.gauge(open), meter.gauge({ ...open, merge: "max" })],
    "two rows of that name differ",
  ],
  ["a sampled histogram", (meter) => meter.sampled(waits, () => 1), "a histogram is observed"],
  ["a sampled gauge as a kept one", (meter) => [meter.sampled(open, () => 1), meter.gauge(open)], "it is sampled"],
  ["buckets that do not ascend", (meter) => meter.histogram({ ...waits, buckets: [1, 1] }), "buckets do not ascend"],
];

for (const [what, act, why] of refusals) {
  test(`Meter: refuses ${what}`, () => expect(() => act(new Meter())).toThrow(why));
}

test("sum: adds counters, gauges and histograms, and takes the largest where the row says so", () => {
  const snapshots = [1, 2, 3].map((times) => {
    const meter = new Meter();
    meter.counter(requests, "200").value = times;
    if (times === 2) meter.counter(requests, "500").value = 5;
    meter.gauge(open).value = 10 * times;
    meter.gauge(oldest).value = times === 2 ? 9 : times;
    for (let at = 0; at < times; at++) meter.histogram(waits).observe(0.5);
    return meter.snapshot();
  });
  const total = sum(snapshots);
  expect(valuesOf(total, requests.name)).toEqual([[6], [5]]);
  expect(valuesOf(total, open.name)).toEqual([[60]]);
  expect(valuesOf(total, oldest.name)).toEqual([[9]]);
  expect(valuesOf(total, waits.name)).toEqual([[0, 6, 0, 3]]);
});

test("sum: of one snapshot is that snapshot, of none is none", () => {
  const meter = new Meter();
  meter.counter(requests, "200").value = 3;
  meter.histogram(waits).observe(2);
  expect(sum([meter.snapshot()])).toEqual(meter.snapshot());
  expect(sum([])).toEqual([]);
});

test("sum: refuses rows of one name that differ", () => {
  const one = [{ row: waits, series: [] }];
  const other = [{ row: { ...waits, buckets: [1, 2] }, series: [] }];
  expect(() => sum([one, other])).toThrow("its rows differ between processes");
});

test("sum: is the same however the snapshots are grouped", () => {
  const codes = fc.dictionary(fc.constantFrom("200", "404", "500"), fc.nat(1_000));
  const snapshot = codes.map((counts) => {
    const meter = new Meter();
    for (const [code, count] of Object.entries(counts)) meter.counter(requests, code).value = count;
    return meter.snapshot();
  });
  const totals = (total: Snapshot) =>
    Object.fromEntries(total.flatMap(({ series }) => series.map(({ labels, values }) => [labels.join(), values])));
  fc.assert(
    fc.property(fc.array(snapshot, { maxLength: 6 }), fc.nat(6), (all, cut) => {
      const grouped = sum([sum(all.slice(0, cut)), sum(all.slice(cut))]);
      expect(totals(grouped)).toEqual(totals(sum(all)));
    }),
    { numRuns: 200 },
  );
});

test("Tally: counters do not step back when a process is replaced, gauges do", () => {
  const tally = new Tally();
  const process = (served: number, connections: number) => {
    const meter = new Meter();
    meter.counter(requests, "200").value = served;
    meter.gauge(open).value = connections;
    meter.histogram(waits).observe(0.5);
    return meter.snapshot();
  };
  tally.take("pid 1", process(100, 4));
  tally.take("pid 2", process(50, 5));
  tally.take("pid 1", process(110, 6));
  expect(valuesOf(tally.sum(), requests.name)).toEqual([[160]]);
  tally.keepOnly(new Set(["pid 2"]));
  tally.take("pid 3", process(1, 1));
  tally.keepOnly(new Set(["pid 2", "pid 3"]));
  expect(valuesOf(tally.sum(), requests.name)).toEqual([[161]]);
  expect(valuesOf(tally.sum(), open.name)).toEqual([[6]]);
  expect(valuesOf(tally.sum(), waits.name)).toEqual([[0, 3, 0, 1.5]]);
  tally.keepOnly(new Set());
  expect(valuesOf(tally.sum(), requests.name)).toEqual([[161]]);
});
