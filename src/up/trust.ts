/**
 * Whose files are these? Looked at before we run a program from a folder, or read a file that another user may have
 * written or replaced by something else. Not a sandbox: root and our own user are always trusted.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from "node:fs";
import { dirname } from "node:path";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** `lstat`, or `undefined` when there is nothing, a file where a folder should be included. */
export function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Whether `path` is a real folder that only `uid` and root can change. */
export function isPrivateFolder(path: string, uid: number): boolean {
  const info = look(path);
  if (info === undefined || !info.isDirectory()) return false;
  return (info.uid === uid || info.uid === 0) && (info.mode & WRITABLE_BY_OTHERS) === 0;
}

/**
 * Whether nobody but `uid` and root can swap `path` for another by renaming one of the folders above it. A folder that
 * all may write to is fine when it is sticky, as /tmp is. `path` is absolute and without links (`realpath`).
 */
export function isPathTrusted(path: string, uid: number): boolean {
  for (let above = dirname(path); ; above = dirname(above)) {
    const info = look(above);
    if (info === undefined || !info.isDirectory()) return false;
    if (info.uid !== uid && info.uid !== 0) return false;
    if ((info.mode & WRITABLE_BY_OTHERS) !== 0 && (info.mode & STICKY) === 0) return false;
    if (above === dirname(above)) return true;
  }
}

/**
 * The first `bytesMax` bytes of a regular file, in a folder that another user may write to: links are not followed and
 * a pipe put in its place does not block us. `undefined` when there is no such file.
 */
export function readSmallFile(path: string, bytesMax: number): Uint8Array | undefined {
  if (!look(path)?.isFile()) return undefined;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const bytes = new Uint8Array(bytesMax);
    return bytes.subarray(0, readSync(fd, bytes, 0, bytesMax, 0));
  } finally {
    closeSync(fd);
  }
}
