import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Target, TARGET_STATES } from "../../../../proxy/upstream/target.ts";
import { listed, UpstreamRig } from "./rig.ts";
import { Tries } from "../../../../proxy/upstream/tries.ts";

function lone(): { readonly target: Target; readonly told: string[] } {
  const told: string[] = [];
  const leaver = { idle: () => void told.push("idle"), gone: () => void told.push("gone") };
  return { target: new Target(listed(0), leaver, () => undefined), told };
}

describe("Target", () => {
  test("leave: is told idle and gone at once when nothing is in flight", () => {
    const { target, told } = lone();
    target.leave();
    expect(told).toEqual(["idle", "gone"]);
    expect(target.state.now).toBe("gone");
  });

  test("leave: tunnels hold it up, but it is idle with them", () => {
    const { target, told } = lone();
    target.take();
    target.take();
    target.takeTunnel();
    target.leave();
    expect(told).toEqual([]);
    target.give();
    expect(told).toEqual(["idle"]);
    target.giveTunnel();
    expect(told).toEqual(["idle", "gone"]);
  });

  test("takeTunnel: an exchange that becomes a tunnel of one that leaves makes it idle", () => {
    const { target, told } = lone();
    target.take();
    target.leave();
    target.takeTunnel();
    expect(told).toEqual(["idle"]);
  });

  test("give: more than was taken is a bug, and changes nothing", () => {
    const { target } = lone();
    expect(() => target.give()).toThrow("Cannot give back");
    target.take();
    target.takeTunnel();
    expect(() => target.give()).toThrow("Cannot give back");
    expect(() => target.takeTunnel()).toThrow("Cannot make a tunnel");
    target.giveTunnel();
    expect(() => target.giveTunnel()).toThrow("there is none");
    expect([target.inFlight, target.tunnels]).toEqual([0, 0]);
  });
});

/** What may happen to an upstream, in any order; the model is what each target's last words allow. */
const steps = fc.array(
  fc.record({
    what: fc.constantFrom("pick", "give", "failed", "connected", "judge", "retarget", "wait"),
    index: fc.nat(3),
    verdict: fc.constantFrom("up" as const, "down" as const, "untried" as const),
    mask: fc.nat(15),
  }),
  { maxLength: 120 },
);

test("Upstream: in any order of events, nobody who may not be picked is, and no count goes wrong", () => {
  fc.assert(
    fc.property(steps, fc.constantFrom("least" as const, "round-robin" as const), fc.integer(), (all, name, seed) => {
      const rig = new UpstreamRig([1, 2, 1, 3], name, seed);
      const taken: Target<string>[] = [];
      const down = new Set<string>();
      for (const { what, index, verdict, mask } of all) {
        const target = rig.upstream.targets[index % Math.max(1, rig.upstream.targets.length)];
        if (what === "pick") {
          const picked = rig.upstream.pick(new Tries());
          const mayServe = rig.upstream.targets.filter(({ key }) => !down.has(key));
          if (typeof picked === "string") expect([picked, mayServe.length]).toEqual(["none", 0]);
          else {
            expect(mayServe).toContain(picked);
            picked.take();
            taken.push(picked);
          }
        } else if (what === "give") taken.splice(index, 1)[0]?.give();
        else if (what === "failed" && target !== undefined) rig.upstream.failed(target);
        else if (what === "connected" && target !== undefined) rig.upstream.connected(target);
        else if (what === "wait") rig.clock.advance(mask * 100);
        else if (what === "retarget") {
          rig.upstream.retarget([0, 1, 2, 3].filter((bit) => (mask & (1 << bit)) !== 0).map((bit) => listed(bit)));
        } else if (what === "judge") {
          const key = `t${index}`;
          if (verdict === "down") down.add(key);
          else down.delete(key);
          rig.upstream.judge(Object.fromEntries([...down].map((one) => [one, "down" as const])));
        }
        for (const one of taken) expect(one.inFlight).toBe(taken.filter((other) => other === one).length);
        for (const one of rig.upstream.targets)
          expect(one.state.now in TARGET_STATES && one.state.now !== "gone").toBe(true);
      }
      for (const one of taken) one.give();
      const ended = rig.told.filter((line) => line.endsWith("gone")).length;
      expect(rig.told.length).toBe(2 * ended);
    }),
  );
});
