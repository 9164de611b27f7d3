/**
 * Runs one `bun test` over some files and says exactly what became of each: what passed, failed, was skipped, and what
 * no reporter tells: a file that reported no test, a run that crashed, exited by itself, took too long, or left a
 * process behind. Those are failures too. Nothing it started lives on when it returns.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJunit, type FileResult } from "./junit.ts";
import { markedProcesses, type Marked } from "./marked.ts";

export interface Suite {
  readonly name: string;
  /** Paths relative to `root`. */
  readonly files: readonly string[];
  readonly testTimeoutMs: number;
  readonly limitMs: number;
}

export interface Report {
  readonly name: string;
  readonly passed: number;
  /** `file: test`, or `file: what is wrong with it`. */
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly file: string; readonly test: string }[];
  readonly ms: number;
  /** What Bun printed: failures with their causes. */
  readonly output: string;
}

export interface RunOptions {
  readonly root: string;
  readonly workers: number;
  readonly abort?: AbortSignal;
}

interface Ending {
  readonly code: number | null;
  readonly signal: string | number | null;
  readonly late: boolean;
  readonly left: readonly Marked[];
}

const MARK = "TEST_RUN_OF_SCALE";
const GRACE_MS = 3_000;
let runs = 0;

export async function runSuite(suite: Suite, options: RunOptions): Promise<Report> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "scale-test-"));
  try {
    const ending = await runBun(suite, options, folder);
    const output = readFileSync(join(folder, "output"), "utf8");
    return { name: suite.name, ...judge(suite, readResults(folder), ending), ms: performance.now() - started, output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runBun(suite: Suite, options: RunOptions, folder: string): Promise<Ending> {
  runs += 1;
  const mark = `${process.pid}-${runs}`;
  const output = openSync(join(folder, "output"), "w");
  const child = Bun.spawn(
    [process.execPath, "test", ...flags(suite, options, folder), ...suite.files.map((file) => `./${file}`)],
    {
      cwd: options.root,
      env: environment(mark),
      detached: true,
      stdin: "ignore",
      stdout: output,
      stderr: output,
    },
  );
  closeSync(output);
  let late = false;
  const stop = () => kill(-child.pid);
  const limit = setTimeout(() => ((late = true), stop()), suite.limitMs);
  options.abort?.addEventListener("abort", stop, { once: true });
  await child.exited;
  clearTimeout(limit);
  options.abort?.removeEventListener("abort", stop);
  return { code: child.exitCode, signal: child.signalCode, late, left: await endLeftovers(`${MARK}=${mark}`) };
}

function flags(suite: Suite, options: RunOptions, folder: string): readonly string[] {
  return [
    "--only-failures",
    `--parallel=${options.workers}`,
    `--timeout=${suite.testTimeoutMs}`,
    "--reporter=junit",
    `--reporter-outfile=${join(folder, "junit.xml")}`,
  ];
}

/** Ours without the words that configure `scale` or Bun: a developer's settings must not decide a test. */
function environment(mark: string): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(SCALE_.*|BUN_OPTIONS|NODE_ENV)$/.test(name));
  return { ...Object.fromEntries(kept), [MARK]: mark };
}

/** A negative `pid` means the whole process group. What is gone already is as wanted. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** What still runs a moment after the end is killed and named. */
async function endLeftovers(mark: string): Promise<readonly Marked[]> {
  const deadline = performance.now() + GRACE_MS;
  let left = markedProcesses(mark);
  while (left.length > 0 && performance.now() < deadline) {
    await Bun.sleep(50);
    left = markedProcesses(mark);
  }
  for (const { pid } of left) kill(pid);
  return left;
}

function readResults(folder: string): ReadonlyMap<string, FileResult> {
  try {
    return readJunit(readFileSync(join(folder, "junit.xml"), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return new Map();
  }
}

function judge(
  suite: Suite,
  results: ReadonlyMap<string, FileResult>,
  ending: Ending,
): Pick<Report, "passed" | "failed" | "skipped"> {
  const reported = [...results];
  const failed = reported.flatMap(([file, result]) => result.failed.map((test) => `${file}: ${test}`));
  const silent = suite.files.filter((file) => isSilent(results.get(file)));
  failed.push(...silent.map((file) => `${file}: reported no test (${howEnded(suite, ending)})`));
  if (failed.length === 0 && ending.code !== 0) failed.push(`${suite.name}: ${howEnded(suite, ending)}`);
  failed.push(...ending.left.map(({ pid, command }) => `${suite.name}: left a process running: ${pid} ${command}`));
  return {
    passed: reported.reduce((sum, [, result]) => sum + result.passed, 0),
    failed,
    skipped: reported.flatMap(([file, result]) => result.skipped.map((test) => ({ file, test }))),
  };
}

function isSilent(result: FileResult | undefined): boolean {
  return result === undefined || result.passed + result.failed.length + result.skipped.length === 0;
}

function howEnded(suite: Suite, ending: Ending): string {
  if (ending.late) return `stopped after ${Math.round(suite.limitMs / 1000)} s`;
  return ending.signal === null ? `bun test exited with ${ending.code}` : `bun test was killed by ${ending.signal}`;
}
