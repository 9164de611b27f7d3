/**
 * The least program that brings a Postgres cluster up as `scale up` does, for tests that kill it, run it as another user
 * or as an executable. Its one argument is JSON (`DriverOrder`); it says what happens as one JSON object a line, stops
 * in order on SIGTERM, and is its own `exec` child as the real executable is.
 */
import { unpack } from "../../src/up/embedded.ts";
import { openCluster } from "../../src/up/postgres/cluster.ts";
import { Problem } from "../../src/problem/problem.ts";
import { becomeProgram } from "../../src/run/launch.ts";
import { CHILD_VARIABLE, type ChildOrder } from "../../src/run/self.ts";

export interface DriverOrder {
  readonly dir: string;
  readonly replicas: number;
  /** Unpacks the Postgres it carries below this folder. */
  readonly cache: string;
  readonly stateFolder: string;
  readonly ephemeral?: boolean;
}

export interface DriverEvent {
  readonly event: "open" | "say" | "problem" | "stopped";
  readonly line?: string;
  readonly code?: string;
  readonly what?: string;
  readonly url?: string;
  readonly pid?: number;
  readonly data?: string;
  readonly socket?: string | undefined;
  readonly dataMovedTo?: string | undefined;
  readonly recovered?: boolean;
  /** Milliseconds that `openCluster` took. */
  readonly ms?: number;
}

async function drive(order: DriverOrder): Promise<number> {
  const stopped = Promise.withResolvers<void>();
  process.on("SIGTERM", () => stopped.resolve());
  try {
    const tools = await unpack("postgres", { below: [order.cache] });
    const started = performance.now();
    const cluster = await openCluster({ ...order, tools, say: (line) => say({ event: "say", line }) });
    const { url, pid, data, socket } = cluster.primary;
    const { dataMovedTo, recovered } = cluster;
    say({ event: "open", url, pid, data, socket, dataMovedTo, recovered, ms: performance.now() - started });
    await stopped.promise;
    await cluster.stop();
    say({ event: "stopped" });
    return 0;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say({ event: "problem", code: error.code, what: error.message });
    return 1;
  }
}

function say(event: DriverEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

if (import.meta.main) {
  const order = process.env[CHILD_VARIABLE];
  if (order !== undefined) process.exit(becomeProgram(JSON.parse(order) as ChildOrder & { kind: "exec" }));
  process.exit(await drive(JSON.parse(process.argv[2] ?? "{}") as DriverOrder));
}
