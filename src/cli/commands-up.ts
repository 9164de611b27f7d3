/** The commands for what runs on this machine: up, dev, status, logs, stop, reload. */
import type { Command } from "commander";
import { VERSION } from "../run/version.ts";
import type { Commands } from "./commands.ts";

const LINES_MAX = 100_000;

export function addUp(commands: Commands): void {
  addStart(commands, { name: "up", dev: false, text: "everything of a tier on this machine: database, app, health" });
  addStart(commands, {
    name: "dev",
    dev: true,
    text: "the same for development: reloads on change, NODE_ENV=development",
  });
  addStatus(commands);
  addLogs(commands);
  addStop(commands);
  addReload(commands);
}

interface Start {
  readonly name: string;
  readonly dev: boolean;
  readonly text: string;
}

function addStart({ program, finish }: Bound, { name, dev, text }: Start): void {
}
