/**
 * What a running `up` leaves in its data folder for `status`, `logs` and `stop`. The file says who wrote it (pid and
 * birth), so that one left behind by a killed `up` is known for what it is.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, startTicks } from "../run/proc.ts";

/** The body of the `ready` event and of `scale status --json`. */
export interface UpState {
  readonly url: string;
  readonly adminUrl: string;
  readonly databaseUrl?: string;
  readonly tier: number;
  readonly boxes: readonly BoxState[];
  readonly stores: readonly StoreState[];
}

export interface BoxState {
  readonly role: string;
  readonly name: string;
  readonly pid: number;
  readonly listen: readonly string[];
  readonly admin: string;
}

export interface StoreState {
  readonly kind: "postgres";
  readonly name: string;
  readonly pid: number;
  readonly listen: readonly string[];
  readonly data: string;
}

interface Written {
  readonly pid: number;
  readonly born: string | undefined;
  readonly state: UpState;
}

export function dataFolderOf(folder: string): string {
  return join(folder, ".scale");
}

export function logFile(dataFolder: string, box: string): string {
  return join(dataFolder, "logs", `${box}.log`);
}

/** Readable by its user only: it holds the database's password. */
export function writeState(dataFolder: string, state: UpState): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const path = statePath(dataFolder);
  const written: Written = { pid: process.pid, born: startTicks(process.pid), state };
  writeFileSync(`${path}.new`, JSON.stringify(written, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeState(dataFolder: string): void {
  rmSync(statePath(dataFolder), { force: true });
}

/** The state of the `up` that runs on this folder; `undefined` when none does. */
export function readState(dataFolder: string): { readonly pid: number; readonly state: UpState } | undefined {
  const path = statePath(dataFolder);
  if (!existsSync(path)) return undefined;
  const written = JSON.parse(readFileSync(path, "utf8")) as Written;
  const alive = isAlive(written.pid) && startTicks(written.pid) === written.born;
  return alive ? { pid: written.pid, state: written.state } : undefined;
}

function statePath(dataFolder: string): string {
  return join(dataFolder, "up.json");
}
