/**
 * Makes a new data folder, and has one written to disk for good. Both are runs of Postgres' own `initdb`, which ends by
 * itself. Invariant: a data folder appears under its name only when it is whole.
 */
import { chmodSync, mkdtempSync, renameSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { Problem } from "../../problem/problem.ts";
import { launch } from "../../run/launch.ts";
import { look } from "../trust.ts";
import { openLog, tailOf } from "./log-file.ts";
import type { Owner } from "./owner.ts";
import { giveTo, withPasswordFile } from "./secrets.ts";
import { ENVIRONMENT, initdbWords } from "./settings.ts";

/** A second on an idle machine; slow disks and loaded machines take many times that. */
const DEADLINE_MS = 180_000;
const NOT_STARTED = 127;

export interface InitdbOptions {
  /** The folder of the unpacked archive. */
  readonly tools: string;
  readonly data: string;
  readonly log: string;
  readonly owner: Owner;
  readonly password: string;
  /** Data of one run only need not survive a power cut. */
  readonly ephemeral: boolean;
}

/** Throws UP_INITDB_FAILED. */
export async function makeDataFolder(options: InitdbOptions): Promise<void> {
  const { tools, data, owner, password } = options;
  const beside = newFolder(data);
  try {
    giveTo(owner, beside);
    const passwordFile = `${beside}.password`;
    await withPasswordFile(passwordFile, password, owner, async () => {
      const words = initdbWords(join(tools, "bin", "initdb"), beside, passwordFile);
      await run(options.ephemeral ? [...words, "--no-sync"] : words, options);
    });
    takeName(beside, data);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Has the kernel write every file of `folder` to disk. Throws UP_INITDB_FAILED. */
export async function syncFolder(folder: string, options: Omit<InitdbOptions, "data" | "password">): Promise<void> {
  if (options.ephemeral) return;
  await run([join(options.tools, "bin", "initdb"), "--sync-only", `--pgdata=${folder}`], options);
}

/** An empty folder beside the one it will become; of us alone until it is given away. */
export function newFolder(data: string): string {
  const beside = mkdtempSync(`${data}.new-`);
  chmodSync(beside, 0o700);
  return beside;
}

/** An empty folder in the place is as good as none; anything else stays and throws. */
export function takeName(beside: string, data: string): void {
  if (look(data)?.isDirectory() === true) rmdirSync(data);
  renameSync(beside, data);
}

async function run(words: readonly string[], { owner, log }: Pick<InitdbOptions, "owner" | "log">): Promise<void> {
  const file = openLog(log);
  const child = launch(words, {
    cwd: "/",
    env: ENVIRONMENT,
    stdout: file.fd,
    stderr: file.fd,
    ...(owner.other ? { uid: owner.uid, gid: owner.gid } : {}),
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  await child.exited;
  clearTimeout(timer);
  file.close();
  if (child.exitCode !== 0) throw failed(endOf(child), tailOf(file), log);
}

export function endOf(child: {
  readonly exitCode: number | null;
  readonly signalCode: string | number | null;
}): string {
  if (child.exitCode === NOT_STARTED) return "it could not be started";
  if (child.exitCode !== null) return `it exited with ${child.exitCode}`;
  return `it was ended by ${child.signalCode ?? "a signal"}`;
}

function failed(how: string, tail: string, log: string): Problem {
  return new Problem("UP_INITDB_FAILED", {
    what: `Cannot make the data folder: initdb failed, ${how}`,
    why: tail === "" ? "It said nothing." : tail,
    fix: `Read "${log}"; the usual reasons are a full disk and a library that is missing (libstdc++6).`,
  });
}
