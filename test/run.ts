/**
 * What `npm test` runs: gets what the tests need from the machine, builds the executable when it is stale, runs the
 * suites, and closes with `N passed, N failed, N skipped`, exactly. `--long` adds test/long; words choose suites or paths
 * (`npm test -- unit`, `npm test -- test/e2e/up.test.ts`).
 * SCALE_TEST=all: a skipped test is a failed one. SCALE_TEST=found: installs nothing.
 */
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { plan, type Planned, type Selection } from "./kit/plan.ts";
import { needsOfFiles, packagesOf, provision, thisMachine, type Machine } from "./kit/provision.ts";
import { runSuite, type Report } from "./kit/suite.ts";
import type { ToolName } from "./kit/tools.ts";

const TOTAL_LIMIT_MS = 32 * 60_000;

export interface TestRun {
  readonly root: string;
  readonly selection: Selection;
  /** A skip is a failure. */
  readonly all: boolean;
  readonly machine: Machine;
  /** False when the executable could not be built. */
  build(): Promise<boolean>;
  say(line: string): void;
  readonly abort?: AbortSignal;
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Runs everything of the selection and says it; the last line said is the sum. */
export async function runTests(run: TestRun): Promise<Totals> {
  const suites = plan(run.root, run.selection);
  const needs = needsOfFiles(suites.flatMap((suite) => suite.files).map((file) => `${run.root}/${file}`));
  const missing = await provision([...new Set([...needs.values()].flat())], run.machine, run.say);
  const built = !suites.some((suite) => suite.built) || (await run.build());
  const deadline = performance.now() + (run.selection.long ? Number.POSITIVE_INFINITY : TOTAL_LIMIT_MS);
  const reports: Report[] = [];
  for (const suite of suites) {
    if (run.abort?.aborted) break;
    if (suite.built && !built) continue;
    const limitMs = Math.max(1, Math.min(suite.limitMs, deadline - performance.now()));
    reports.push(await runAndSay({ ...suite, limitMs }, run));
  }
  if (!built) reports.push(failedReport("build", "the executable could not be built; what needs it did not run"));
  return close(reports, needs, missing, run);
}

async function runAndSay(suite: Planned, run: TestRun): Promise<Report> {
  const report = await runSuite(suite, {
    root: run.root,
    workers: availableParallelism(),
    ...(run.abort === undefined ? {} : { abort: run.abort }),
  });
  const counts = [`${report.passed} passed`];
  if (report.failed.length > 0) counts.push(`${report.failed.length} failed`);
  if (report.skipped.length > 0) counts.push(`${report.skipped.length} skipped`);
  const mark = report.failed.length > 0 ? "✗" : "✓";
  run.say(`  ${mark} ${suite.name.padEnd(34)} ${counts.join(", ").padEnd(34)} ${seconds(report.ms)}`);
  if (report.failed.length > 0) run.say(report.output.trimEnd().replace(/^/gm, "    "));
  return report;
}

function close(
  reports: readonly Report[],
  needs: ReadonlyMap<string, readonly ToolName[]>,
  missing: readonly ToolName[],
  run: TestRun,
): Totals {
  const failed = reports.flatMap((report) => report.failed);
  const skipped = reports.flatMap((report) => report.skipped);
  const passed = reports.reduce((sum, report) => sum + report.passed, 0);
  const lacking = (file: string) => (needs.get(`${run.root}/${file}`) ?? []).filter((name) => missing.includes(name));
  if (failed.length > 0) run.say(["", "Failed:", ...failed.map((line) => `  ${line}`)].join("\n"));
  if (skipped.length > 0) {
    const lines = skipped.map(({ file, test }) => `  ${file}: ${test}${remedy(lacking(file))}`);
    run.say(["", run.all ? "Skipped, which SCALE_TEST=all counts as failed:" : "Skipped:", ...lines].join("\n"));
  }
  if (passed + failed.length + skipped.length === 0) failed.push("no test ran");
  const totals = run.all
    ? { passed, failed: failed.length + skipped.length, skipped: 0 }
    : { passed, failed: failed.length, skipped: skipped.length };
  run.say(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  return totals;
}

function remedy(names: readonly ToolName[]): string {
  return names.length === 0 ? "" : ` (needs ${names.join(", ")}: apt-get install ${packagesOf(names).join(" ")})`;
}

function failedReport(name: string, why: string): Report {
  return { name, passed: 0, failed: [`${name}: ${why}`], skipped: [], ms: 0, output: "" };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}

async function build(root: string): Promise<boolean> {
  const child = Bun.spawn([process.execPath, "build.ts"], {
    cwd: root,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  return (await child.exited) === 0;
}

function selectionOf(words: readonly string[]): Selection {
  const unknown = words.find((word) => word.startsWith("-") && word !== "--long");
  if (unknown !== undefined) throw new Error(`Cannot obey "${unknown}": the only flag is --long`);
  return { long: words.includes("--long"), only: words.filter((word) => !word.startsWith("-")) };
}

async function main(): Promise<void> {
  const root = dirname(import.meta.dir);
  const mode = process.env["SCALE_TEST"];
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  const say = (line: string) => console.log(line);
  say(`scale tests · Bun ${Bun.version} · ${availableParallelism()} cores`);
  const selection = selectionOf(process.argv.slice(2));
  const totals = await runTests({
    root,
    selection,
    all: mode === "all",
    machine: thisMachine(mode),
    build: () => build(root),
    say,
    abort: interrupted.signal,
  });
  process.exitCode = interrupted.signal.aborted ? 130 : totals.failed > 0 ? 1 : 0;
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  });
}
