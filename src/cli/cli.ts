/**
 * A person's words: which command, with which options. Each command is a file of its own, loaded when it is used; here
 * and in `commands-*.ts` stand only their names and what each obeys. Results go to stdout, everything else to stderr;
 * with --json both are JSON on stdout. Returns the exit code.
 * Invariant: no option is taken and then not obeyed.
 */
import { Command, CommanderError } from "commander";
import { codes } from "../problem/codes.ts";
import { Problem, problemsOf } from "../problem/problem.ts";
import { writeOut } from "../run/out.ts";
import { COMMIT, VERSION, versionLine } from "../run/version.ts";
import { type Commands, unknownCommandOf } from "./commands.ts";
import { addConfig } from "./commands-config.ts";
import { addUp } from "./commands-up.ts";
import { roleFlags } from "./role-flags.ts";
import { asksForJson, refuseStray, usageProblem } from "./usage.ts";

const EXAMPLES = `
Examples:
  $ scale up                         the demo, on a Postgres of its own
  $ scale up server.ts               your app, unchanged
  $ scale init                       a scale.toml, an app and types to begin with
  $ scale check scale.toml           everything that is wrong with a file, at once
  $ scale --role app --config scale.toml      one box in the foreground, as systemd runs it

More: scale help COMMAND, scale explain KNOB, scale explain CODE`;

export async function runCli(argv: readonly string[]): Promise<number> {
  const json = asksForJson(argv);
  try {
    return await new Words(json).run(argv);
  } catch (error) {
    return tell(error, json);
  }
}

/** Prints whatever ended the command, and says what the exit code is. */
async function tell(error: unknown, json: boolean): Promise<number> {
  const { printProblems, problemsJson } = await import("../problem/print.ts");
  const problems = problemsOf(error);
  if (json) writeOut(problemsJson(problems));
  else process.stderr.write(printProblems(problems, { colour: process.stderr.isTTY === true }));
  return Math.max(1, ...problems.map((problem) => codes[problem.code].exit));
}

/** The words of one call, and what became of them. */
class Words implements Commands {
  readonly program = new Command("scale");
  readonly out = writeOut;
  readonly #json: boolean;
  #exitCode = 0;
  /** The command whose words are being read. */
  #current = this.program;
  /** What the parser itself wants to print: help. */
  #help = "";

  constructor(json: boolean) {
    this.#json = json;
    const { program } = this;
    program
      .description("One executable that is every box of a scaling diagram.")
      .version(versionLine(), "-v, --version")
      .option("--json", "problems, and the version, as JSON")
      .showSuggestionAfterError()
      .enablePositionalOptions()
      .exitOverride()
      .configureOutput({ writeOut: (text) => (this.#help += text), writeErr: () => undefined })
      .addHelpText("after", EXAMPLES)
      .hook("preSubcommand", (_, command) => {
        this.#current = command;
        refuseStray(program, command);
      });
    this.#addRole();
    addUp(this);
    addConfig(this);
    this.#addHelp();
  }

  async run(argv: readonly string[]): Promise<number> {
    try {
      if (argv.some(asksForRoleHelp) && argv.some(asksForHelp)) {
        const { roleHelp } = await import("./role-help.ts");
        this.program.addHelpText("after", roleHelp(argv));
      }
      if (argv.length === 0) this.#show(this.program);
      else await this.program.parseAsync(argv, { from: "user" });
      return this.#exitCode;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode !== 0) throw usageProblem(error, this.#current);
      if (error.code === "commander.version" && this.#json)
        this.out(`${JSON.stringify({ version: VERSION, commit: COMMIT, bun: Bun.version })}\n`);
      else this.#print();
      return 0;
    }
  }

  finish(code: number): void {
    this.#exitCode = code;
  }

  #show(command: Command): void {
    command.outputHelp();
    this.#print();
  }

  #print(): void {
    this.out(this.#json ? `${JSON.stringify({ help: this.#help })}\n` : this.#help);
  }

  /** `scale --role X …`: not a command, since units and manifests say it this way. */
  #addRole(): void {
    this.program.argument("[entry]", "with --role app: the program");
    for (const option of roleFlags()) this.program.addOption(option);
    this.program.action(async (entry: string | undefined, options: Record<string, unknown>) => {
      if (options["role"] !== undefined) {
        const { runRole } = await import("./role.ts");
        return this.finish(await runRole(entry, options));
      }
      if (entry !== undefined) throw await unknownCommandOf(this.program, entry);
      throw new Problem("CLI_NOTHING_TO_DO", {
        what: "Cannot tell what to do: neither a command nor --role is given",
        fix: "See scale --help",
      });
    });
  }

  #addHelp(): void {
    this.program
      .command("help")
      .description("the options of a command")
      .argument("[command]", "as in up")
      .option("--json", "for machines")
      .action(async (word: string | undefined) => {
        const command = this.program.commands.find((one) => one.name() === word);
        if (word !== undefined && command === undefined) throw await unknownCommandOf(this.program, word);
        this.#show(command ?? this.program);
      });
  }
}

const asksForHelp = (word: string): boolean => word === "--help" || word === "-h";
const asksForRoleHelp = (word: string): boolean => word === "--role" || word.startsWith("--role=");
