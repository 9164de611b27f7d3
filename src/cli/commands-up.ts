/** The commands for what runs on this machine: up, dev, status, logs, stop, reload. */
import { VERSION } from "../run/version.ts";
import type { Commands } from "./commands.ts";

export function addUp(commands: Commands): void {
  addStart(commands, "up", "everything of a tier on this machine: database, app, health");
  addStart(commands, "dev", "the same for development: reloads on change, NODE_ENV=development");
  addStatus(commands);
  addLogs(commands);
  addStop(commands);
  addReload(commands);
}

function addStart(commands: Commands, name: "up" | "dev", text: string): void {
  commands.program
    .command(name)
    .description(text)
    .argument("[app]", "the program (default: the one in scale.toml, else a demo)")
    .option("--tier <n>", "1 to 4 (default: the highest that stands)")
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
      commands.finish(runStatus(process.cwd(), options.json === true, (text) => commands.out(text)));
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

interface ReloadOptions {
  readonly admin?: string;
  readonly tokenFile?: string;
  readonly config?: string;
  readonly json?: boolean;
}

function addReload(commands: Commands): void {
  commands.program
    .command("reload")
    .description("apply the changed file, all or nothing")
    .argument("[box]", "the name of a box (default: all that are up in this folder)")
    .option("--admin <address>", "where a box that is not of this folder answers: port, host:port or unix:PATH")
    .option("--token-file <file>", "its token, if it wants one (default: that of the file, or SCALE_ADMIN__TOKEN)")
    .option("-c, --config <file>", "the file of the box, which may say both")
    .option("--json", "for machines")
    .action(async (box: string | undefined, { json, ...options }: ReloadOptions) => {
      const { runReload } = await import("./reload.ts");
      const words = { ...options, ...(box === undefined ? {} : { box }), json: json === true };
      commands.finish(
        await runReload({ ...words, folder: process.cwd(), env: process.env, write: (text) => commands.out(text) }),
      );
    });
}
