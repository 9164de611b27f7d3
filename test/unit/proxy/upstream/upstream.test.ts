import { describe, expect, test } from "bun:test";
import { Tries } from "../../../../proxy/upstream/tries.ts";
import { EJECTION } from "../../../../proxy/upstream/ejection.ts";
import { Place } from "../../../../proxy/upstream/waiting.ts";
import { listed, UpstreamRig } from "./rig.ts";

const REST_MS_LEAST = EJECTION.restMs * (1 - EJECTION.jitter);
const REST_MS_MOST = EJECTION.restMs * (1 + EJECTION.jitter);

describe("judge", () => {
  test("a target that is down gets nothing, and all of them down is nobody", () => {
    const rig = new UpstreamRig([1, 1]);
    rig.upstream.judge({ t0: "down", t1: "up" });
    expect(rig.spread(50)).toEqual({ t1: 50 });
    rig.upstream.judge({ t0: "down", t1: "down" });
    expect(rig.pick()).toBe("none");
    rig.upstream.judge({});
    expect(Object.keys(rig.spread(50)).length).toBe(2);
  });

  test("holds for targets of a later list, too", () => {
    const rig = new UpstreamRig([1]);
    rig.upstream.judge({ t0: "up", t1: "down" });
    rig.upstream.retarget([listed(0), listed(1)]);
    expect(rig.spread(50)).toEqual({ t0: 50 });
  });

  test("saying up once more does not end a rest; down and up anew does", () => {
    const rig = new UpstreamRig([1, 1]);
    rig.upstream.judge({ t0: "up", t1: "up" });
    rig.upstream.failed(rig.target("t0"));
    rig.upstream.judge({ t0: "up", t1: "up" });
    expect(rig.target("t0").state.now).toBe("ejected");
    rig.upstream.judge({ t0: "down", t1: "up" });
    expect(rig.target("t0").state.now).toBe("down");
    rig.upstream.judge({ t0: "up", t1: "up" });
    expect(rig.spread(50)["t0"]).toBeGreaterThan(0);
  });
});

describe("failed", () => {
  test("it rests, one pick then tries it, and a success brings it back", () => {
    const rig = new UpstreamRig([1, 1]);
    const target = rig.target("t0");
    expect(rig.upstream.failed(target)).toBe(true);
    rig.clock.advance(REST_MS_LEAST - 1);
    expect(rig.spread(50)).toEqual({ t1: 50 });
    rig.clock.advance(REST_MS_MOST);
    expect(rig.pick()).toBe("t0");
    target.take();
    expect(rig.spread(50)).toEqual({ t1: 50 });
    rig.upstream.connected(target);
    target.give();
    expect(target.state.now).toBe("up");
    expect(target.failures).toBe(0);
    expect(rig.spread(50)["t0"]).toBeGreaterThan(0);
  });

  test("a trial that was given back undecided is the next one's", () => {
    const rig = new UpstreamRig([1, 1]);
    const target = rig.target("t0");
    rig.upstream.failed(target);
    rig.clock.advance(REST_MS_MOST);
    expect(rig.pick()).toBe("t0");
    target.take();
    target.give();
    expect(target.state.now).toBe("ejected");
    expect(rig.pick()).toBe("t0");
  });

  test("one that has rested is not given to work that tried it already", () => {
    const rig = new UpstreamRig([1, 1]);
    const tried = new Tries<string>();
    tried.add(rig.target("t0"));
    rig.upstream.failed(rig.target("t0"));
    rig.clock.advance(REST_MS_MOST);
    expect(rig.pick(tried)).toBe("t1");
    expect(rig.pick()).toBe("t0");
  });

  test("the rest grows with every failure, has jitter, and a limit", () => {
    const rig = new UpstreamRig([1, 1]);
    const target = rig.target("t0");
    const rests: number[] = [];
    for (let time = 0; time < 12; time += 1) {
      expect(rig.upstream.failed(target)).toBe(true);
      rests.push(target.restsUntilMs - rig.clock.now());
      rig.clock.advance(target.restsUntilMs - rig.clock.now());
      rig.upstream.pick(new Tries());
    }
    for (const [index, rest] of rests.entries()) {
      const plain = Math.min(EJECTION.restMs * 2 ** index, EJECTION.restMsMax);
      expect(rest).toBeWithin(plain * (1 - EJECTION.jitter), plain * (1 + EJECTION.jitter) + 0.001);
    }
    expect(new Set(rests).size).toBe(rests.length);
  });

  test("connects that fail at the same time count once", () => {
    const rig = new UpstreamRig([1, 1]);
    const target = rig.target("t0");
    const answers = Array.from({ length: 10 }, () => rig.upstream.failed(target));
    expect(answers.filter((rests) => rests)).toHaveLength(1);
    expect(target.failures).toBe(1);
    expect(target.connectsFailed).toBe(10);
    expect(target.restsUntilMs).toBeLessThanOrEqual(REST_MS_MOST);
  });

  test("when all rest, all are used, and never those that are down", () => {
    const rig = new UpstreamRig([1, 1, 1]);
    rig.upstream.judge({ t2: "down" });
    rig.upstream.failed(rig.target("t0"));
    rig.upstream.failed(rig.target("t1"));
    const counts = rig.spread(200);
    expect(Object.keys(counts).toSorted()).toEqual(["t0", "t1"]);
    rig.upstream.connected(rig.target("t1"));
    expect(rig.spread(50)).toEqual({ t1: 50 });
  });

  test("one that leaves or is down does not rest", () => {
    const rig = new UpstreamRig([1, 1]);
    const [down, leaving] = [rig.target("t0"), rig.target("t1")];
    leaving.take();
    rig.upstream.judge({ t0: "down" });
    rig.upstream.retarget([listed(0)]);
    expect([rig.upstream.failed(down), rig.upstream.failed(leaving)]).toEqual([false, false]);
    expect([down.state.now, leaving.state.now]).toEqual(["down", "leaving"]);
  });
});

