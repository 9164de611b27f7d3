import { describe, expect, test } from "bun:test";
import { Command, CommanderError } from "commander";
import { Problem } from "../../../../src/problem/problem.ts";
import { asksForJson, refuseStray, usageProblem } from "../../../../src/cli/usage.ts";

function tree(): { readonly program: Command; readonly up: Command } {
  const program = new Command("scale").option("--listen <address>").option("-c, --config <file>").option("--json");
  return { program, up: program.command("up").option("-c, --config <file>").option("--json") };
}

describe("asksForJson", () => {
  test.each([
    [["up", "--json"], true],
    [["--json"], true],
    [["up"], false],
    [["up", "--", "--json"], false],
  ])("asksForJson: %j is %p", (argv, asked) => {
    expect(asksForJson(argv)).toBe(asked);
  });
});

describe("usageProblem", () => {
  const problem = (code: string, message: string) => {
    const { code: ours, parts } = usageProblem(new CommanderError(1, code, message), tree().up);
    expect(ours).toBe("CLI_USAGE");
    return parts;
  };

  test("usageProblem: a guess of the parser is the way out", () => {
    const message = "error: unknown option '--jsn'\n(Did you mean --json?)";
    expect(problem("commander.unknownOption", message)).toEqual({
      what: 'Cannot do "scale up": unknown option "--jsn"',
      fix: "Did you mean --json?",
    });
  });

  test("usageProblem: a flag of a box is said to be one", () => {
    expect(problem("commander.unknownOption", "error: unknown option '--listen'")).toEqual({
      what: 'Cannot do "scale up": unknown option "--listen"',
      why: "--listen is for one box: scale --role ROLE --listen …",
      fix: "See scale help up",
    });
  });

  test("usageProblem: whatever else is complained of, without its full stop", () => {
    const message = "error: too many arguments for 'up'. Expected 1 argument but got 2.";
    expect(problem("commander.excessArguments", message)).toEqual({
      what: 'Cannot do "scale up": too many arguments for "up". Expected 1 argument but got 2',
      fix: "See scale help up",
    });
  });
});

describe("refuseStray", () => {
  const fixOf = (option: string, value: unknown): string | undefined => {
    const { program, up } = tree();
    program.setOptionValueWithSource(option, value, "cli");
    try {
      refuseStray(program, up);
    } catch (error) {
      if (error instanceof Problem) return error.parts.fix;
      throw error;
    }
    return undefined;
  };

  test("refuseStray: says where the option belongs", () => {
    expect(fixOf("config", "x")).toBe("Write it behind the command: scale up --config <file>");
    expect(fixOf("json", true)).toBe("Write it behind the command: scale up --json");
    expect(fixOf("listen", "3000")).toBe("See scale help up");
  });

  test("refuseStray: a default is no stray", () => {
    const { program, up } = tree();
    program.setOptionValueWithSource("config", "x", "default");
    expect(() => refuseStray(program, up)).not.toThrow();
  });
});
