/** The results of contests as a page: ratios first, then what they are made of, the machine, and the command. */
import type { Result, Sample } from "./contest.ts";
import { machine } from "./report.ts";
import { median } from "./startup.ts";
import type { Calls } from "./system-calls.ts";

export interface ContestPage {
  readonly title: string;
  readonly command: string;
  readonly versions: readonly string[];
  readonly settings: string;
  /** What is counted: "request", "transaction". */
  readonly unit: string;
  /** Ours first, then the one that all are divided by, then the others. */
  readonly sides: readonly string[];
  readonly results: readonly Result[];
  readonly calls?: Calls;
}

type Of = (sample: Sample) => number | undefined;

export function writeContests(page: ContestPage): string {
  const [ours = "", base = "", ...others] = page.sides;
  const compared = [ours, ...others];
  const columns = [
    "workload",
    `${ours} / ${base}`,
    "goal",
    ...others.map((name) => `${name} / ${base}`),
    ...compared.map((name) => `${page.unit}s/s, ${name} / ${base}`),
    `p99, ${ours} / ${base}`,
  ];
  return `# ${page.title}

Made by \`${page.command}\`. ${page.versions.join(", ")}.
${machine()}.
${page.settings}

## CPU per ${page.unit}, as a ratio (the median of the rounds' ratios)
${tableOf(
  columns,
  page.results.map((result) => ratioRow(result, { ours, base, others, compared })),
)}

## What it is made of (medians)
${tableOf(
  ["workload", "side", `CPU per ${page.unit}`, `${page.unit}s/s`, "mean", "p50", "p99"],
  page.results.flatMap((result) => page.sides.map((side) => sideRow(result, side))),
)}

CPU per ${page.unit} is user plus system time of every process of a side, divided by the ${page.unit}s answered meanwhile.
${page.calls === undefined ? "" : callsPart(page.calls, page.unit)}`;
}

interface Columns {
  readonly ours: string;
  readonly base: string;
  readonly others: readonly string[];
  readonly compared: readonly string[];
}

function ratioRow(result: Result, { ours, base, others, compared }: Columns): readonly string[] {
  const cpu: Of = (sample) => sample.cpuMicros;
  const measured = ratio(result, [ours, base], cpu);
  return [
    result.name,
    measured === undefined ? "–" : `**${measured.toFixed(2)}**`,
    goalCell(result.goal, measured),
    ...others.map((name) => shown(ratio(result, [name, base], cpu))),
    ...compared.map((name) => shown(ratio(result, [name, base], (sample) => sample.perSecond))),
    shown(ratio(result, [ours, base], (sample) => sample.p99Ms)),
  ];
}

function goalCell(goal: number | undefined, measured: number | undefined): string {
  if (goal === undefined) return "";
  const verdict = measured === undefined ? "not measured" : measured <= goal ? "met" : "not met";
  return `≤ ${goal.toFixed(2)}: ${verdict}`;
}

/** The median of what each round says; undefined where a side has none. */
export function ratio(result: Result, [one, other]: readonly [string, string], of: Of): number | undefined {
  const [above, below] = [result.sides.get(one), result.sides.get(other)];
  if (!Array.isArray(above) || !Array.isArray(below)) return undefined;
  const ratios = above.flatMap((sample, round) => {
    const against = below[round];
    const [top, bottom] = [of(sample), against === undefined ? undefined : of(against)];
    return top === undefined || bottom === undefined ? [] : [top / bottom];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

function sideRow(result: Result, side: string): readonly string[] {
  const samples = result.sides.get(side);
  if (samples === undefined || typeof samples === "string")
    return [result.name, side, samples ?? "not there", "", "", "", ""];
  const middle = (of: Of): number | undefined => {
    const values = samples.map(of).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values);
  };
  return [
    result.name,
    side,
    `${shown(middle((sample) => sample.cpuMicros))} µs`,
    shown(
      middle((sample) => sample.perSecond),
      0,
    ),
    milliseconds(middle((sample) => sample.meanMs)),
    milliseconds(middle((sample) => sample.p50Ms)),
    milliseconds(middle((sample) => sample.p99Ms)),
  ];
}

function callsPart(calls: Calls, unit: string): string {
  const rows = [...calls].map(([side, { perRequest, most }]) => [side, perRequest.toFixed(2), most]);
  return `
## System calls per ${unit} (a short round of its own, under strace; ${unit}s as in the first workload)
${tableOf(["side", `calls per ${unit}`, "most of them"], rows)}
`;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "" : `${value.toFixed(2)} ms`;
}

function shown(value: number | undefined, digits = 2): string {
  return value === undefined ? "–" : value.toFixed(digits);
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
