/**
 * What a running `up` leaves in its data folder for `status`, `logs` and `stop`. The file says who wrote it (pid and
 * birth), so that one left behind by a killed `up` is known for what it is.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Problem } from "../problem/problem.ts";
import { isAlive, startTicks } from "../run/proc.ts";
import type { ProcessState } from "./crews.ts";

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
  /** Its processes; as they were at the start in the file, as they are now in `scale status`. */
  readonly processes: readonly ProcessState[];
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
  readonly dataFolder: string;
  /** Of the admin listeners; never shown. */
  readonly token?: string;
  readonly state: UpState;
}

export function dataFolderOf(folder: string): string {
  return join(folder, ".scale");
}

export function logFile(dataFolder: string, box: string): string {
  return join(dataFolder, "logs", `${box}.log`);
}

/** Written by one `up`, which removes only what it has written. */
export class StateFile {
  /** Where a person looks for it. */
  readonly #folder: string;
  /** Where data and logs are. */
  readonly #dataFolder: string;
  #state: UpState | undefined;
  #token: string | undefined;

  constructor(folder: string, dataFolder: string) {
    this.#folder = folder;
    this.#dataFolder = dataFolder;
  }

  /** Returns why it cannot be written, when the folder does not let us: `up` goes on without. */
  write(state: UpState, token = this.#token): string | undefined {
    this.#token = token;
    try {
      makeOwnFolder(this.#folder);
      this.#put(state);
      this.#state = state;
      return undefined;
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || !isRefusal(error.code)) throw error;
      return `status, logs and stop will not find it: ${error.message}`;
    }
  }

  /** Changes what has been written; nothing when nothing has. */
  update(changes: Partial<UpState>): void {
    if (this.#state !== undefined) this.write({ ...this.#state, ...changes });
  }

  remove(): void {
    if (this.#state === undefined) return;
    rmSync(statePath(this.#folder), { force: true });
    if (this.#folder !== this.#dataFolder) removeIfEmpty(this.#folder);
  }

  /** Readable by its user only: it holds the database's password. */
  #put(state: UpState): void {
    const path = statePath(this.#folder);
    const written: Written = {
      pid: process.pid,
      born: startTicks(process.pid),
      dataFolder: this.#dataFolder,
      ...(this.#token === undefined ? {} : { token: this.#token }),
      state,
    };
    writeFileSync(`${path}.new`, JSON.stringify(written, null, 2), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

function isRefusal(code: unknown): boolean {
  return code === "EACCES" || code === "EROFS" || code === "EPERM";
}

const IGNORE_FILE = ".gitignore";

/**
 * The folder is made, or is ours already: what somebody else put there would be written through (links) and believed.
 * It holds passwords and data, so no version control shall take it by accident. Throws a Problem, or what mkdir throws.
 */
export function makeOwnFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { uid, mode } = lstatSync(folder);
  const foreign = uid !== process.getuid?.() ? `it belongs to user ${uid}` : "others may write in it";
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
    throw new Problem("UP_DATA_OTHER_USER", {
      what: `Cannot keep data in "${folder}": ${foreign}`,
      fix: "Remove it if it is not wanted, or work in a folder of your own",
    });
  }
  const ignore = join(folder, IGNORE_FILE);
  if (!existsSync(ignore)) writeFileSync(ignore, "*\n");
}

function removeIfEmpty(folder: string): void {
  const left = readdirSync(folder);
  if (left.length === 1 && left[0] === IGNORE_FILE) rmSync(folder, { recursive: true });
}

export interface RunningUp {
  readonly pid: number;
  readonly dataFolder: string;
  readonly token: string | undefined;
  readonly state: UpState;
}

/** The state of the `up` that runs on this folder; `undefined` when none does. */
export function readState(folder: string): RunningUp | undefined {
  const path = statePath(folder);
  // A file that another user wrote could name any process of ours for us to stop.
  if (statSync(path, { throwIfNoEntry: false })?.uid !== process.getuid?.()) return undefined;
  const written = JSON.parse(readFileSync(path, "utf8")) as Written;
  const alive = isAlive(written.pid) && startTicks(written.pid) === written.born;
  const { pid, dataFolder, token, state } = written;
  return alive ? { pid, dataFolder, token, state } : undefined;
}

function statePath(folder: string): string {
  return join(folder, "up.json");
}
