/**
 * Every metric that a box of this build can show, as one table for people. Only lists: each row is declared where it is
 * counted. Invariant (kept by a test): no `metrics.ts` of the tree has a row that is not in `allRows`.
 */
import type { MetricRow } from "../../proxy/base/metrics.ts";
import { appMetrics } from "../app/metrics.ts";
import { boxRows } from "./metrics.ts";
import { vitalRows } from "../run/vitals.ts";

export const allRows: readonly MetricRow[] = [boxRows, vitalRows, appMetrics].flatMap((rows) =>
  Object.values<MetricRow>(rows),
);

/** A Markdown table, in the order of /metrics. */
export function catalogue(rows: readonly MetricRow[] = allRows): string {
  const lines = rows.map(({ name, kind, labels = [], help }) =>
    cells([`\`${name}\``, kind, labels.map((label) => `\`${label}\``).join(", "), help]),
  );
  return [cells(["metric", "kind", "labels", "what it is"]), "|---|---|---|---|", ...lines].join("\n");
}

function cells(texts: readonly string[]): string {
  return `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
}
