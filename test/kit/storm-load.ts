/** Starts `storm-clients.ts` under Node: the test's side of the load. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StormCount, StormGroup, StormOrder, StormProgress } from "./storm-clients.ts";
import { until } from "./until.ts";

/** 64 clients that keep their connection, and 64 that open one for each request: some ask without a rest. */
export const CROWD: readonly StormGroup[] = [
  { way: "raw", keep: true, clients: 4, restMs: 0 },
  { way: "raw", keep: true, clients: 20, restMs: 200 },
  { way: "agent", keep: true, clients: 20, restMs: 200 },
  { way: "undici", keep: true, clients: 20, restMs: 200 },
  { way: "raw", keep: false, clients: 4, restMs: 0 },
  { way: "raw", keep: false, clients: 30, restMs: 200 },
  { way: "agent", keep: false, clients: 30, restMs: 200 },
];
export const MIX: StormOrder["mix"] = { tag: 4, echo: 2, deal: 3 };

export interface Load {
  readonly seed: number;
  /** So far. */
  answered(): number;
  /** Resolves when so many more have been answered. */
  more(count: number): Promise<void>;
  /** Lets every client finish the request that it has begun. */
  stop(): Promise<StormCount>;
  /** Ends it at once, when a test has failed. */
  remove(): Promise<void>;
}

export async function startLoad(order: Partial<StormOrder> & { readonly port: number }): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), "scale-storm-"));
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "storm-clients.ts")],
    target: "node",
    outdir: folder,
    naming: "clients.mjs",
  });
  if (!built.success) throw new AggregateError(built.logs, "Cannot build the clients");
  const seed = order.seed ?? Math.floor(Math.random() * 2 ** 32);
  const whole: StormOrder = { groups: CROWD, mix: MIX, ...order, seed };
  console.info(`storm: seed ${seed}`);
  const child = Bun.spawn(["node", join(folder, "clients.mjs"), JSON.stringify(whole)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  let answered = 0;
  let count: StormCount | undefined;
  const read = readLines(child.stdout, (line) => {
    const said = JSON.parse(line) as StormProgress | StormCount;
    answered = said.answered;
    if ("sent" in said) count = said;
  });
  const remove = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const more = (wanted: number): Promise<void> => {
    const from = answered;
    return until(`${wanted} more are answered`, () => answered >= from + wanted);
  };
  const stop = async (): Promise<StormCount> => {
    child.stdin.write("stop\n");
    child.stdin.end();
    await read;
    await remove();
    if (count === undefined) throw new Error("Cannot count: the clients ended without a word");
    return count;
  };
  return { seed, answered: () => answered, more, stop, remove };
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
}
