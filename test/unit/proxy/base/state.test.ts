/** Tests of proxy/base/state.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../../../proxy/base/assert.ts";
import { LIFECYCLE, type Lifecycle, State } from "../../../../proxy/base/state.ts";

const DOOR = { open: ["shut"], shut: ["open", "locked"], locked: ["shut"] } as const;

describe("State", () => {
  test("go: takes an edge of the table", () => {
    const door = new State(DOOR, "shut");
    door.go("locked");
    expect(door.now).toBe("locked");
    expect(door.is("locked")).toBe(true);
    expect(door.is("shut")).toBe(false);
  });

  test("go: throws a Bug that names both ends for any other step, and stays", () => {
    const door = new State(DOOR, "open");
    expect(() => door.go("locked")).toThrow(new Bug('Cannot go to "locked": the state is "open"'));
    expect(() => door.go("open")).toThrow(Bug);
    expect(door.now).toBe("open");
  });

  test("can: tells without going", () => {
    const door = new State(DOOR, "open");
    expect([door.can("shut"), door.can("locked"), door.can("open")]).toEqual([true, false, false]);
    expect(door.now).toBe("open");
  });

  test("watch: sees each step after it was taken, and never one that was refused", () => {
    const seen: string[] = [];
    const door: State<keyof typeof DOOR> = new State(DOOR, "open", (to, from) =>
      seen.push(`${from}>${to}=${door.now}`),
    );
    door.go("shut");
    expect(() => door.go("shut")).toThrow(Bug);
    door.go("locked");
    expect(seen).toEqual(["open>shut=shut", "shut>locked=locked"]);
  });

  test("watch: may take the next step itself", () => {
    const door: State<keyof typeof DOOR> = new State(DOOR, "open", (to) => {
      if (to === "shut") door.go("locked");
    });
    door.go("shut");
    expect(door.now).toBe("locked");
  });
});

describe("LIFECYCLE", () => {
  const rows: [string, Lifecycle[]][] = [
    ["a whole life", ["starting", "ready", "draining", "stopped"]],
    ["one that never became ready", ["starting", "stopped"]],
    ["one drained before it was ready", ["starting", "draining", "stopped"]],
    ["one stopped at once", ["ready", "stopped"]],
  ];
  test.each(rows)("allows %s", (_name, steps) => {
    const state = new State(LIFECYCLE, steps[0] === "ready" ? "starting" : "new");
    for (const step of steps) state.go(step);
    expect(state.now).toBe("stopped");
  });

  test.each([
    ["new", "ready"],
    ["ready", "starting"],
    ["draining", "ready"],
    ["stopped", "starting"],
  ] as const)("has no way from %s to %s", (from, to) => {
    expect(() => new State(LIFECYCLE, from).go(to)).toThrow(Bug);
  });

  test("whatever is asked of it, it only goes forward, so every life ends", () => {
    const order = Object.keys(LIFECYCLE) as Lifecycle[];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...order)), (steps) => {
        const state = new State(LIFECYCLE, "new");
        for (const step of steps) {
          const before = order.indexOf(state.now);
          if (state.can(step)) state.go(step);
          else expect(() => state.go(step)).toThrow(Bug);
          expect(order.indexOf(state.now)).toBeGreaterThanOrEqual(before);
        }
      }),
    );
  });
});
