import { expect, test } from "bun:test";
import { Flow } from "../../../../proxy/lb/flow.ts";

test("Flow: credit for bytes that are said again is no news, and what comes behind them is", () => {
  const flow = new Flow();
  expect([flow.credit(10), flow.upCredited]).toEqual([10, 10]);
  flow.restart();
  expect([flow.credit(4), flow.credit(8), flow.credit(3), flow.upCredited]).toEqual([0, 2, 3, 15]);
  flow.restart();
  flow.restart();
  expect([flow.credit(15), flow.credit(1)]).toEqual([0, 1]);
  flow.clear();
  expect(flow.credit(5)).toBe(5);
});
