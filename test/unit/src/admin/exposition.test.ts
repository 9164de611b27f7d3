import { expect, test } from "bun:test";
import { dirname } from "node:path";
import type { MetricRow } from "../../../../proxy/base/metrics.ts";
import { exposition } from "../../../../src/admin/exposition.ts";
import { Meter, type Snapshot } from "../../../../src/run/meter.ts";
import { needs } from "../../../kit/needs.ts";

const judged = needs("prometheus-client", "python3");

const requests: MetricRow = {
  name: "scale_requests_total",
  kind: "counter",
  help: "Requests.",
  labels: ["route", "code"],
};
const waits: MetricRow = {
  name: "scale_wait_seconds",
  kind: "histogram",
  help: "Waits.",
  buckets: [0.1, 1],
  labels: ["to"],
};
const load: MetricRow = { name: "scale_load_ratio", kind: "gauge", help: "Load." };

function sample(): Meter {
  const meter = new Meter();
  meter.counter(requests, "/", "200").value = 12;
  meter.counter(requests, "/a", "404").value = 1;
  const spread = meter.histogram(waits, "db");
  for (const value of [0.05, 0.5, 0.5, 3]) spread.observe(value);
  meter.gauge(load).value = 0.25;
  return meter;
}

test("exposition: writes help, type and series of each family", () => {
  expect(exposition(sample().snapshot())).toBe(
    [
      "# HELP scale_requests_total Requests.",
      "# TYPE scale_requests_total counter",
      'scale_requests_total{route="/",code="200"} 12',
      'scale_requests_total{route="/a",code="404"} 1',
      "# HELP scale_wait_seconds Waits.",
      "# TYPE scale_wait_seconds histogram",
      'scale_wait_seconds_bucket{to="db",le="0.1"} 1',
      'scale_wait_seconds_bucket{to="db",le="1"} 3',
      'scale_wait_seconds_bucket{to="db",le="+Inf"} 4',
      'scale_wait_seconds_sum{to="db"} 4.05',
      'scale_wait_seconds_count{to="db"} 4',
      "# HELP scale_load_ratio Load.",
      "# TYPE scale_load_ratio gauge",
      "scale_load_ratio 0.25",
      "",
    ].join("\n"),
  );
});

test("exposition: of nothing is nothing, and a family without series is left out", () => {
  expect(exposition([])).toBe("");
  expect(exposition([{ row: load, series: [] }])).toBe("");
});

test("exposition: refuses a family that is there twice", () => {
  const [family] = new Meter().snapshot().concat([{ row: load, series: [{ labels: [], values: [1] }] }]);
  expect(() => exposition(family === undefined ? [] : [family, family])).toThrow('"scale_load_ratio" is there twice');
});

const numerals: readonly [number, string][] = [
  [Number.POSITIVE_INFINITY, "+Inf"],
  [Number.NEGATIVE_INFINITY, "-Inf"],
  [Number.NaN, "NaN"],
  [1e21, "1e+21"],
  [1.5e-9, "1.5e-9"],
  [2 ** 53, "9007199254740992"],
  [-1, "-1"],
];

for (const [value, wanted] of numerals) {
  test(`exposition: writes ${value} as ${wanted}`, () =>
    expect(exposition([{ row: load, series: [{ labels: [], values: [value] }] }])).toContain(
      `\nscale_load_ratio ${wanted}\n`,
    ));
}

judged.test("exposition: Prometheus' own client reads back what was counted, whatever the labels hold", () => {
  const nasty = ['"', "\\", "\n", '\\"\n', '{a="b"}', "ünïcode ☃", " ", "", "\\n", "end\\", "# HELP x y", "\t,="];
  const meter = sample();
  for (const [at, label] of nasty.entries()) meter.counter(requests, label, String(at)).value = at + 0.5;
  meter.gauge({ ...load, name: "scale_help_ratio", help: 'Back\\slash, "quotes"\nand a line.' }).value = Number.NaN;
  meter.gauge({ ...load, name: "scale_most_ratio" }).value = Number.POSITIVE_INFINITY;
  meter.gauge({ ...load, name: "scale_tiny_ratio" }).value = 1.25e-12;
  const snapshot = meter.snapshot();
  expect(read(exposition(snapshot))).toEqual(wantedOf(snapshot));
});

interface Read {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly [string, Readonly<Record<string, string>>, string][];
}

const READER = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
text = sys.stdin.buffer.read().decode()
print(json.dumps([
  {"name": f.name, "type": f.type, "help": f.documentation,
   "samples": [[s.name, s.labels, repr(float(s.value))] for s in f.samples]}
  for f in text_string_to_metric_families(text)]))
`;

function read(text: string): readonly Read[] {
  const env = { PYTHONPATH: dirname(dirname(judged.path("prometheus-client"))), PYTHONDONTWRITEBYTECODE: "1" };
  const run = Bun.spawnSync([judged.path("python3"), "-c", READER], { stdin: Buffer.from(text), env });
  expect(run.stderr.toString()).toBe("");
  return (JSON.parse(run.stdout.toString()) as Read[]).map((family) => ({
    ...family,
    samples: family.samples.map(([name, labels, value]) => [
      name,
      labels,
      String(Number(value.replace("inf", "Infinity"))),
    ]),
  }));
}

/** The same, made from the snapshot without the text: the reader strips `_total` from a counter's family name. */
function wantedOf(snapshot: Snapshot): readonly Read[] {
  return snapshot.map(({ row, series }) => ({
    name: row.kind === "counter" ? row.name.replace(/_total$/, "") : row.name,
    type: row.kind,
    help: row.help,
    samples: series.flatMap(({ labels, values }): Read["samples"] => {
      const named = Object.fromEntries((row.labels ?? []).map((name, at) => [name, labels[at] ?? ""]));
      if (row.kind !== "histogram") return [[row.name, named, String(values[0])]];
      const bounds = [...(row.buckets ?? []), Number.POSITIVE_INFINITY];
      const upTo = bounds.map((_, at) => String(values.slice(0, at + 1).reduce((a, b) => a + b)));
      return [
        ...bounds.map((bound, at): Read["samples"][number] => [
          `${row.name}_bucket`,
          { ...named, le: bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound) },
          upTo[at] ?? "",
        ]),
        [`${row.name}_sum`, named, String(values.at(-1))],
        [`${row.name}_count`, named, upTo.at(-1) ?? ""],
      ];
    }),
  }));
}
