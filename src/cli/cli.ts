/**
 * A person's words: which command, with which options. Each command is a file of its own, loaded when it is used; this
 * one knows only their names. Results go to stdout, everything else to stderr. Returns the exit code.
 */
import { Command, CommanderError, Option } from "commander";
import { codes } from "../problem/codes.ts";
import { Problem, problemsOf } from "../problem/problem.ts";
import { writeOut } from "../run/out.ts";
import { versionLine, VERSION } from "../run/version.ts";

const EXAMPLES = `
Examples:
  $ scale up                         the demo, on a Postgres of its own
  $ scale up server.ts               your app, unchanged
  $ scale init                       a scale.toml, an app and types to begin with
  $ scale check scale.toml           everything that is wrong with a file, at once
  $ scale --role app --config scale.toml      one box in the foreground, as systemd runs it

More: scale help COMMAND, scale explain KNOB, scale explain CODE`;

type Out = (text: string) => void;

export async function runCli(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const program = buildProgram(finish);
  try {
    if (argv.some(asksForRoleHelp) && argv.some(asksForHelp)) {
      const { roleHelp } = await import("./role-help.ts");
      program.addHelpText("after", roleHelp(argv));
    }
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return tell(error, argv.includes("--json"));
  }
}

const asksForHelp = (word: string): boolean => word === "--help" || word === "-h";
const asksForRoleHelp = (word: string): boolean => word === "--role" || word.startsWith("--role=");

/** Prints whatever ended the command, and says what the exit code is. */
async function tell(error: unknown, json: boolean): Promise<number> {
  const { printProblems, problemsJson } = await import("../problem/print.ts");
  const problems = problemsOf(error);
  if (json) writeOut(problemsJson(problems));
  else process.stderr.write(printProblems(problems, { colour: process.stderr.isTTY === true }));
  return Math.max(1, ...problems.map((problem) => codes[problem.code].exit));
}

function buildProgram(finish: (code: number) => void): Command {
  const out: Out = writeOut;
  const program = new Command("scale")
    .description("One executable that is every box of a scaling diagram.")
    .version(versionLine(), "-v, --version")
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText("after", EXAMPLES);
  addRole(program, finish);
  addUp(program, finish);
  addControl(program, finish, out);
  addConfig(program, finish, out);
  return program;
}

/** `scale --role X …`: not a command, since units and manifests say it this way. */
function addRole(program: Command, finish: (code: number) => void): void {
  program
    .argument("[entry]", "with --role app: the program")
    .addOption(new Option("--role <role>", "be one box, in the foreground: app, lb, pool or router"))
    .option("-c, --config <file>", "the one file")
    .option("--name <name>", "name of the box (default: host-role)")
    .option("--listen <address>", "where it answers: port, host:port or unix:PATH")
    .option("--to <addresses>", "lb: servers; pool: the primary's URL")
    .option("--replica <url>", "pool: a replica's URL (again for more)", collect)
    .option("--workers <n>", 'processes that carry the traffic, or "auto"')
    .option("--admin <address>", "where health and metrics answer")
    .option("--log-level <level>", "debug, info, warn or error")
    .option("--set <knob=value>", "any knob, as in --set app.pool.max=30 (again for more)", collect)
    .addOption(new Option("--dev", "as scale dev runs it").hideHelp())
    .action(async (entry: string | undefined, options: Record<string, unknown>) => {
      if (options["role"] === undefined) {
        if (entry === undefined)
          throw new Problem("CLI_NOTHING_TO_DO", {
            what: "Cannot tell what to do: neither a command nor --role is given",
            fix: "See scale --help",
          });
        const { unknownCommand } = await import("./unknown-command.ts");
        throw unknownCommand(
          entry,
          program.commands.map((command) => command.name()),
        );
      }
      const { runRole } = await import("./role.ts");
      finish(await runRole(entry, options));
    });
}

