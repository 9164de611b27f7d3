import { expect, test } from "bun:test";
import { contest, type Heard, type Result, type Side, type Workload } from "../../../bench/contest.ts";
import { ratio, writeContests } from "../../../bench/contest-page.ts";

const sides: readonly Side[] = ["scale", "nginx", "HAProxy"].map((name) => ({ name, pid: process.pid }));
const pace = { rounds: 3, seconds: 2, warmSeconds: 1, starts: 1 };

async function turns(load: (name: string, turn: number) => Heard, cannot?: Workload<Side>["cannot"]) {
  const taken: string[] = [];
  const workload: Workload<Side> = {
    name: "small",
    goal: 0.9,
    load: async ({ name }, seconds) => {
      taken.push(`${name} ${seconds}`);
      return load(name, taken.length);
    },
    ...(cannot === undefined ? {} : { cannot }),
  };
  return { result: await contest(sides, workload, pace), taken };
}

const heard: Heard = { requests: 100, perSecond: 50, p99Ms: 2 };

test("contest: all are warmed, then take turns, and who begins moves on", async () => {
  const { taken, result } = await turns(() => heard);
  expect(taken.map((line) => line.replace(/(\w)\w* /, "$1"))).toEqual("s1 n1 H1 s2 n2 H2 n2 H2 s2 H2 s2 n2".split(" "));
  expect([...result.sides.values()].map((samples) => samples.length)).toEqual([3, 3, 3]);
});

test("contest: a side that fails, answers nothing or cannot is out with its reason, the others go on", async () => {
  const { result } = await turns(
    (name) => {
      if (name === "scale") throw new Error("Cannot use this run\nmore");
      return name === "nginx" ? { ...heard, requests: 0 } : heard;
    },
    ({ name }) => (name === "none" ? "cannot" : undefined),
  );
  expect(result.sides.get("scale")).toBe("failed: Cannot use this run");
  expect(result.sides.get("nginx")).toContain("nothing was answered");
  expect(result.sides.get("HAProxy")).toHaveLength(3);
  const other = await turns(
    () => heard,
    ({ name }) => (name === "nginx" ? "cannot in this mode" : undefined),
  );
  expect(other.result.sides.get("nginx")).toBe("cannot in this mode");
  expect(other.taken).not.toContain("nginx 1");
});

function results(scale: readonly number[], nginx: readonly number[] | string): Result {
  const samples = (cpus: readonly number[]) => cpus.map((cpuMicros) => ({ ...heard, cpuMicros }));
  const base = typeof nginx === "string" ? nginx : samples(nginx);
  return {
    name: "small",
    goal: 0.9,
    sides: new Map([
      ["scale", samples(scale)],
      ["nginx", base],
    ]),
  };
}

test("ratio: is the median of what each round says, not the ratio of medians", () => {
  expect(ratio(results([10, 30, 20], [10, 20, 40]), ["scale", "nginx"], ({ cpuMicros }) => cpuMicros)).toBe(1);
  expect(ratio(results([10], "cannot"), ["scale", "nginx"], ({ cpuMicros }) => cpuMicros)).toBeUndefined();
  expect(ratio(results([10], [10]), ["scale", "nginx"], ({ meanMs }) => meanMs)).toBeUndefined();
});

test("writeContests: says the ratio and whether the goal is met, and why there is none", () => {
  const page = (result: Result) =>
    writeContests({
      title: "T",
      command: "npm run bench -- lb",
      versions: ["a", "b"],
      settings: "S",
      unit: "request",
      sides: ["scale", "nginx"],
      results: [result],
      calls: new Map([["scale", { perRequest: 4, most: "recvfrom 2.00" }]]),
    });
  expect(page(results([8], [10]))).toContain("| small | **0.80** | ≤ 0.90: met | 1.00 | 1.00 |");
  expect(page(results([9.5], [10]))).toContain("≤ 0.90: not met");
  expect(page(results([9.5], "cannot in this mode"))).toContain("| small | nginx | cannot in this mode |");
  expect(page(results([8], [10]))).toContain("| scale | 4.00 | recvfrom 2.00 |");
});
