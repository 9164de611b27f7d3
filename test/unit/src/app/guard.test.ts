import { EventEmitter } from "node:events";
import { describe, expect, test } from "bun:test";
import { type Emitter, Guard } from "../../../../src/app/guard.ts";
import type { Problem } from "../../../../src/problem/problem.ts";

function watch() {
  const process = new EventEmitter();
  const failed: Problem[] = [];
  const exited: Problem[] = [];
  const guard = new Guard({
    entry: "/shop/server.ts",
    process: process as unknown as Emitter,
    failed: (problem) => void failed.push(problem),
    exited: (problem) => void exited.push(problem),
  });
  guard.install();
  return { process, failed, exited, guard };
}

describe("Guard", () => {
  test.each([
    ["uncaughtException", "nobody caught"],
    ["unhandledRejection", "nobody handled"],
  ])("hears of an %s", (event, said) => {
    const { process, failed } = watch();
    process.emit(event, new Error("broken"));
    expect(failed.map((problem) => problem.code)).toEqual(["APP_CRASHED"]);
    expect(failed[0]?.message).toContain(said);
    expect(failed[0]?.message).toContain("broken");
    expect(failed[0]?.message).toContain('"server.ts"');
  });

  test("leaves to the program what the program listens for", () => {
    const { process, failed } = watch();
    const seen: unknown[] = [];
    process.on("uncaughtException", (error) => seen.push(error));
    process.emit("uncaughtException", "one");
    process.emit("unhandledRejection", "two");
    process.on("unhandledRejection", (reason) => seen.push(reason));
    process.emit("unhandledRejection", "three");
    expect(seen).toEqual(["one", "two", "three"]);
    expect(failed).toEqual([]);
  });

  test("says where the program ended itself", () => {
    const { process, exited, failed } = watch();
    process.emit("exit", 7);
    expect(exited.map((problem) => problem.code)).toEqual(["APP_EXITED"]);
    expect(exited[0]?.message).toContain("exit code 7");
    expect(exited[0]?.parts.where?.file).toBe(import.meta.path);
    expect(failed).toEqual([]);
  });

  test("says one thing only", () => {
    const { process, failed, exited } = watch();
    process.emit("uncaughtException", new Error("first"));
    process.emit("uncaughtException", new Error("second"));
    process.emit("exit", 1);
    expect([...failed, ...exited]).toHaveLength(1);
  });

  test("says nothing once the program may leave, or when it is gone", () => {
    const { process, failed, exited, guard } = watch();
    guard.leave();
    process.emit("uncaughtException", new Error("late"));
    process.emit("exit", 0);
    guard.remove();
    expect([...failed, ...exited]).toEqual([]);
    expect(process.eventNames()).toEqual([]);
  });
});
