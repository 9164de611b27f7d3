/**
 * Gets what the test files need from the machine, before they run: reads their `needs(…)` calls, looks, and installs
 * with apt what is missing, where that is allowed (root, apt-get there, SCALE_TEST is not "found"). `apt-get update` runs
 * at most once. What stays missing is an answer, not an error: its tests are skipped and counted.
 */
import { readFileSync } from "node:fs";
import { findTool, isToolName, tools, type ToolName } from "./tools.ts";

const NEEDS = /\bneeds\(([^)]*)\)/g;
const LITERAL = /["'`]([\w-]+)["'`]/g;
const APT_LIMIT_MS = 10 * 60_000;

/** The names a test file says, in the order of the table. */
export function needsOf(source: string): readonly ToolName[] {
  const said = new Set(
    [...source.matchAll(NEEDS)].flatMap((call) => [...(call[1] ?? "").matchAll(LITERAL)].map((m) => m[1])),
  );
  return Object.keys(tools)
    .filter(isToolName)
    .filter((name) => said.has(name));
}

/** Each file's needs; files without are left out. */
export function needsOfFiles(files: readonly string[]): ReadonlyMap<string, readonly ToolName[]> {
  const all = files.map((file) => [file, needsOf(readFileSync(file, "utf8"))] as const);
  return new Map(all.filter(([, names]) => names.length > 0));
}

export function packagesOf(names: readonly ToolName[]): readonly string[] {
  return [...new Set(names.flatMap((name) => tools[name].packages))].sort();
}

/** The machine, as `provision` sees it; tests hand in another. */
export interface Machine {
  find(name: ToolName): string | undefined;
  readonly mayInstall: boolean;
  run(argv: readonly string[]): Promise<{ readonly code: number; readonly output: string }>;
}

export function thisMachine(mode: string | undefined): Machine {
  return {
    find: findTool,
    mayInstall: mode !== "found" && process.getuid?.() === 0 && Bun.which("apt-get") !== null,
    run: runApt,
  };
}

/** Returns what is still missing; `say` hears one line per step. */
export async function provision(
  names: readonly ToolName[],
  machine: Machine,
  say: (line: string) => void,
): Promise<readonly ToolName[]> {
  const absent = () => names.filter((name) => machine.find(name) === undefined);
  if (absent().length === 0 || !machine.mayInstall) return absent();
  say(`  … installing ${packagesOf(absent()).join(" ")}`);
  const update = await machine.run(["apt-get", "update", "-qq"]);
  if (update.code !== 0) say(lastLines("apt-get update", update));
  const install = await machine.run(installLine(packagesOf(absent())));
  if (install.code === 0 || absent().length <= 1) {
    if (install.code !== 0) say(lastLines("apt-get install", install));
    return absent();
  }
  for (const name of absent()) {
    const one = await machine.run(installLine(packagesOf([name])));
    if (one.code !== 0) say(lastLines(`apt-get install ${packagesOf([name]).join(" ")}`, one));
  }
  return absent();
}

function installLine(packages: readonly string[]): readonly string[] {
  return ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages];
}

async function runApt(argv: readonly string[]): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([...argv], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: APT_LIMIT_MS,
  });
  const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, output: `${out}${err}` };
}

function lastLines(what: string, result: { readonly code: number; readonly output: string }): string {
  const tail = result.output
    .trim()
    .split("\n")
    .slice(-3)
    .map((line) => `      ${line}`);
  return [`    ${what} failed (exit ${result.code})`, ...tail].join("\n");
}