function addUp(program: Command, finish: (code: number) => void): void {
  const run = (dev: boolean) => async (app: string | undefined, own: Record<string, unknown>, command: Command) => {
    const options = { ...command.optsWithGlobals(), ...own };
    const { runUp } = await import("../up/up.ts");
    const { upWords } = await import("./up-words.ts");
    finish(await runUp(upWords(app, options, { dev, version: VERSION })));
  };
  for (const [name, dev, text] of [
    ["up", false, "everything of a tier on this machine: database, app, health"],
    ["dev", true, "the same for development: reloads on change, NODE_ENV=development"],
  ] as const) {
    program
      .command(name)
      .description(text)
      .argument("[app]", "the program (default: the one in scale.toml, else a demo)")
      .option("--tier <n>", "1 to 4 (default: the highest that stands)")
      .option("-p, --port <port>", "where it answers (default: 3000, or the next free one)")
      .option("-c, --config <file>", "the one file (default: ./scale.toml if there is one)")
      .option("--ephemeral", "keep no data")
      .option("--json", "one event a line, for machines")
      .action(run(dev));
  }
}

function addControl(program: Command, finish: (code: number) => void, out: Out): void {
  program
    .command("status")
    .description("what is up in this folder")
    .option("--json", "for machines")
    .action(async (options: { json?: boolean }) => {
      const { runStatus } = await import("../up/control.ts");
      finish(runStatus(process.cwd(), options.json === true, out));
    });
  program
    .command("logs")
    .description("what the boxes of this folder have written")
    .argument("[box]", "only this one")
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --lines <n>", "how many of the last lines", "100")
    .action(async (box: string | undefined, options: { follow?: boolean; lines: string }) => {
      const { runLogs } = await import("../up/control.ts");
      const words = {
        ...(box === undefined ? {} : { box }),
        follow: options.follow === true,
        lines: Number(options.lines),
      };
      finish(await runLogs(process.cwd(), words, out));
    });
  program
    .command("stop")
    .description("stop what is up in this folder, in order")
    .action(async () => {
      const { runStop } = await import("../up/control.ts");
      finish(await runStop(process.cwd(), out));
    });
  program
    .command("reload")
    .description("apply the changed file, all or nothing")
    .argument("[box]", "the name of a box (default: all that are up in this folder)")
    .option("--json", "for machines")
    .action(async (box: string | undefined, options: { json?: boolean }) => {
      const { runReload } = await import("./reload.ts");
      finish(
        await runReload({
          folder: process.cwd(),
          json: options.json === true,
          write: out,
          ...(box === undefined ? {} : { box }),
        }),
      );
    });
}

function addConfig(program: Command, finish: (code: number) => void, out: Out): void {
  const colour = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
  const warn: Out = (text) => process.stderr.write(text);
  const here = { colour, folder: process.cwd(), env: process.env, write: out, warn };
  program
    .command("init")
    .description("a commented scale.toml, types, and a program where there is none")
    .argument("[folder]", "made when it is not there", ".")
    .option("--template <name>", "express, fetch or hono")
    .option("--force", "write its own files anew")
    .option("--json", "for machines")
    .action(async (folder: string, options: { template?: string; force?: boolean; json?: boolean }) => {
      const { runInit } = await import("./init.ts");
      const { template } = options;
      const words = { folder, force: options.force === true, json: options.json === true, write: out };
      finish(await runInit(template === undefined ? words : { ...words, template }));
    });
  program
    .command("check")
    .description("everything that is wrong with a file, at once")
    .argument("[file]", "the one file", "scale.toml")
    .option("--live", "also ask ports and servers")
    .option("--json", "for machines")
    .action(async (file: string, options: { live?: boolean; json?: boolean }) => {
      const { runCheck } = await import("./check.ts");
      finish(await runCheck({ ...here, file, live: options.live === true, json: options.json === true }));
    });
  program
    .command("config")
    .description("every value and where it comes from; secrets are not shown")
    .option("--resolved", "all values, defaults included (the only form there is)")
    .option("--json", "for machines")
    .action(async (_options: unknown, command: Command) => {
      const { runConfig } = await import("./config.ts");
      const { configWords } = await import("./config-words.ts");
      finish(await runConfig({ ...here, ...configWords(command.optsWithGlobals()) }));
    });
  program
    .command("explain")
    .description("what a knob, a section or a code is about")
    .argument("[word]", "as in app.workers or CONFIG_RANGE")
    .option("--json", "for machines")
    .action(async (word: string | undefined, options: { json?: boolean }) => {
      const { runExplain } = await import("./explain.ts");
      finish(await runExplain({ json: options.json === true, write: out, ...(word === undefined ? {} : { word }) }));
    });
  program
    .command("schema")
    .description("JSON Schema of the file, for editors")
    .action(async () => {
      const { runSchema } = await import("./schema.ts");
      finish(await runSchema({ write: out }));
    });
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
