/** Tests of test/kit/rng.ts. */
import { describe, expect, test } from "bun:test";
import { SeededRng } from "../../../kit/rng.ts";

function draw(seed: number, count: number): number[] {
  const rng = new SeededRng(seed);
  return Array.from({ length: count }, () => rng.next());
}

describe("SeededRng", () => {
  test("next: repeats for the same seed, on every machine and for ever", () => {
    expect(draw(7, 50)).toEqual(draw(7, 50));
    expect(draw(1, 3).map((number) => number * 2 ** 32)).toEqual(FIRST_OF_SEED_1);
  });

  test.each([
    [0, 1],
    [1, 2],
    [-1, 1],
    [2 ** 32, 0],
    [2 ** 40 + 3, 3],
  ])("next: differs between seeds %p and %p", (one, other) => {
    const same = draw(one, 100).filter((number, index) => number === draw(other, 100)[index]);
    expect(same.length).toBeLessThan(3);
  });

  test("next: is in [0, 1), and evenly so", () => {
    const counts = new Array<number>(10).fill(0);
    for (const number of draw(42, 20_000)) {
      expect(number >= 0 && number < 1).toBe(true);
      const tenth = Math.floor(number * 10);
      counts[tenth] = (counts[tenth] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count / 2000 - 1)).toBeLessThan(0.1);
  });

  test("fill: fills all of it, and repeats", () => {
    const [one, other] = [new Uint8Array(5000), new Uint8Array(5000)];
    new SeededRng(3).fill(one);
    new SeededRng(3).fill(other);
    expect(one).toEqual(other);
    expect(new Set(one).size).toBe(256);
  });

  test.each([0.5, Number.NaN, 2 ** 53])("new: refuses seed %p", (seed) => {
    expect(() => new SeededRng(seed)).toThrow(RangeError);
  });
});

const FIRST_OF_SEED_1 = [4114278092, 2788919815, 2346554250];
