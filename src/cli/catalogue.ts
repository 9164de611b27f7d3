/**
 * Every metric that a box of this build can show, as one table for people: what stands between two markers of README.md.
 * Only lists: each row is declared where it is counted.
 * Invariant (kept by a test): no `metrics.ts` of the tree has a row that is not in `allRows`.
 */
import type { MetricRow } from "../../proxy/base/metrics.ts";
import { lbMetrics } from "../../proxy/lb/metrics.ts";
import { poolMetrics } from "../../proxy/pool/metrics.ts";
import { appMetrics } from "../app/metrics.ts";
import { boxRows } from "../admin/metrics.ts";
import { vitalRows } from "../run/vitals.ts";

export const allRows: readonly MetricRow[] = [boxRows, vitalRows, appMetrics, lbMetrics, poolMetrics].flatMap((rows) =>
  Object.values<MetricRow>(rows),
);

export const CATALOGUE_BEGIN = "<!-- metrics catalogue -->";
export const CATALOGUE_END = "<!-- /metrics catalogue -->";

/** A Markdown table, in the order of /metrics. */
export function catalogue(rows: readonly MetricRow[] = allRows): string {
  const lines = rows.map(({ name, kind, labels = [], help }) =>
    cells([`\`${name}\``, kind, labels.map((label) => `\`${label}\``).join(", "), help]),
  );
  return [cells(["metric", "kind", "labels", "what it is"]), "|---|---|---|---|", ...lines].join("\n");
}

/** `text` with the table made anew; undefined when it has no markers. */
export function refreshCatalogue(text: string): string | undefined {
  const begin = text.indexOf(CATALOGUE_BEGIN);
  const end = text.indexOf(CATALOGUE_END, begin);
  if (begin === -1 || end === -1) return undefined;
  return `${text.slice(0, begin)}${CATALOGUE_BEGIN}\n${catalogue()}\n${text.slice(end)}`;
}

function cells(texts: readonly string[]): string {
  return `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
}
