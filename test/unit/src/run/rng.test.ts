import { expect, test } from "bun:test";
import { rng } from "../../../../src/run/rng.ts";

test("rng: next stays in [0, 1) and spreads", () => {
  const draws = Array.from({ length: 2_000 }, () => rng.next());
  expect(draws.every((value) => value >= 0 && value < 1)).toBe(true);
  const low = draws.filter((value) => value < 0.5).length;
  expect(low).toBeWithin(700, 1_300);
});

for (const length of [0, 1, 16, 65_536, 65_537, 200_000]) {
  test(`rng: fill fills ${length} bytes to the last`, () => {
    const into = new Uint8Array(length + 2);
    rng.fill(into.subarray(1, length + 1));
    expect([into[0], into[length + 1]]).toEqual([0, 0]);
    if (length < 16) return;
    for (const at of [1, length - 15]) expect(into.subarray(at, at + 16).some((byte) => byte !== 0)).toBe(true);
  });
}

test("rng: fill gives other bytes each time", () => {
  const [one, two] = [new Uint8Array(16), new Uint8Array(16)];
  rng.fill(one);
  rng.fill(two);
  expect(Buffer.from(one).equals(two)).toBe(false);
});
