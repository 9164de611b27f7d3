/**
 * A box's private folder: where its own processes have their sockets. Its name holds the keeper's pid and birth, so that two
 * generations of a box have two, and what a killed keeper has left is found and removed by the next box of this machine.
 */
import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isAlive, startTicks } from "./proc.ts";
import { ensureRuntimeFolder, runtimeFolder } from "./runtime-folder.ts";

/** A socket's path has at most 107 bytes, and the names in the folder want their part of it. */
const FOLDER_BYTES_MAX = 72;
const NAME = /^box-(\d+)\.(\d+)$/;

/** Where it will be; nothing is made yet. */
export function boxFolder(parent: string = runtimeFolder()): string {
  const name = `box-${process.pid}.${startTicks(process.pid) ?? 0}`;
  const uid = process.getuid?.() ?? 0;
  const wanted = join(parent, name);
  return Buffer.byteLength(wanted) <= FOLDER_BYTES_MAX ? wanted : join(`/tmp/scale-${uid}`, name);
}

/** For a password between the processes of the box. */
export function boxPassword(): string {
  return randomBytes(24).toString("base64url");
}

/** Throws RUN_FOLDER when the folder around it cannot be trusted. */
export function makeBoxFolder(path: string): void {
  const parent = join(path, "..");
  ensureRuntimeFolder(parent);
  sweep(parent);
  // One that is there already is a dead box's of the same pid and birth, before a reboot: nobody may have planted it.
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
}

export function removeBoxFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Folders of boxes that are dead. */
function sweep(parent: string): void {
  const uid = process.getuid?.() ?? 0;
  for (const name of readdirSync(parent)) {
    const [, pid, ticks] = NAME.exec(name) ?? [];
    if (pid === undefined || (isAlive(Number(pid)) && startTicks(Number(pid)) === ticks)) continue;
    const path = join(parent, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.uid === uid) rmSync(path, { recursive: true, force: true });
  }
}
