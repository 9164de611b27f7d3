/** Tier 2: the same Express app on some workers, by `scale --role app`, by node:cluster and by PM2. */
import { cpus } from "node:os";
import { findTool } from "../kit/tools.ts";
import { getTools, LOAD_CORE, said, SERVER_CORE, type Bench } from "./bench.ts";
import { installPm2, startNodeCluster, startPm2, startScaleApp, type Cluster } from "./cluster-peers.ts";
import { contest, type Workload } from "./contest.ts";
import { writeContests } from "./contest-page.ts";
import { stopAll } from "./daemon.ts";
import { load, type LoadTools } from "./load.ts";
import { family, pin } from "./processes.ts";
import { answers } from "./servers.ts";
import { countCalls } from "./system-calls.ts";

const GOAL = 1 / 2.5;
const WORKERS_MIN = 2;

export async function benchTier2(bench: Bench): Promise<string> {
  const tools = await getTools(["taskset", "wrk"]);
  const node = Bun.which("node");
  if (node === null) throw new Error("Cannot compare with node:cluster: there is no Node on PATH");
  const workers = Math.max(WORKERS_MIN, cpus().length);
  const pm2 = await installPm2(bench);
  const sides: Cluster[] = [];
  try {
    sides.push(await startScaleApp(bench, workers));
    sides.push(await startNodeCluster(node, workers));
    if (pm2 !== undefined) sides.push(await startPm2(pm2, bench, workers));
    for (const side of sides) await settle(side, tools.taskset);
    const workloads = workloadsOf(tools);
    const results = [];
    for (const workload of workloads) results.push(await contest(sides, workload, bench.pace));
    const calls = workloads[0] === undefined ? undefined : await countCalls(findTool("strace"), sides, workloads[0]);
    return writeContests({
      title: "Tier 2: `scale --role app` against node:cluster and PM2, the same Express app",
      command: bench.command,
      versions: [
        said(bench.executable, "--version"),
        `Node ${said(node, "--version")}`,
        ...(pm2 === undefined ? [] : [`PM2 ${await version(pm2)}`]),
      ],
      settings:
        `wrk, one thread; ${bench.pace.rounds} rounds of ${bench.pace.seconds} s a side, taking turns; ${workers} workers each, all ` +
        `processes of a side on core ${SERVER_CORE}, load on core ${LOAD_CORE}. No database.`,
      unit: "request",
      sides: sides.map(({ name }) => name),
      results,
      ...(calls === undefined ? {} : { calls }),
    });
  } finally {
    await stopAll(sides);
  }
}

/** Its port is open; now the app behind it answers, and all that serve are where they belong. */
async function settle(side: Cluster, taskset: string): Promise<void> {
  await answers(`${side.url}/hello`, new Promise(() => {}));
  for (const pid of family(side.pid)) pin(taskset, pid, SERVER_CORE);
}

function workloadsOf(tools: LoadTools): readonly Workload<Cluster>[] {
  const row = (name: string, connections: number, headers: readonly string[] = []): Workload<Cluster> => ({
    name,
    goal: GOAL,
    load: ({ url }, seconds) => load(tools, { url: `${url}/hello`, connections, seconds, core: LOAD_CORE, headers }),
  });
  return [
    row("hello-world, 64 connections", 64),
    row("hello-world, 512 connections", 512),
    row("hello-world, a connection per request, 64", 64, ["Connection: close"]),
  ];
}

async function version(pm2: string): Promise<string> {
  const file = Bun.file(new URL("../pm2/package.json", `file://${pm2}`));
  return ((await file.json()) as { version: string }).version;
}
