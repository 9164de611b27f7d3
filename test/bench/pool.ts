/** `scale --role pool` with one worker against PgBouncer: 64 and 500 clients of pgbench on 20 links. */
import { dirname, join } from "node:path";
import { findTool } from "../kit/tools.ts";
import { getTools, LOAD_CORE, said, SERVER_CORE, type Bench } from "./bench.ts";
import { contest, type Result, type Workload } from "./contest.ts";
import { writeContests } from "./contest-page.ts";
import { stopAll, type Daemon, type Owner } from "./daemon.ts";
import { PROTOCOLS, runPgbench, type PgbenchTools, type Protocol } from "./pgbench.ts";
import { keepsStatements, LINKS, startPgBouncer, startScalePool, type PgBouncer, type Pooler } from "./pool-peers.ts";
import { startFakePostgres, startPostgres, unprivileged, type Store } from "./postgres.ts";
import { family, pin } from "./processes.ts";
import { countCalls, type Calls } from "./system-calls.ts";

const GOAL = 1;
const CLIENTS = [64, 500];

type Tools = PgbenchTools & { readonly postgres: string; readonly pgbouncer: string };

interface Ring {
  readonly tools: Tools;
  readonly bouncer: PgBouncer;
  readonly owner: Owner | undefined;
}

export async function benchPool(bench: Bench): Promise<string> {
  const tools = await getTools(["taskset", "postgres", "pgbench", "pgbouncer"]);
  const owner = unprivileged();
  const bouncer = { program: tools.pgbouncer, prepares: keepsStatements(said(tools.pgbouncer, "--version")) };
  const ring = { tools, bouncer, owner };
  const real = await between(bench, ring, await startPostgres(tools.postgres, tools.pgbench, owner));
  const fake = await between(bench, ring, await startFakePostgres());
  return writeContests({
    title: "`scale --role pool` against PgBouncer",
    command: bench.command,
    versions: [
      said(bench.executable, "--version"),
      said(tools.pgbouncer, "--version"),
      said(join(dirname(tools.postgres), "postgres"), "--version"),
    ],
    settings:
      `pgbench's read-only script, one thread, ${bench.pace.rounds} rounds of ${bench.pace.seconds} s a side, taking turns; the poolers on core ` +
      `${SERVER_CORE}, pgbench and server on core ${LOAD_CORE}. Both: transaction mode, one process that serves, ${LINKS} links, trust. ` +
      "Behind Postgres the database is the bottleneck; behind a server that only answers the pooler is.",
    unit: "transaction",
    sides: ["scale", "PgBouncer"],
    results: [...real.results, ...fake.results],
    ...(fake.calls === undefined ? {} : { calls: fake.calls }),
  });
}

/** Both poolers before one store, which ends with them. */
async function between(
  bench: Bench,
  { tools, bouncer, owner }: Ring,
  store: Store,
): Promise<{ readonly results: readonly Result[]; readonly calls: Calls | undefined }> {
  const started: Daemon[] = [store];
  try {
    const scale = await startScalePool(bench, store);
    started.push(scale);
    const peer = await startPgBouncer(bouncer, store, owner);
    started.push(peer);
    for (const { pid } of [scale, peer]) for (const one of family(pid)) pin(tools.taskset, one, SERVER_CORE);
    for (const pid of family(store.pid)) pin(tools.taskset, pid, LOAD_CORE);
    const workloads = PROTOCOLS.flatMap((protocol) =>
      CLIENTS.map((clients) => workloadOf({ tools, bouncer, store }, protocol, clients)),
    );
    const results = [];
    for (const workload of workloads) results.push(await contest([scale, peer], workload, bench.pace));
    const [first] = workloads;
    const counts = first !== undefined && store.name !== "Postgres";
    const calls = counts ? await countCalls(findTool("strace"), [scale, peer], first) : undefined;
    return { results, calls };
  } finally {
    await stopAll(started);
  }
}

interface Before {
  readonly tools: PgbenchTools;
  readonly bouncer: PgBouncer;
  readonly store: Store;
}

function workloadOf({ tools, bouncer, store }: Before, protocol: Protocol, clients: number): Workload<Pooler> {
  return {
    name: `${store.name}: ${protocol}, ${clients} clients`,
    goal: GOAL,
    load: ({ port }, seconds) => runPgbench(tools, { port, protocol, clients, seconds, core: LOAD_CORE }),
    cannot: ({ name }) =>
      name === "PgBouncer" && protocol === "prepared" && !bouncer.prepares ? "cannot in transaction mode" : undefined,
  };
}
