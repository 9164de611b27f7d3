/**
 * Takes over the path of a unix socket whose process is dead, and never that of a live one. unix(7) leaves the file when a
 * process is killed, and then refuses to bind there. Invariant: between looking and binding nobody else of
 * us can do the same, because whoever does holds the lock of the folder. The lock goes with its process. Where others may
 * open the folder, who could hold its lock for ever, a file in it that only we can open is locked instead.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import type { Clock } from "../../proxy/base/clock.ts";
import { Problem } from "../problem/problem.ts";
import type { ProblemCode } from "../problem/codes.ts";
import { flock } from "./os.ts";

const LOCK_TRIES_MAX = 50;
const LOCK_RETRY_MS = 20;
const OPEN_TO_OTHERS = 0o077;
const LOCK_FILE = ".scale.lock";

export interface ClaimOptions {
  readonly clock: Clock;
  /** Of the Problem that says that somebody else has the path. */
  readonly code: ProblemCode;
}

/** `bind` runs while the path is free and ours. Throws the Problem when a live process answers there. */
export async function claim<Bound>(path: string, options: ClaimOptions, bind: () => Bound): Promise<Bound> {
  const taken = (reason: string): Problem =>
    new Problem(options.code, { what: `Cannot listen on "unix:${path}": ${reason}` });
  const fd = openLock(dirname(path));
  try {
    if (!(await lock(fd, options.clock))) throw taken("another process is starting there");
    const reason = await clear(path);
    if (reason !== undefined) throw taken(reason);
    return bind();
  } finally {
    closeSync(fd);
  }
}

function openLock(path: string): number {
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  if ((fstatSync(folder).mode & OPEN_TO_OTHERS) === 0) return folder;
  try {
    const fd = openSync(join(path, LOCK_FILE), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    closeSync(folder);
    return fd;
  } catch (error) {
    // Another user's, or a folder where we may make nothing: then binding fails too, or that user is our neighbour there.
    if (error instanceof Error && "code" in error) return folder;
    closeSync(folder);
    throw error;
  }
}

async function lock(fd: number, clock: Clock): Promise<boolean> {
  for (let tries = 0; tries < LOCK_TRIES_MAX; tries++) {
    if (flock(fd)) return true;
    await new Promise<void>((resolve) => void clock.after(LOCK_RETRY_MS, resolve));
  }
  return false;
}

/** Why it cannot be cleared, if it cannot. */
async function clear(path: string): Promise<string | undefined> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isSocket()) return "there is a file of another kind, which is left alone";
  if (await answers(path)) return "a live process answers there";
  unlinkSync(path);
  return undefined;
}

/** A socket of a dead process refuses; any other answer, even "you may not", is a life. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: Error & { code?: string }) => {
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}
