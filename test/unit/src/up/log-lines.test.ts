import { describe, expect, test } from "bun:test";
import { readLine } from "../../../../src/up/log-lines.ts";

const OURS = {
  level: "warn",
  time: "2026-11-23T22:24:42.440Z",
  box: "app",
  role: "app",
  process: "worker",
  index: 2,
  pid: 77,
  event: "child_slow",
  reason: "it blocks",
};

describe("readLine", () => {
  test("shows a line of ours as a terminal does, without what stands in its head already", () => {
    const { text, level } = readLine(JSON.stringify(OURS), false);
    expect(level).toBe("warn");
    expect(text).toMatch(/^\d\d:\d\d:42 warn {2}app\/2 +child_slow +reason="it blocks"$/);
  });

  test.each([
    ["a program's own words", "listening on 3000"],
    ["JSON of the program", '{"hello":1}'],
    ["half a line of JSON", '{"level":"info"'],
    ["a level that we do not have", JSON.stringify({ ...OURS, level: "fatal" })],
    ["colours", "\u001b[32mok\u001b[0m"],
  ])("leaves %s as it is", (_what, text) => {
    expect(readLine(text, true)).toEqual({ text });
  });

  test("takes colours away where nobody would see them", () => {
    expect(readLine("\u001b[32mok\u001b[0m", false).text).toBe("ok");
  });

  test("lets nothing move the cursor or ring", () => {
    expect(readLine("a\u001b[2Jb\u0007c\rd", false).text).toBe("a[2Jbcd");
  });
});
