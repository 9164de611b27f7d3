/**
 * The right to open one data folder: a lock on a file beside it, which the kernel takes back when its holder dies,
 * however it dies. The pid written into the file is for people; the lock itself is what counts.
 */
import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { flock } from "../../run/os.ts";

export interface Lock {
  /** Harmless when it was released already. */
  release(): void;
}

/** Takes the lock, or says who holds it (`undefined` when that is not known). */
export function takeLock(path: string): Lock | { readonly heldBy: number | undefined } {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  if (!flock(fd)) {
    const heldBy = readPid(fd);
    closeSync(fd);
    return { heldBy };
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
  let held = true;
  return {
    release() {
      if (held) closeSync(fd);
      held = false;
    },
  };
}

function readPid(fd: number): number | undefined {
  const bytes = new Uint8Array(16);
  const text = new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0)));
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) ? pid : undefined;
}
