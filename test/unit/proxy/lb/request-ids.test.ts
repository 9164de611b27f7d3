import { expect, test } from "bun:test";
import { Bug } from "../../../../proxy/base/assert.ts";
import { RequestIds } from "../../../../proxy/lb/request-ids.ts";
import { SeededRng } from "../../../kit/rng.ts";

function textOf(ids: RequestIds, id: number): string {
  const { bytes, start, end } = ids.spell(id);
  return String.fromCharCode(...bytes.slice(start, end));
}

test("RequestIds: ids are tokens, and none comes twice, from one worker or from two", () => {
  const [one, two] = [new RequestIds(new SeededRng(1)), new RequestIds(new SeededRng(2))];
  const ids = Array.from({ length: 3_000 }, () => [textOf(one, one.next()), textOf(two, two.next())]).flat();
  expect(new Set(ids).size).toBe(6_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}-[0-9a-v]+$/);
});

test("RequestIds: an id is spelled the same, however many came after it", () => {
  const ids = new RequestIds(new SeededRng(1));
  const id = ids.next();
  const text = textOf(ids, id);
  for (let count = 0; count < 100; count++) textOf(ids, ids.next());
  expect(textOf(ids, id)).toBe(text);
});

test.each([0, -1, 2])("RequestIds: that nobody was given the id %d is a bug", (id) => {
  const ids = new RequestIds(new SeededRng(1));
  ids.next();
  expect(() => ids.spell(id)).toThrow(Bug);
});
