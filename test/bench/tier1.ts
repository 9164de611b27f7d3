/**
 * Tier 1 against Node 20 on the same Express app: hello-world, one query by primary key, and the demo's redirect, which
 * also writes a click. Both sides are up at once and take turns, round by round, on the same core; load and database run
 * on another.
 */
import { join } from "node:path";
import { getTools, LOAD_CORE, root, said, SERVER_CORE, type Bench, type Pace } from "./bench.ts";
import { load, type LoadTools } from "./load.ts";
import { family, pin, sumCpu } from "./processes.ts";
import { writePage, type Comparison, type Sample } from "./report.ts";
import { bundleDemoForNode, startNode, startScale, type Server } from "./servers.ts";
import { measureStartup } from "./startup.ts";

const expressApp = join(root, "test/bench/apps/express.mjs");
const CONNECTIONS = 64;

interface Pair {
  readonly scale: Server;
  readonly node: Server;
}

interface Sides extends Bench {
  readonly tools: LoadTools;
  readonly node: string;
}

export async function benchTier1(bench: Bench): Promise<string> {
  const tools = await getTools(["taskset", "wrk"]);
  const node = Bun.which("node");
  if (node === null) throw new Error("Cannot compare with Node: there is none on PATH");
  return measure({ ...bench, tools, node });
}

async function measure(of: Sides): Promise<string> {
  const { executable, node, pace, command } = of;
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

async function benchExpress({ tools, node, executable, pace }: Sides): Promise<readonly Comparison[]> {
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

async function benchDemo({ tools, node, executable, pace, folder }: Sides): Promise<Comparison> {
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
