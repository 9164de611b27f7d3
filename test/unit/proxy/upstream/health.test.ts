import { expect, test } from "bun:test";
import { Streak } from "../../../../proxy/upstream/health.ts";

/** "+" a good check, "-" a bad one; the verdict behind each. */
const rows: readonly [checks: string, verdicts: string][] = [
  ["+", "u"],
  ["-", "d"],
  ["+--", "uuu"],
  ["+---", "uuud"],
  ["+--+---", "uuuuuud"],
  ["-+", "dd"],
  ["-++", "ddu"],
  ["-+-++", "ddddu"],
  ["+---++", "uuuddu"],
  ["---+-++-", "ddddd" + "duu"],
];

test.each(rows)("Streak: %s is %s with rise 2 and fall 3", (checks, verdicts) => {
  const streak = new Streak();
  let said = "";
  for (const check of checks) {
    const before = streak.verdict;
    expect(streak.take(check === "+", { rise: 2, fall: 3 })).toBe(streak.verdict !== before);
    said += streak.verdict.slice(0, 1);
  }
  expect(said).toBe(verdicts);
});

test("Streak: starts where it is told to", () => {
  const streak = new Streak("down");
  expect(streak.take(true, { rise: 2, fall: 1 })).toBe(false);
  expect(streak.take(true, { rise: 2, fall: 1 })).toBe(true);
});
