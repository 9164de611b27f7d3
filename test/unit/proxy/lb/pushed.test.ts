/** The targets of a front: what is believed of a push, and when one that leaves is idle. */
import { expect, test } from "bun:test";
import { Group, type Server } from "../../../../proxy/lb/groups.ts";
import { Pushed } from "../../../../proxy/lb/pushed.ts";
import type { Target } from "../../../../proxy/upstream/target.ts";
import { FakeClock, turn } from "../../../kit/clock.ts";
import { upstreamOf } from "../../../kit/lb-rig.ts";
import { SeededRng } from "../../../kit/rng.ts";

function world() {
  const clock = new FakeClock();
  const groups: Group[] = [];
  const pushed = new Pushed(clock, () => groups);
  const leaver = { idle: (target: Target<Server>) => pushed.idle(target), gone: () => undefined };
  const group = new Group(upstreamOf("app", [], { servers: "pushed" }), { clock, rng: new SeededRng(1), leaver });
  groups.push(group);
  const push = (version: number, targets: Record<string, string>): void =>
    pushed.take({
      version,
      targets: Object.entries(targets).map(([key, state]) => ({ key, path: `/run/${key}`, state })),
    });
  return { clock, pushed, group, push };
}

const keysOf = ({ upstream }: Group): string[] => upstream.targets.map(({ key }) => key);

test("Pushed: takes the active ones, by their sockets, and nothing older than it knows", () => {
  const { group, push } = world();
  push(2, { one: "active", two: "leaving" });
  expect(group.upstream.targets.map(({ key, address }) => [key, address.path])).toEqual([["one", "/run/one"]]);
  push(1, { old: "active" });
  expect(keysOf(group)).toEqual(["one"]);
  push(2, { one: "active", three: "active" });
  expect(keysOf(group)).toEqual(["one", "three"]);
});

test.each([
  undefined,
  null,
  5,
  {},
  { version: 9 },
  { version: 9, targets: [{ key: 1 }] },
  { version: "9", targets: [] },
])("Pushed: %p changes nothing", (state) => {
  const { group, push, pushed } = world();
  push(1, { one: "active" });
  pushed.take(state);
  expect(keysOf(group)).toEqual(["one"]);
});

test("Pushed: a target that leaves is idle when its last exchange is over, tunnels aside", async () => {
  const { group, push, pushed } = world();
  push(1, { one: "active" });
  const [target] = group.upstream.targets;
  target?.take();
  target?.take();
  target?.takeTunnel();
  push(2, { one: "leaving" });
  let idle = false;
  void pushed.whenIdle({ key: "one", deadlineMs: 1_000 }).then(() => (idle = true));
  await turn();
  expect(idle).toBe(false);
  target?.give();
  await turn();
  expect(idle).toBe(true);
});

test("Pushed: a deadline ends the wait, and who asks for an idle or an unknown one does not wait", async () => {
  const { clock, group, push, pushed } = world();
  push(1, { one: "active", two: "active" });
  group.upstream.targets[0]?.take();
  push(2, {});
  let late = false;
  void pushed.whenIdle({ key: "one", deadlineMs: 1_000 }).then(() => (late = true));
  await pushed.whenIdle({ key: "two", deadlineMs: 1_000 });
  await pushed.whenIdle({ key: "nobody", deadlineMs: 1_000 });
  await pushed.whenIdle("what");
  await clock.advanceAsync(999);
  expect(late).toBe(false);
  await clock.advanceAsync(1);
  expect([late, clock.waiting]).toEqual([true, 0]);
});
