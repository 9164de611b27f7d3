/**
 * A snapshot as text for Prometheus, format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Only writes: what
 * is counted and how it is summed is `src/run/meter.ts`. Invariant: each family stands once, with all its series together.
 */
import type { MetricRow } from "../../proxy/base/metrics.ts";
import type { Series, Snapshot } from "../run/meter.ts";

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function exposition(snapshot: Snapshot): string {
  const lines: string[] = [];
  const written = new Set<string>();
  for (const { row, series } of snapshot) {
    if (series.length === 0) continue;
    if (written.has(row.name)) throw new TypeError(`Cannot write metrics: the family "${row.name}" is there twice`);
    written.add(row.name);
    lines.push(`# HELP ${row.name} ${escapeHelp(row.help)}`, `# TYPE ${row.name} ${row.kind}`);
    for (const each of series) pushSeries(lines, row, each);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function pushSeries(lines: string[], row: MetricRow, { labels, values }: Series): void {
  const pairs = (row.labels ?? []).map((name, at) => `${name}="${escapeLabel(labels[at] ?? "")}"`);
  if (row.kind !== "histogram") {
    lines.push(`${row.name}${braces(pairs)} ${numeral(values[0] ?? Number.NaN)}`);
    return;
  }
  const bounds = [...(row.buckets ?? []), Number.POSITIVE_INFINITY];
  let count = 0;
  for (const [at, bound] of bounds.entries()) {
    count += values[at] ?? 0;
    lines.push(`${row.name}_bucket${braces([...pairs, `le="${numeral(bound)}"`])} ${numeral(count)}`);
  }
  lines.push(`${row.name}_sum${braces(pairs)} ${numeral(values[bounds.length] ?? 0)}`);
  lines.push(`${row.name}_count${braces(pairs)} ${numeral(count)}`);
}

function braces(pairs: readonly string[]): string {
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function numeral(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
