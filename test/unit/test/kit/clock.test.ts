/** Tests of test/kit/clock.ts. */
import { describe, expect, test } from "bun:test";
import { FakeClock } from "../../../kit/clock.ts";

function recorder(): { clock: FakeClock; seen: string[]; note: (name: string) => () => void } {
  const clock = new FakeClock();
  const seen: string[] = [];
  return { clock, seen, note: (name) => () => seen.push(`${name}@${clock.now()}`) };
}

describe("FakeClock", () => {
  test("advance: runs timers in the order they fall due, each at its time, and no later ones", () => {
    const { clock, seen, note } = recorder();
    clock.after(30, note("c"));
    clock.after(10, note("a"));
    clock.after(10, note("b"));
    clock.after(31, note("d"));
    clock.advance(30);
    expect(seen).toEqual(["a@10", "b@10", "c@30"]);
    expect([clock.now(), clock.waiting, clock.nextMs]).toEqual([30, 1, 31]);
  });

  test("after: with 0 runs on a later turn, never within the call", () => {
    const { clock, seen, note } = recorder();
    clock.after(0, note("soon"));
    expect(seen).toEqual([]);
    clock.advance(0);
    expect(seen).toEqual(["soon@0"]);
  });

  test("advance: runs what is set on the way when it falls due on the way", () => {
    const { clock, seen, note } = recorder();
    clock.after(5, () => {
      note("first")();
      clock.after(5, note("second"));
      clock.after(6, note("third"));
    });
    clock.advance(10);
    expect(seen).toEqual(["first@5", "second@10"]);
  });

  test("every: repeats until cancelled, also from within", () => {
    const { clock, seen, note } = recorder();
    const timer = clock.every(10, () => {
      note("tick")();
      if (clock.now() === 30) timer.cancel();
    });
    clock.advance(100);
    expect(seen).toEqual(["tick@10", "tick@20", "tick@30"]);
    expect(clock.waiting).toBe(0);
  });

  test("cancel: keeps a timer from running, and is harmless twice and afterwards", () => {
    const { clock, seen, note } = recorder();
    const timer = clock.after(5, note("never"));
    const ran = clock.after(1, note("ran"));
    timer.cancel();
    timer.cancel();
    clock.advance(10);
    ran.cancel();
    expect(seen).toEqual(["ran@1"]);
  });

  test("wall: goes with now; fractions are kept", () => {
    const clock = new FakeClock();
    const before = clock.wall();
    clock.advance(0.25);
    clock.advance(1000);
    expect([clock.now(), clock.wall() - before]).toEqual([1000.25, 1000.25]);
  });

  test("a timer that throws is over, and the clock goes on", () => {
    const { clock, seen, note } = recorder();
    clock.after(1, () => {
      throw new Error("bad timer");
    });
    clock.after(2, note("next"));
    expect(() => clock.advance(5)).toThrow("bad timer");
    clock.advance(5);
    expect(seen).toEqual(["next@2"]);
  });

  test("advanceAsync: lets promises settle between timers", async () => {
    const { clock, seen, note } = recorder();
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
    const work = (async () => {
      await wait(10);
      note("one")();
      await wait(10);
      note("two")();
    })();
    await clock.advanceAsync(25);
    await work;
    expect(seen).toEqual(["one@10", "two@20"]);
    expect(clock.now()).toBe(25);
  });

  test("refuses to go back, and delays that are none", () => {
    const clock = new FakeClock();
    for (const ms of [-1, Number.NaN]) {
      expect(() => clock.advance(ms)).toThrow(RangeError);
      expect(() => clock.after(ms, () => undefined)).toThrow(RangeError);
    }
    expect(() => clock.every(0, () => undefined)).toThrow(RangeError);
  });

  test("a timer that sets itself again without delay is an error, not a hang", () => {
    const clock = new FakeClock();
    const again = (): void => void clock.after(0, again);
    again();
    expect(() => clock.advance(1)).toThrow("timers ran on the way");
  });
});
