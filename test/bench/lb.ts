/** `scale --role lb` with one worker against nginx and HAProxy with one process each, before the same server. */
import { getTools, LOAD_CORE, said, SERVER_CORE, type Bench } from "./bench.ts";
import { contest, type Heard, type Workload } from "./contest.ts";
import { writeContests } from "./contest-page.ts";
import { stopAll, type Daemon } from "./daemon.ts";
import { PATHS, startBackend, startHaproxy, startNginx, startScaleLb, type Balancer } from "./http-peers.ts";
import { load, loadByH2load } from "./load.ts";
import { family, pin } from "./processes.ts";
import { countCalls } from "./system-calls.ts";
import { findTool } from "../kit/tools.ts";

/** Of a plain prototype: 0.76 to 0.79 (issue 5). */
const GOAL = 0.9;

type Tools = Record<"taskset" | "wrk" | "h2load" | "nginx" | "haproxy", string>;

export async function benchLb(bench: Bench): Promise<string> {
  const tools: Tools = await getTools(["taskset", "wrk", "h2load", "nginx", "haproxy"]);
  const strace = findTool("strace");
  const started: Daemon[] = [];
  const keep = <One extends Daemon>(daemon: One): One => {
    started.push(daemon);
    return daemon;
  };
  try {
    const backend = keep(await startBackend(bench, tools));
    const sides = [
      keep(await startScaleLb(bench, backend.port)),
      keep(await startNginx(bench, tools, backend.port)),
      keep(await startHaproxy(bench, tools, backend.port)),
    ];
    for (const { pid } of sides) for (const one of family(pid)) pin(tools.taskset, one, SERVER_CORE);
    for (const pid of family(backend.pid)) pin(tools.taskset, pid, LOAD_CORE);
    const workloads = workloadsOf(tools);
    const results = [];
    for (const workload of workloads) results.push(await contest(sides, workload, bench.pace));
    const calls = workloads[0] === undefined ? undefined : await countCalls(strace, sides, workloads[0]);
    return writeContests({
      title: "`scale --role lb` against nginx and HAProxy",
      command: bench.command,
      versions: [said(bench.executable, "--version"), said(tools.nginx, "-v"), said(tools.haproxy, "-v")],
      settings:
        `${bench.pace.rounds} rounds of ${bench.pace.seconds} s a side, taking turns; the balancers on core ${SERVER_CORE}, load (wrk, ` +
        `one thread) and server (nginx, from memory) on core ${LOAD_CORE}. Each balancer is one worker with its helpers, keeps ` +
        "connections to the server, writes no access log and adds X-Forwarded-* and X-Request-Id.",
      unit: "request",
      sides: sides.map(({ name }) => name),
      results,
      ...(calls === undefined ? {} : { calls }),
    });
  } finally {
    await stopAll(started);
  }
}

interface Row {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
  readonly headers?: readonly string[];
  readonly tls?: boolean;
  readonly by?: "h2load";
}

const ROWS: readonly Row[] = [
  { name: "small, 64 connections", path: PATHS.small, connections: 64 },
  { name: "small, 512 connections", path: PATHS.small, connections: 512 },
  { name: "14 header fields, 64", path: PATHS.realistic, connections: 64, headers: realisticHeaders() },
  { name: "16 KiB, 64", path: PATHS["16 KiB"], connections: 64 },
  { name: "1 MiB, 16", path: PATHS["1 MiB"], connections: 16 },
  { name: "a connection per request, 64", path: PATHS.small, connections: 64, headers: ["Connection: close"] },
  { name: "small under TLS, 64", path: PATHS.small, connections: 64, tls: true },
  { name: "small, 64, load by h2load", path: PATHS.small, connections: 64, by: "h2load" },
];

function workloadsOf(tools: Tools): readonly Workload<Balancer>[] {
  return ROWS.map((row) => ({
    name: row.name,
    goal: GOAL,
    load: (side, seconds) => loadRow(tools, row, { side, seconds }),
  }));
}

async function loadRow(
  tools: Tools,
  { path, connections, headers, tls = false, by }: Row,
  { side, seconds }: { readonly side: Balancer; readonly seconds: number },
): Promise<Heard> {
  const url = `${tls ? side.tlsUrl : side.url}${path}`;
  const order = { url, connections, seconds, core: LOAD_CORE, ...(headers === undefined ? {} : { headers }) };
  return by === "h2load" ? loadByH2load(tools, order) : load(tools, order);
}

/** What a browser sends, with `Host` 14 fields. */
function realisticHeaders(): readonly string[] {
  return [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Accept: application/json, text/plain, */*",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Referer: https://shop.example/products?page=3",
    "Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=1",
    "Authorization: Bearer 6d9f1c0e5b7a4f2c8e3d1a0b9c8d7e6f",
    'Sec-CH-UA: "Chromium";v="126", "Not/A)Brand";v="8"',
    "Sec-CH-UA-Mobile: ?0",
    "Sec-Fetch-Dest: empty",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Site: same-origin",
    "Cache-Control: no-cache",
  ];
}
