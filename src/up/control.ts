/** `scale status`, `scale logs` and `scale stop`: what can be done with an `up` that runs on a folder. */
import { existsSync, readdirSync, statSync, watch } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Problem } from "../problem/problem.ts";
import { wantsColour } from "../run/log-pretty.ts";
import { isAlive } from "../run/proc.ts";
import { obeySignals, sendSignal } from "../run/signals.ts";
import { askProcesses, type ProcessState } from "./crews.ts";
import { readLine } from "./log-lines.ts";
import { type BoxState, dataFolderOf, logFile, readState, type RunningUp, type UpState } from "./state-file.ts";

export type Write = (text: string) => void;

/** The `up` of this folder, or a Problem that says there is none. */
function running(folder: string): RunningUp {
  const found = readState(dataFolderOf(folder));
  if (found !== undefined) return found;
  throw new Problem("UP_NOT_RUNNING", {
    what: `Cannot find a running scale in "${folder}": nothing is up here`,
    fix: "Start it with `scale up`, or go to the folder where it runs",
  });
}

export async function runStatus(folder: string, json: boolean, write: Write): Promise<number> {
  const { pid, state: written, token } = running(folder);
  const boxes = await Promise.all(
    written.boxes.map(async (box) => ({ ...box, processes: await askProcesses(box.admin, token) })),
  );
  const state: UpState = { ...written, boxes };
  if (json) {
    write(`${JSON.stringify({ event: "ready", ...state })}\n`);
    return 0;
  }
  const stores = state.stores.map((store) => [
    store.kind,
    store.name,
    String(store.pid),
    store.listen.join(" "),
    isAlive(store.pid) ? "up" : "gone",
  ]);
  write(`scale is up: tier ${state.tier}, pid ${pid}, ${state.url}\n\n`);
  write(table([["WHAT", "NAME", "PID", "LISTENS", "STATE"], ...boxes.flatMap(boxRows), ...stores]));
  write(
    `\nHealth: ${state.adminUrl}/readyz   Metrics: ${state.adminUrl}/metrics   Logs: scale logs   Stop: scale stop\n`,
  );
  return 0;
}

function boxRows(box: BoxState): string[][] {
  const head = [box.role, box.name, String(box.pid), box.listen.join(" "), isAlive(box.pid) ? "up" : "gone"];
  return [head, ...box.processes.filter(isOfCrew).map(processRow)];
}

/** The keeper is the box itself, and the steward is nobody's business but its own. */
function isOfCrew({ process }: ProcessState): boolean {
  return process !== "keeper" && process !== "steward";
}

function processRow({ process, index, pid, state, why }: ProcessState): string[] {
  return [`  ${process}`, String(index), String(pid), "", why === undefined ? state : `${state}: ${why}`];
}

const STOP_LOOK_MS = 50;

export async function runStop(folder: string, write: Write): Promise<number> {
  const { pid, state } = running(folder);
  sendSignal(pid, "SIGTERM");
  write(`Stopping tier ${state.tier} (pid ${pid}) …\n`);
  while (isAlive(pid)) await Bun.sleep(STOP_LOOK_MS);
  write("Stopped.\n");
  return 0;
}

export interface LogsWords {
  /** Lines as a person reads them, else as they are in the file; absent: on a terminal. */
  readonly pretty?: boolean;
  readonly box?: string;
  readonly follow: boolean;
  readonly lines: number;
}

/** The last lines of one box's log or of all, and then, if asked, what is added. */
export async function runLogs(folder: string, words: LogsWords, write: Write): Promise<number> {
  const usual = dataFolderOf(folder);
  const dataFolder = readState(usual)?.dataFolder ?? usual;
  const files = logFiles(dataFolder, words.box);
  const pretty = words.pretty ?? process.stdout.isTTY === true;
  const colour = pretty && wantsColour(process.stdout.isTTY === true, process.env);
  const say = (file: string, line: string): void => {
    write(`${prefix(file, files)}${pretty ? readLine(line, colour).text : line}\n`);
  };
  const ends = new Map<string, number>();
  for (const file of files) {
    const text = await Bun.file(file).text();
    ends.set(file, Buffer.byteLength(text));
    const lines = text.split("\n").filter((line) => line !== "");
    for (const line of lines.slice(Math.max(0, lines.length - words.lines))) say(file, line);
  }
  if (!words.follow) return 0;
  return follow(files, ends, say);
}

function logFiles(dataFolder: string, box: string | undefined): string[] {
  const folder = dirname(logFile(dataFolder, "x"));
  const all = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".log")) : [];
  const wanted = box === undefined ? all : all.filter((name) => name === `${box}.log`);
  if (wanted.length > 0) return wanted.sort().map((name) => join(folder, name));
  throw new Problem("UP_NO_LOG", {
    what:
      box === undefined
        ? `Cannot show logs: there are none in "${folder}"`
        : `Cannot show the log of "${box}": there is none`,
    fix:
      all.length === 0
        ? "Start something with `scale up` first"
        : `The logs here: ${all.map((name) => basename(name, ".log")).join(", ")}`,
  });
}

/** Until Ctrl-C. A file that has become shorter is read from its start. */
function follow(
  files: readonly string[],
  ends: Map<string, number>,
  say: (file: string, line: string) => void,
): Promise<number> {
  const end = Promise.withResolvers<number>();
  const rests = new Map<string, string>();
  let reading = Promise.resolve();
  const readOn = async (file: string): Promise<void> => {
    const size = statSync(file).size;
    const from = Math.min(ends.get(file) ?? 0, size);
    const handle = await open(file);
    const bytes = Buffer.alloc(size - from);
    await handle.read(bytes, 0, bytes.length, from);
    await handle.close();
    ends.set(file, size);
    const lines = ((rests.get(file) ?? "") + bytes.toString("utf8")).split("\n");
    rests.set(file, lines.pop() ?? "");
    for (const line of lines) say(file, line);
  };
  const soon = (file: string): void => {
    reading = reading.then(() => readOn(file));
    reading.catch((error) => end.reject(error));
  };
  const watchers = files.map((file) => watch(file, () => soon(file)));
  // What was added after the last lines were shown and before anyone watched.
  for (const file of files) soon(file);
  const unlisten = obeySignals({ stop: () => end.resolve(0), now: () => end.resolve(0), reload: () => undefined });
  return end.promise.finally(() => {
    for (const watcher of watchers) watcher.close();
    unlisten();
  });
}

function prefix(file: string, files: readonly string[]): string {
  return files.length > 1 ? `${basename(file, ".log").padEnd(8)} ` : "";
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map(
      (row) =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
