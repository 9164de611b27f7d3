/** A word that is no command: what was probably meant. */
import { Problem } from "../problem/problem.ts";
import { didYouMean } from "../config/did-you-mean.ts";

export function unknownCommand(word: string, commands: readonly string[]): Problem {
  const near = didYouMean(word, commands);
  return new Problem("CLI_UNKNOWN_COMMAND", {
    what: `Cannot do "${word}": there is no such command`,
    fix: near === undefined ? "See scale --help" : `Did you mean "scale ${near}"?`,
  });
}
