import { EventEmitter } from "node:events";
import { describe, expect, test } from "bun:test";
import { GRACE_MS, sayGoodbye } from "../../../../src/app/farewell.ts";
import { FakeClock, turn } from "../../../kit/clock.ts";

function leave(deadlineMs = 30_000) {
  const process = new EventEmitter();
  const clock = new FakeClock();
  const errors: unknown[] = [];
  let isDone = false;
  const say = (): void => {
    void sayGoodbye({ process, clock, failed: (error) => errors.push(error) }, deadlineMs).then(() => (isDone = true));
  };
  return { process, clock, errors, say, done: () => isDone };
}

describe("sayGoodbye", () => {
  test("does not wait when nobody registered anything", async () => {
    const { say, done, clock } = leave();
    say();
    await turn();
    expect(done()).toBe(true);
    expect(clock.waiting).toBe(0);
  });

  test("waits for a handler that returns a promise, and no longer", async () => {
    const { process, say, done } = leave();
    const { promise, resolve } = Promise.withResolvers<void>();
    process.on("SIGTERM", () => promise);
    say();
    await turn();
    expect(done()).toBe(false);
    resolve();
    await turn();
    expect(done()).toBe(true);
  });

  test("gives a handler that returns nothing a moment", async () => {
    const { process, say, done, clock } = leave();
    process.on("SIGTERM", () => undefined);
    say();
    await clock.advanceAsync(GRACE_MS - 1);
    expect(done()).toBe(false);
    await clock.advanceAsync(1);
    expect(done()).toBe(true);
  });

  test("waits until the deadline and not beyond", async () => {
    const { process, say, done, clock } = leave(5_000);
    process.on("SIGTERM", () => new Promise(() => undefined));
    say();
    await clock.advanceAsync(4_999);
    expect(done()).toBe(false);
    await clock.advanceAsync(1);
    expect(done()).toBe(true);
  });

  test("calls each handler once, with its signal, beforeExit last", async () => {
    const { process, say, done } = leave();
    const calls: unknown[] = [];
    process.on("beforeExit", (code) => calls.push(["beforeExit", code]));
    process.once("SIGTERM", async (signal) => calls.push(["once", signal]));
    process.on("SIGTERM", async (signal) => calls.push(["on", signal]));
    say();
    await turn();
    expect(done()).toBe(true);
    expect(calls).toEqual([
      ["once", "SIGTERM"],
      ["on", "SIGTERM"],
      ["beforeExit", 0],
    ]);
    expect(process.listenerCount("SIGTERM")).toBe(1);
  });

  test("hears what handlers throw, and goes on", async () => {
    const { process, say, done, errors, clock } = leave();
    process.on("SIGTERM", () => {
      throw new Error("one");
    });
    process.on("SIGTERM", () => Promise.reject(new Error("two")));
    say();
    await clock.advanceAsync(GRACE_MS);
    expect(done()).toBe(true);
    expect(errors).toEqual([new Error("one"), new Error("two")]);
  });
});
