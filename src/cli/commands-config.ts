/** The commands about the one file: init, check, config, explain, schema. They start nothing. */
import type { Command } from "commander";
import type { Commands } from "./commands.ts";
import { knobFlags } from "./role-flags.ts";

export function addConfig(commands: Commands): void {
  addInit(commands);
  addCheck(commands);
  addResolved(commands);
  addExplain(commands);
  addSchema(commands);
}

/** Where we are, and where what we say goes. */
function here(commands: Commands) {
  return {
    colour: process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined,
    folder: process.cwd(),
    env: process.env,
    write: (text: string): void => commands.out(text),
    warn: (text: string): void => void process.stderr.write(text),
  };
}

function addInit(commands: Commands): void {
  commands.program
    .command("init")
    .description("a commented scale.toml, types, and a program where there is none")
    .argument("[folder]", "made when it is not there", ".")
    .option("--template <name>", "express, fetch or hono")
    .option("--force", "write its own files anew")
    .option("--json", "for machines")
    .action(async (folder: string, options: { template?: string; force?: boolean; json?: boolean }) => {
      const { runInit } = await import("./init.ts");
      const { template } = options;
      const { write } = here(commands);
      const words = { folder, force: options.force === true, json: options.json === true, write };
      commands.finish(await runInit(template === undefined ? words : { ...words, template }));
    });
}

function addCheck(commands: Commands): void {
  commands.program
    .command("check")
    .description("everything that is wrong with a file, at once")
    .argument("[file]", "the one file", "scale.toml")
    .option("--live", "also ask ports and servers")
    .option("--json", "for machines")
    .action(async (file: string, options: { live?: boolean; json?: boolean }) => {
      const { runCheck } = await import("./check.ts");
      const words = { file, live: options.live === true, json: options.json === true };
      commands.finish(await runCheck({ ...here(commands), ...words }));
    });
}

function addResolved(commands: Commands): void {
  const command: Command = commands.program
    .command("config")
    .description("every value and where it comes from; secrets are not shown")
    .argument("[file]", "the one file (default: ./scale.toml if there is one)")
    .option("--resolved", "all values, defaults included (the only form there is)");
  for (const option of knobFlags()) {
    if (option.long === "--role") option.description = "as a box of this role sees it: app, lb, pool or router";
    command.addOption(option);
  }
  command
    .option("--json", "for machines")
    .action(async (file: string | undefined, options: Readonly<Record<string, unknown>>) => {
      const { configWords } = await import("./config-words.ts");
      const words = configWords(file, options);
      const { runConfig } = await import("./config.ts");
      commands.finish(await runConfig({ ...here(commands), ...words }));
    });
}

function addExplain(commands: Commands): void {
  commands.program
    .command("explain")
    .description("what a knob, a section or a code is about")
    .argument("[word]", "as in app.workers or CONFIG_RANGE")
    .option("--json", "for machines")
    .action(async (word: string | undefined, options: { json?: boolean }) => {
      const { runExplain } = await import("./explain.ts");
      const words = { json: options.json === true, ...(word === undefined ? {} : { word }) };
      commands.finish(await runExplain({ ...words, write: here(commands).write }));
    });
}

function addSchema(commands: Commands): void {
  commands.program
    .command("schema")
    .description("JSON Schema of the file, for editors")
    .option("--json", "it is JSON already")
    .action(async () => {
      const { runSchema } = await import("./schema.ts");
      commands.finish(await runSchema({ write: here(commands).write }));
    });
}
