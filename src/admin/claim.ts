/**
 * Takes over the path of a unix socket whose process is dead, and never that of a live one. unix(7) leaves the file when a
 * process is killed, and then refuses to bind there. Invariant: between looking and binding nobody else of
 * us can do the same, because whoever does holds the lock of the folder. The lock goes with its process.
 */
import { closeSync, constants, lstatSync, openSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { Clock } from "../../proxy/base/clock.ts";
import { Problem } from "../problem/problem.ts";
import { flock } from "../run/os.ts";

const LOCK_TRIES_MAX = 50;
const LOCK_RETRY_MS = 20;

/** `bind` runs while the path is free and ours. Throws RUN_ADMIN_IN_USE when a live process answers there. */
export async function claim<Bound>(path: string, clock: Clock, bind: () => Bound): Promise<Bound> {
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await lock(folder, path, clock);
    await clear(path);
    return bind();
  } finally {
    closeSync(folder);
  }
}

async function lock(folder: number, path: string, clock: Clock): Promise<void> {
  for (let tries = 0; tries < LOCK_TRIES_MAX; tries++) {
    if (flock(folder)) return;
    await new Promise<void>((resolve) => void clock.after(LOCK_RETRY_MS, resolve));
  }
  throw inUse(path, "another process is starting there");
}

async function clear(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw inUse(path, "there is a file of another kind, which is left alone");
  if (await answers(path)) throw inUse(path, "a live process answers there");
  unlinkSync(path);
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

function inUse(path: string, reason: string): Problem {
  return new Problem("RUN_ADMIN_IN_USE", { what: `Cannot listen on "unix:${path}": ${reason}` });
}
