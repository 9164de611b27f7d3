/** Tests of proxy/base/assert.ts. */
import { expect, test } from "bun:test";
import { assert, Bug, unreachable } from "../../../../proxy/base/assert.ts";

test("assert: is silent when the condition holds", () => {
  expect(() => assert(true, "Cannot happen")).not.toThrow();
});

test("assert: throws a Bug that says what, when it does not hold", () => {
  expect(() => assert(false, "Cannot shift: it is empty")).toThrow(new Bug("Cannot shift: it is empty"));
  expect(() => assert(false, "x")).toThrow(Bug);
});

test("assert: tells the compiler what holds", () => {
  const maybe: string | undefined = ["text"][0];
  assert(maybe !== undefined, "Cannot find text");
  expect(maybe.length).toBe(4);
});

test("unreachable: throws a Bug that names the member", () => {
  expect(() => unreachable("purple" as never)).toThrow('Cannot go on: "purple" is outside its closed set');
  expect(() => unreachable(undefined as never)).toThrow(Bug);
});
