/**
 * What a person said that no command takes: an option that is unknown or another's, a missing value, a word too many.
 * The parser's own complaint becomes a `Problem`, so that people and machines are told like of everything else.
 */
import type { Command, CommanderError, Option } from "commander";
import { Problem } from "../problem/problem.ts";

/** Whether the words ask for JSON; what stands behind `--` asks for nothing. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}

/** `command` is the one whose words could not be taken. */
export function usageProblem({ code, message }: CommanderError, command: Command): Problem {
  const [complaint = "", guess] = message.replace(/^error: /, "").split("\n");
  const near = guess === undefined ? undefined : /^\(Did you mean (.*)\?\)$/.exec(guess)?.[1];
  const option = code === "commander.unknownOption" ? /'(-[^']*)'/.exec(complaint)?.[1] : undefined;
  return new Problem("CLI_USAGE", {
    what: `Cannot do "${nameOf(command)}": ${complaint.replaceAll(/'([^']*)'/g, '"$1"').replace(/\.$/, "")}`,
    ...(option === undefined ? {} : whyNot(option, command)),
    fix: near === undefined ? helpOf(command) : `Did you mean ${near}?`,
  });
}

/** Throws when a flag of a box stands before the name of a command, which would not obey it. */
export function refuseStray(program: Command, command: Command): void {
  const stray = program.options.find((option) => program.getOptionValueSource(option.attributeName()) === "cli");
  if (stray === undefined) return;
  throw new Problem("CLI_USAGE", {
    what: `Cannot use ${stray.long} before "${command.name()}": what stands there is for a box`,
    fix: wayOut(stray, command),
  });
}

function wayOut({ long, flags }: Option, command: Command): string {
  if (long === "--role") return `Leave one of the two out; a program of that name is ./${command.name()}`;
  if (!command.options.some((option) => option.long === long)) return helpOf(command);
  return `Write it behind the command: ${nameOf(command)} ${flags.replace(/^-., /, "")}`;
}

/** A flag that only a box has, given to a command. */
function whyNot(option: string, command: Command): { readonly why?: string } {
  const ofBox = option !== "--json" && command.parent?.options.some(({ long }) => long === option) === true;
  return ofBox ? { why: `${option} is for one box: scale --role ROLE ${option} …` } : {};
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`;
}

function helpOf(command: Command): string {
  return command.parent === null ? "See scale --help" : `See scale help ${command.name()}`;
}
