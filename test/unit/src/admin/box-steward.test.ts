import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEALTHY, type Health } from "../../../../proxy/base/health.ts";
import type { Duty, RoleFace } from "../../../../proxy/role.ts";
import { BoxSteward } from "../../../../src/admin/box-steward.ts";
import type { StewardHost } from "../../../../src/run/life.ts";
import { Meter } from "../../../../src/run/meter.ts";
import type { Plan } from "../../../../src/run/plan.ts";
import type { BoxAnswer } from "../../../../src/run/switchboard.ts";
import { FakeBox } from "../../../kit/host.ts";

const folder = mkdtempSync(join(tmpdir(), "scale-steward-"));
const stewards: BoxSteward[] = [];
afterEach(async () => {
  for (const steward of stewards.splice(0)) await steward.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ROW = { name: "scale_tests_total", kind: "counter", help: "Tests." } as const;

function countOf(value: number): unknown {
  const meter = new Meter();
  meter.counter(ROW).value = value;
  return meter.snapshot();
}

function planOf(...crews: readonly string[]): Plan {
  return {
    role: "app",
    name: "tested",
    mode: "production",
    crews: crews.map((name) => ({ name, options: {}, workers: 2, environment: {}, sockets: [] })),
    listens: [],
    admin: { listen: `unix:${join(folder, "admin")}` },
  } as unknown as Plan;
}

interface Rig {
  readonly steward: BoxSteward;
  /** What workers answer next, whatever they are asked. */
  answers: readonly BoxAnswer[];
  takePush(topic: string, state: unknown): void;
}

function rig(plan: Plan, faces: ReadonlyMap<string, RoleFace<unknown>> = new Map()): Rig {
  const host = new FakeBox({ role: "app", workers: 0 }).steward;
  const made: { answers: readonly BoxAnswer[] } = { answers: [] };
  const gather = (): Promise<readonly BoxAnswer[]> => Promise.resolve(made.answers);
  Object.assign(host, { gather, ofCrew: () => host });
  const steward = new BoxSteward({ faces, plan, host: host as unknown as StewardHost, meter: new Meter() });
  stewards.push(steward);
  return Object.assign(made, { steward, takePush: (topic: string, state: unknown) => host.takePush(topic, state) });
}

async function tests({ steward }: Rig): Promise<number> {
  return Number(/^scale_tests_total (\d+)$/m.exec(await steward.metrics())?.[1]);
}

const answer = (pid: number, value: unknown, crew = "app", worker = 1): BoxAnswer => ({ crew, worker, pid, value });

test("metrics: two processes in one place are counted once each, and what a process that is gone has counted stays", async () => {
  const it = rig(planOf("app"));
  it.answers = [answer(11, countOf(5))];
  expect(await tests(it)).toBe(5);
  // A successor starts beside it, and is refused: both answer as worker 1.
  it.answers = [answer(11, countOf(6)), answer(12, countOf(1))];
  expect(await tests(it)).toBe(7);
  it.answers = [answer(11, countOf(6))];
  expect(await tests(it)).toBe(7);
});

test("ready: every crew has one that is well", async () => {
  const it = rig(planOf("app", "lb"));
  await it.steward.start();
  it.takePush("box", { state: "ready", children: [] });
  const ill: Health = { ok: false, why: "it is ill" };
  it.answers = [answer(1, HEALTHY), answer(2, ill, "app", 2), answer(3, HEALTHY, "lb")];
  expect(await it.steward.ready()).toEqual({
    ready: true,
    checks: [
      { name: "box", ok: true },
      { name: "worker 1", ok: true },
      { name: "worker 2", ok: false, why: "it is ill" },
      { name: "lb 1", ok: true },
    ],
  });
  it.answers = [answer(1, HEALTHY)];
  expect(await it.steward.ready()).toMatchObject({
    ready: false,
    checks: [{}, {}, { name: "lb", why: "none answers" }],
  });
});

/** A steward's part that says how it takes a reload, and notes what became of it. */
function partOf(how: "in place" | "replace" | "refuse", notes: string[], name: string): RoleFace<unknown> {
  const duty = {
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    health: () => HEALTHY,
    prepare: () => {
      if (how === "refuse") return Promise.reject(new Error("Cannot prepare: told not to"));
      const note = (what: string) => (): void => void notes.push(`${name} ${what}`);
      return Promise.resolve(how === "replace" ? { how } : { how, commit: note("commits"), abort: note("aborts") });
    },
  } as unknown as Duty<unknown>;
  return { steward: () => duty } as unknown as RoleFace<unknown>;
}

test("prepare: when one part refuses, those that agreed are told that nothing comes of it", async () => {
  const notes: string[] = [];
  const faces = new Map([
    ["app", partOf("in place", notes, "app")],
    ["lb", partOf("refuse", notes, "lb")],
  ]);
  const it = rig(planOf("app", "lb"), faces);
  const refused = await it.steward.prepare(planOf("app", "lb")).catch((error) => error);
  expect([String(refused), notes]).toEqual(["Error: Cannot prepare: told not to", ["app aborts"]]);
});

test("prepare: one part that must be replaced replaces the steward; other crews do, too", async () => {
  const notes: string[] = [];
  const faces = new Map([
    ["app", partOf("in place", notes, "app")],
    ["lb", partOf("replace", notes, "lb")],
  ]);
  const it = rig(planOf("app", "lb"), faces);
  expect(await it.steward.prepare(planOf("app", "lb"))).toEqual({ how: "replace" });
  expect(notes).toEqual(["app aborts"]);
  expect(await it.steward.prepare(planOf("app", "lb", "pool"))).toEqual({ how: "replace" });
});
