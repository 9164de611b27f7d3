/** Writes the results as a page: ratios first, then what they are made of, the machine, and the command. */
import { cpus, release, totalmem } from "node:os";
import { median, type Startup } from "./startup.ts";
import type { Heard } from "./load.ts";

export interface Sample extends Heard {
  readonly cpuMicrosPerRequest: number;
}

/** One workload: a sample of each side per round, taken one after the other. */
export interface Comparison {
  readonly name: string;
  readonly goal: number;
  readonly rounds: readonly { readonly scale: Sample; readonly node: Sample }[];
}

export interface Page {
  readonly command: string;
  readonly versions: string;
  readonly settings: string;
  readonly comparisons: readonly Comparison[];
  readonly startup: Startup;
}

export function writePage(page: Page): string {
  return `# Tier 1: \`scale\` against Node, the same Express app

Made by \`${page.command}\`. ${page.versions}.
${machine()}.
${page.settings}

## Ratios (scale / Node; the median of the rounds' ratios)
| workload | CPU per request | goal | p99 | goal | requests/s | p50 |
|---|---|---|---|---|---|---|
${page.comparisons.map(ratioRow).join("\n")}

## What they are made of (medians)
| workload | side | CPU per request | requests/s | p50 | p99 |
|---|---|---|---|---|---|
${page.comparisons.flatMap((one) => [sideRow(one, "scale"), sideRow(one, "node")]).join("\n")}

CPU per request is user plus system time of every process of the box (keeper, steward, worker), or of Node, divided by
the requests answered meanwhile.

## Starting, and idling
| what | measured | goal |
|---|---|---|
${startupRows(page.startup).join("\n")}
`;
}

function ratioRow(one: Comparison): string {
  const ratio = (of: (sample: Sample) => number) => median(one.rounds.map(({ scale, node }) => of(scale) / of(node)));
  const cpu = ratio((sample) => sample.cpuMicrosPerRequest);
  const p99 = ratio((sample) => sample.p99Ms);
  const cells = [
    one.name,
    `**${cpu.toFixed(2)}**`,
    goal(cpu, one.goal, one.goal.toFixed(2)),
    `**${p99.toFixed(2)}**`,
    goal(p99, 1, "1.00"),
    ratio((sample) => sample.perSecond).toFixed(2),
    ratio((sample) => sample.p50Ms).toFixed(2),
  ];
  return `| ${cells.join(" | ")} |`;
}

function goal(measured: number, most: number, text: string): string {
  return `≤ ${text}: ${measured <= most ? "met" : "not met"}`;
}

function sideRow(one: Comparison, side: "scale" | "node"): string {
  const middle = (of: (sample: Sample) => number) => median(one.rounds.map((round) => of(round[side])));
  const cells = [
    one.name,
    side,
    `${middle((sample) => sample.cpuMicrosPerRequest).toFixed(1)} µs`,
    Math.round(middle((sample) => sample.perSecond)).toString(),
    `${middle((sample) => sample.p50Ms).toFixed(2)} ms`,
    `${middle((sample) => sample.p99Ms).toFixed(2)} ms`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function startupRows(startup: Startup): readonly string[] {
  const ms = (what: string, value: number, most?: number) => startupRow(what, value, "ms", most);
  const resident = (kind: string, most?: number) =>
    startupRow(`resident memory, idle ${kind}`, (startup.residentBytes[kind] ?? Number.NaN) / 1e6, "MB", most);
  return [
    ms("`scale --help`", startup.helpMs, 60),
    ms("`scale --role app`, first answer, no database", startup.boxReadyMs, 250),
    ms("`node`, first answer of the same app", startup.nodeReadyMs),
    resident("worker", 70),
    resident("keeper", 45),
    resident("steward"),
    resident("node"),
  ];
}

function startupRow(what: string, value: number, unit: string, most?: number): string {
  return `| ${what} | ${value.toFixed(0)} ${unit} | ${most === undefined ? "" : goal(value, most, `${most} ${unit}`)} |`;
}

export function machine(): string {
  const [cpu] = cpus();
  return `${cpu?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, ${Math.round(totalmem() / 1e9)} GB, Linux ${release()}`;
}
