import { describe, expect, test } from "bun:test";
import { roleHelp } from "../../../../src/cli/role-help.ts";

describe("roleHelp", () => {
  test.each([[["--role", "app", "--help"]], [["--help", "--role=app"]]])("roleHelp: lists the knobs for %j", (argv) => {
    const lines = roleHelp(argv).split("\n");
    expect(lines[1]).toStartWith("Knobs of [app]");
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}app\.workers {2,}How many processes run the program \(default: 1\)$/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}app\.drain_timeout /));
    expect(roleHelp(argv)).not.toContain("lb.");
  });

  test.each([[[]], [["--role"]], [["--role", "nothing"]], [["up", "app"]], [["app"]]])(
    "roleHelp: has nothing to say for %j",
    (argv) => {
      expect(roleHelp(argv)).toBe("");
    },
  );
});