describe("retarget", () => {
  test("those that stay keep their counts and state, the others leave", () => {
    const rig = new UpstreamRig([1, 1, 1]);
    rig.target("t0").take();
    rig.upstream.judge({ t1: "down" });
    const [zero, two] = [rig.target("t0"), rig.target("t2")];
    two.take();
    rig.upstream.retarget([listed(0, 3), listed(1)]);
    expect(rig.target("t0")).toBe(zero);
    expect([zero.inFlight, zero.weight]).toEqual([1, 3]);
    expect(rig.target("t1").state.now).toBe("down");
    expect(rig.told).toEqual([]);
    two.give();
    expect(rig.told).toEqual(["t2 idle", "t2 gone"]);
  });

  test("one that comes back while it leaves is another one", () => {
    const rig = new UpstreamRig([1, 1]);
    const old = rig.target("t1");
    old.take();
    rig.upstream.retarget([listed(0)]);
    rig.upstream.retarget([listed(0), listed(1)]);
    expect(rig.target("t1")).not.toBe(old);
    expect(rig.target("t1").inFlight).toBe(0);
    old.give();
    expect(rig.told).toEqual(["t1 idle", "t1 gone"]);
  });

  test("the same key at another address is another target", () => {
    const rig = new UpstreamRig([1]);
    rig.upstream.retarget([{ key: "t0", address: { path: "/run/t0" }, weight: 1 }]);
    expect(rig.told).toEqual(["t0 idle", "t0 gone"]);
    expect(rig.target("t0").address.path).toBe("/run/t0");
  });

  test("a key that is there twice is one target with both weights", () => {
    const rig = new UpstreamRig([1, 1]);
    rig.upstream.retarget([listed(0), listed(1, 2), listed(0, 3)]);
    expect(rig.upstream.targets.map(({ key, weight }) => [key, weight])).toEqual([
      ["t0", 4],
      ["t1", 2],
    ]);
  });

  test("an empty list is nobody", () => {
    const rig = new UpstreamRig([1]);
    rig.upstream.retarget([]);
    expect(rig.pick()).toBe("none");
    expect(rig.upstream.usable).toBe(0);
  });
});

describe("waiting", () => {
  test("who waits is woken by a verdict, a list or a weight that lets someone serve", () => {
    const rig = new UpstreamRig([0]);
    let woken = 0;
    const place = new Place({ targetReady: () => (woken += 1), targetLate: () => undefined });
    const waits = [
      () => rig.upstream.retarget([listed(0, 1)]),
      () => rig.upstream.judge({ t0: "up" }),
      () => rig.upstream.retarget([listed(1)]),
    ];
    const stops = [() => undefined, () => rig.upstream.judge({ t0: "down" }), () => rig.upstream.retarget([])];
    for (const [index, wake] of waits.entries()) {
      stops[index]?.();
      expect(rig.pick()).toBe("none");
      expect(rig.upstream.waiting.join(place, 1_000)).toBe("waiting");
      wake();
      expect(woken).toBe(index + 1);
    }
  });
});
