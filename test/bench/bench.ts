/**
 * What every comparison stands on: the programs it needs, a copy of the executable, a folder, how long it may take, and
 * where its page goes. Servers run on one core, load and what stands behind the servers on another.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { provision, thisMachine } from "../kit/provision.ts";
import { SCALE } from "../kit/scale-up.ts";
import { findTool, tools as table, type ToolName } from "../kit/tools.ts";

export const root = dirname(dirname(import.meta.dir));

export interface Pace {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmSeconds: number;
  /** How often a start is timed. */
  readonly starts: number;
}

const PACES = {
  full: { rounds: 5, seconds: 3, warmSeconds: 5, starts: 15 },
  quick: { rounds: 1, seconds: 1, warmSeconds: 1, starts: 1 },
} as const satisfies Record<string, Pace>;

/** With one core everything shares it, and only ratios mean anything. */
export const SERVER_CORE = 0;
export const LOAD_CORE = Math.min(1, cpus().length - 1);

export interface Bench {
  /** A copy, so that a build meanwhile does not change what is measured. */
  readonly executable: string;
  readonly pace: Pace;
  /** For what is made along the way; gone at the end. */
  readonly folder: string;
  /** As a person would say it. */
  readonly command: string;
  readonly quick: boolean;
}

/** Makes the page of `name`, and keeps it unless it was a quick run. */
export async function runBench(
  name: string,
  quick: boolean,
  measure: (bench: Bench) => Promise<string>,
): Promise<void> {
  await build();
  const folder = mkdtempSync(join(tmpdir(), "scale-bench-"));
  const executable = join(folder, "scale");
  copyFileSync(SCALE, executable);
  const words = [...(name === "tier1" ? [] : [name]), ...(quick ? ["--quick"] : [])];
  const command = ["npm run bench", ...(words.length === 0 ? [] : ["--", ...words])].join(" ");
  try {
    const page = await measure({ executable, folder, command, quick, pace: quick ? PACES.quick : PACES.full });
    console.log(`\n${page}`);
    if (!quick) await keep(name, page);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The absolute paths of programs, installed if they are missing and may be; throws when one stays missing. */
export async function getTools<Name extends ToolName>(names: readonly Name[]): Promise<Record<Name, string>> {
  await provision(names, thisMachine(process.env["SCALE_TEST"]), (line) => console.log(line));
  const found = names.map((name) => [name, findTool(name)] as const);
  const missing = found.filter(([, path]) => path === undefined).flatMap(([name]) => table[name].packages);
  if (missing.length > 0)
    throw new Error(`Cannot measure: something is missing (apt-get install ${missing.join(" ")})`);
  return Object.fromEntries(found) as Record<Name, string>;
}

/** What a program says of itself. */
export function said(...argv: string[]): string {
  const { stdout, stderr } = Bun.spawnSync(argv);
  return (stdout.toString().trim() || stderr.toString().trim()).split("\n", 1)[0] ?? "";
}

async function build(): Promise<void> {
  const child = Bun.spawn([process.execPath, "build.ts"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if ((await child.exited) !== 0) throw new Error("Cannot measure: the executable could not be built");
}

async function keep(name: string, page: string): Promise<void> {
  const file = join(root, `test/bench/results/${name}.md`);
  mkdirSync(dirname(file), { recursive: true });
  await Bun.write(file, page);
  Bun.spawnSync([process.execPath, "fmt", file], { cwd: root, stdout: "ignore" });
  console.log(`Written to ${file.slice(root.length + 1)}`);
}
