/**
 * One workload on several sides that are up at once: they take turns, round by round, and who begins moves on each round,
 * so that a slow drift of the machine favours none. A side that fails is out of this workload with its reason; a fast
 * failure is not speed.
 */
import type { Pace } from "./bench.ts";
import { family, sumCpu } from "./processes.ts";

/** What the load heard; times where its generator tells them. */
export interface Heard {
  readonly requests: number;
  readonly perSecond: number;
  readonly meanMs?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

export interface Sample extends Heard {
  readonly cpuMicros: number;
}

export interface Side {
  readonly name: string;
  /** The process whose family serves. */
  readonly pid: number;
}

export interface Workload<One extends Side> {
  readonly name: string;
  /** Most of the first side's CPU, as a part of the second's. */
  readonly goal?: number;
  /** One turn; throws when anything was not answered well. */
  load(side: One, seconds: number): Promise<Heard>;
  /** Why a side is not even asked. */
  cannot?(side: One): string | undefined;
}

export interface Result {
  readonly name: string;
  readonly goal: number | undefined;
  /** By side, in the order of the sides: a sample a round, or why there is none. */
  readonly sides: ReadonlyMap<string, readonly Sample[] | string>;
}

export async function contest<One extends Side>(
  sides: readonly One[],
  workload: Workload<One>,
  pace: Pace,
): Promise<Result> {
  console.log(`  ${workload.name}`);
  const found = new Map<string, Sample[] | string>(sides.map((side) => [side.name, workload.cannot?.(side) ?? []]));
  for (const side of sides) await turn(found, side, () => take(workload, side, pace.warmSeconds), false);
  for (let round = 0; round < pace.rounds; round += 1) {
    const first = round % sides.length;
    for (const side of [...sides.slice(first), ...sides.slice(0, first)])
      await turn(found, side, () => take(workload, side, pace.seconds), true);
  }
  return { name: workload.name, goal: workload.goal, sides: found };
}

async function turn(
  found: Map<string, Sample[] | string>,
  side: Side,
  measure: () => Promise<Sample>,
  counts: boolean,
): Promise<void> {
  const samples = found.get(side.name);
  if (samples === undefined || typeof samples === "string") return;
  try {
    const sample = await measure();
    if (counts) samples.push(sample);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    console.log(`    ${side.name}: ${why}`);
    found.set(side.name, `failed: ${why.split("\n", 1)[0]}`);
  }
}

async function take<One extends Side>(workload: Workload<One>, side: One, seconds: number): Promise<Sample> {
  const pids = family(side.pid);
  const before = sumCpu(pids);
  const heard = await workload.load(side, seconds);
  if (heard.requests === 0) throw new Error("Cannot use this turn: nothing was answered");
  return { ...heard, cpuMicros: (sumCpu(pids) - before) / heard.requests };
}
