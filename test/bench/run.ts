/**
 * `npm run bench`: tier 1 against Node 20 on the same Express app: hello-world, one query by primary key, and the demo's
 * redirect, which also writes a click. Both sides are up at once and take turns, round by round, on the same core; load
 * and database run on another. Writes test/bench/results/tier1.md. `--quick` only shows that it
 * works, and writes nothing.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { provision, thisMachine } from "../kit/provision.ts";
import { SCALE } from "../kit/scale-up.ts";
import { findTool } from "../kit/tools.ts";
import { load, type LoadTools } from "./load.ts";
import { cpuMicros, family, pin } from "./processes.ts";
import { writePage, type Comparison, type Sample } from "./report.ts";
import { bundleDemoForNode, startNode, startScale, type Server } from "./servers.ts";
import { measureStartup } from "./startup.ts";

const root = dirname(dirname(import.meta.dir));
const expressApp = join(root, "test/bench/apps/express.mjs");
const results = join(root, "test/bench/results/tier1.md");
const CONNECTIONS = 64;

interface Pace {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmSeconds: number;
  readonly starts: number;
}

const PACES = {
  full: { rounds: 7, seconds: 4, warmSeconds: 4, starts: 15 },
  quick: { rounds: 1, seconds: 1, warmSeconds: 1, starts: 1 },
} as const satisfies Record<string, Pace>;

/** Where each side runs. With one core everything shares it, and only ratios mean anything. */
const SERVER_CORE = 0;
const LOAD_CORE = Math.min(1, cpus().length - 1);

interface Pair {
  readonly scale: Server;
  readonly node: Server;
}

/** Measures a copy, so that a build meanwhile does not change what is measured. */
async function bench(pace: Pace, command: string): Promise<void> {
  const tools = await getTools();
  const node = Bun.which("node");
  if (node === null) throw new Error("Cannot compare with Node: there is none on PATH");
  await build();
  const folder = mkdtempSync(join(tmpdir(), "scale-bench-"));
  const executable = join(folder, "scale");
  copyFileSync(SCALE, executable);
  try {
    const page = await measure({ tools, node, executable, pace, folder }, command);
    console.log(`\n${page}`);
    if (pace !== PACES.quick) await keep(page);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Bench {
  readonly tools: LoadTools;
  readonly node: string;
  readonly executable: string;
  readonly pace: Pace;
  /** For what is made along the way. */
  readonly folder: string;
}

async function measure(of: Bench, command: string): Promise<string> {
  const { executable, node, pace } = of;
  const comparisons = [...(await benchExpress(of)), await benchDemo(of)];
  console.log("  starts");
  return writePage({
    command,
    versions: `${said(executable, "--version")}, Node ${said(node, "--version")}`,
    settings:
      `wrk, ${CONNECTIONS} connections, ${pace.rounds} rounds of ${pace.seconds} s a side, taking turns; the servers on core ` +
      `${SERVER_CORE}, load and Postgres on core ${LOAD_CORE}. Both sides: one process serves, at most 20 database connections.`,
    comparisons,
    startup: await measureStartup(executable, node, expressApp, pace.starts),
  });
}

async function keep(page: string): Promise<void> {
  mkdirSync(dirname(results), { recursive: true });
  await Bun.write(results, page);
  Bun.spawnSync([process.execPath, "fmt", results], { cwd: root, stdout: "ignore" });
  console.log(`Written to ${results.slice(root.length + 1)}`);
}

async function benchExpress({ tools, node, executable, pace }: Bench): Promise<readonly Comparison[]> {
  const scale = await startScale(executable, expressApp);
  try {
    return await withNode(startNode(node, expressApp, { DATABASE_URL: scale.databaseUrl }), async (other) => {
      pinAll(tools, [scale.pid, other.pid], scale.storePids);
      const pair = { scale, node: other };
      return [
        { name: "hello-world", goal: 1 / 4, rounds: await compare(tools, pair, "/hello", pace) },
        { name: "one query", goal: 2 / 3, rounds: await compare(tools, pair, "/people/7", pace) },
      ];
    });
  } finally {
    await scale.stop();
  }
}

async function benchDemo({ tools, node, executable, pace, folder }: Bench): Promise<Comparison> {
  const scale = await startScale(executable, undefined);
  try {
    const entry = await bundleDemoForNode(root, folder);
    return await withNode(startNode(node, entry, { DATABASE_URL: scale.databaseUrl }), async (other) => {
      pinAll(tools, [scale.pid, other.pid], scale.storePids);
      const slug = await makeLink(scale.url);
      const rounds = await compare(tools, { scale, node: other }, `/${slug}`, pace);
      return { name: "the demo's redirect", goal: 2 / 3, rounds };
    });
  } finally {
    await scale.stop();
  }
}

async function withNode<Result>(starting: Promise<Server>, work: (server: Server) => Promise<Result>): Promise<Result> {
  const server = await starting;
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** Which side goes first alternates, so that a slow drift of the machine favours none. */
async function compare(tools: LoadTools, pair: Pair, path: string, pace: Pace): Promise<Comparison["rounds"]> {
  console.log(`  ${path}`);
  for (const side of [pair.scale, pair.node]) await sample(tools, side, path, pace.warmSeconds);
  const rounds: Comparison["rounds"][number][] = [];
  for (let round = 0; round < pace.rounds; round++) {
    const first = round % 2 === 0;
    const early = await sample(tools, first ? pair.scale : pair.node, path, pace.seconds);
    const late = await sample(tools, first ? pair.node : pair.scale, path, pace.seconds);
    rounds.push(first ? { scale: early, node: late } : { scale: late, node: early });
  }
  return rounds;
}

async function sample(tools: LoadTools, server: Server, path: string, seconds: number): Promise<Sample> {
  const pids = family(server.pid);
  const before = sumCpu(pids);
  const heard = await load(tools, { url: `${server.url}${path}`, connections: CONNECTIONS, seconds, core: LOAD_CORE });
  const cpu = sumCpu(pids) - before;
  return { ...heard, cpuMicrosPerRequest: cpu / heard.requests };
}

function sumCpu(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMicros(pid), 0);
}

function pinAll(tools: LoadTools, servers: readonly number[], stores: readonly number[]): void {
  for (const pid of servers.flatMap(family)) pin(tools.taskset, pid, SERVER_CORE);
  for (const pid of stores.flatMap(family)) pin(tools.taskset, pid, LOAD_CORE);
}

async function makeLink(url: string): Promise<string> {
  const made = await fetch(`${url}/links`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ url: "https://example.com/" }),
  });
  if (made.status !== 201) throw new Error(`Cannot measure the redirect: POST /links answered ${made.status}`);
  return ((await made.json()) as { slug: string }).slug;
}

async function getTools(): Promise<LoadTools> {
  await provision(["taskset", "wrk"], thisMachine(process.env["SCALE_TEST"]), (line) => console.log(line));
  const [taskset, wrk] = [findTool("taskset"), findTool("wrk")];
  if (taskset === undefined || wrk === undefined)
    throw new Error("Cannot measure: needs wrk and taskset (apt-get install wrk util-linux)");
  return { taskset, wrk };
}

async function build(): Promise<void> {
  const child = Bun.spawn([process.execPath, "build.ts"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if ((await child.exited) !== 0) throw new Error("Cannot measure: the executable could not be built");
}

function said(program: string, word: string): string {
  return Bun.spawnSync([program, word]).stdout.toString().trim();
}

const quick = process.argv.includes("--quick");
await bench(quick ? PACES.quick : PACES.full, `npm run bench${quick ? " -- --quick" : ""}`).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
