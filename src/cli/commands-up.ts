/** The commands for what runs on this machine: up, dev, status, logs, stop, reload, upgrade, app. */
import type { Command } from "commander";
import { VERSION } from "../run/version.ts";
import type { Commands } from "./commands.ts";
import type { ReloadWords } from "./reload.ts";

export function addUp(commands: Commands): void {
  addStart(commands, "up", "everything of a tier on this machine: database, app, health");
  addStart(commands, "dev", "the same for development: reloads on change, NODE_ENV=development");
  addStatus(commands);
  addLogs(commands);
  addStop(commands);
  addReload(commands);
  addUpgrade(commands);
  addApp(commands);
}

function addStart(commands: Commands, name: "up" | "dev", text: string): void {
  commands.program
    .command(name)
    .description(text)
    .argument("[app]", "the program (default: that of scale.toml or of this folder, else a demo)")
    .option("--tier <n>", "1 to 4 (default: what the file says)")
    .option("-p, --port <port>", "where it answers (default: 3000, or the next free one)")
    .option("-c, --config <file>", "the one file (default: ./scale.toml if there is one)")
    .option("--ephemeral", "keep no data")
    .option("--json", "one event a line, for machines")
    .action(async (app: string | undefined, options: Record<string, unknown>) => {
      const { upWords } = await import("./up-words.ts");
      const words = upWords(app, options, { dev: name === "dev", version: VERSION });
      const { runUp } = await import("../up/up.ts");
      commands.finish(await runUp(words));
    });
}

function addStatus(commands: Commands): void {
  commands.program
    .command("status")
    .description("what is up in this folder")
    .option("--json", "for machines")
    .action(async (options: { json?: boolean }) => {
      const { runStatus } = await import("../up/control.ts");
      commands.finish(await runStatus(process.cwd(), options.json === true, (text) => commands.out(text)));
    });
}

function addLogs(commands: Commands): void {
  commands.program
    .command("logs")
    .description("what the boxes of this folder have written")
    .argument("[box]", "only this one")
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --lines <n>", "how many of the last lines", "100")
    .action(async (box: string | undefined, options: { follow?: boolean; lines: string }) => {
      const { logsWords } = await import("./logs-words.ts");
      const words = logsWords(box, options);
      const { runLogs } = await import("../up/control.ts");
      commands.finish(await runLogs(process.cwd(), words, (text) => commands.out(text)));
    });
}

function addStop(commands: Commands): void {
  commands.program
    .command("stop")
    .description("stop what is up in this folder, in order")
    .option("--json", "for machines")
    .action(async ({ json = false }: { json?: boolean }) => {
      const { runStop } = await import("../up/control.ts");
      const code = await runStop(process.cwd(), (text) => json || commands.out(text));
      if (json) commands.out(`${JSON.stringify({ event: "stopped" })}\n`);
      commands.finish(code);
    });
}

interface TargetOptions {
  readonly admin?: string;
  readonly tokenFile?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** A command that is put to running boxes. */
function addTargeted(commands: Commands, name: string, text: string): Command {
  return commands.program
    .command(name)
    .description(text)
    .argument("[box]", "the name of a box (default: all that are up in this folder)")
    .option("--admin <address>", "where a box that is not of this folder answers: port, host:port or unix:PATH")
    .option("--token-file <file>", "its token, if it wants one (default: that of the file, or SCALE_ADMIN__TOKEN)")
    .option("-c, --config <file>", "the file of the box, which may say both")
    .option("--json", "for machines");
}

function targetWords(commands: Commands, box: string | undefined, { json, ...options }: TargetOptions): ReloadWords {
  const named = box === undefined ? {} : { box };
  const around = { folder: process.cwd(), env: process.env, write: (text: string) => commands.out(text) };
  return { ...options, ...named, ...around, json: json === true };
}

function addReload(commands: Commands): void {
  addTargeted(commands, "reload", "apply the changed file, all or nothing").action(
    async (box: string | undefined, options: TargetOptions) => {
      const { runReload } = await import("./reload.ts");
      commands.finish(await runReload(targetWords(commands, box, options)));
    },
  );
}

function addUpgrade(commands: Commands): void {
  addTargeted(commands, "upgrade", "go over to the executable that is on disk now, without losing a connection").action(
    async (box: string | undefined, options: TargetOptions) => {
      const { runUpgrade } = await import("./upgrade.ts");
      commands.finish(await runUpgrade(targetWords(commands, box, options)));
    },
  );
}

function addApp(commands: Commands): void {
  addTargeted(commands, "app", "change the number of workers of a running app")
    .requiredOption("--count <n>", "so many workers, until the box is started anew")
    .action(async (box: string | undefined, { count, ...options }: TargetOptions & { readonly count: string }) => {
      const { runCount } = await import("./count.ts");
      commands.finish(await runCount({ ...targetWords(commands, box, options), count }));
    });
}
