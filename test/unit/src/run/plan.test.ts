import { expect, test } from "bun:test";
import { type Crew, crewBehindFront, placeName, type Plan, planOfWorker } from "../../../../src/run/plan.ts";

const crewOf = (name: string): Crew => ({ name, options: { of: name }, workers: 1, environment: {}, sockets: [] });
const PLAN = {
  role: "app",
  crews: [crewOf("app"), crewOf("lb"), crewOf("pool")],
  front: { folder: "/run/box" },
} as unknown as Plan;

test("planOfWorker: has the options of its own crew and of no other", () => {
  for (const name of ["app", "lb", "pool"]) {
    const { crews } = planOfWorker(PLAN, name);
    expect(crews.map(({ options }) => options)).toEqual([{ of: name }]);
  }
});

test("placeName: the workers of the box's own role are its workers, the others go by their role", () => {
  expect(["app", "lb", "pool"].map((crew) => placeName(PLAN, crew, 1))).toEqual(["worker 1", "lb 1", "pool 1"]);
  expect(placeName({ role: "lb" }, "lb", 2)).toBe("worker 2");
});

test("crewBehindFront: is the first where there is a front, and nobody else", () => {
  expect(crewBehindFront(PLAN)?.name).toBe("app");
  const { front: _, ...plain } = PLAN;
  expect(crewBehindFront(plain)).toBeUndefined();
});
