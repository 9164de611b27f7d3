/** Tests of proxy/http/turn-list.ts. */
import { expect, test } from "bun:test";
import { TurnList } from "../../../../proxy/http/turn-list.ts";

test("TurnList: runs tasks once, in order, and those that they bring about", () => {
  const list = new TurnList();
  const log: string[] = [];
  const named = (name: string, then?: () => void) => ({
    turn: () => {
      log.push(name);
      then?.();
    },
  });
  list.later(named("a", () => list.later(named("c"))));
  list.later(named("b"));
  expect(list.empty).toBe(false);
  list.run();
  list.run();
  expect([log, list.empty]).toEqual([["a", "b", "c"], true]);
});
