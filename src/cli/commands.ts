/** What the files that add commands are given, and what they share. */
import type { Command } from "commander";
import type { Problem } from "../problem/problem.ts";

export interface Commands {
  readonly program: Command;
  /** Results: stdout. */
  out(text: string): void;
  /** Takes the exit code. */
  finish(code: number): void;
}

export async function unknownCommandOf(program: Command, word: string): Promise<Problem> {
  const { unknownCommand } = await import("./unknown-command.ts");
  return unknownCommand(
    word,
    program.commands.map((command) => command.name()),
  );
}
