/**
 * The password of a home's servers: made once, of 192 random bits, and never shown but in the URL that an app is given.
 * It lies in a file that only we can read, and, while replicas run, in a second one that only Postgres' user can read.
 */
import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { Problem } from "../../problem/problem.ts";
import type { Owner } from "./owner.ts";
import { USER } from "./settings.ts";

/** Letters, digits, - and _ only, so that it needs no escaping in a URL, a passfile or a shell. */
const PASSWORD = /^[A-Za-z0-9_-]{16,128}$/;
const PASSWORD_BYTES = 24;

/** The password in the file, made now if there is none. */
export function passwordOf(file: string): string {
  if (!existsSync(file)) writePrivate(file, `${randomBytes(PASSWORD_BYTES).toString("base64url")}\n`);
  const password = readFileSync(file, "utf8").trim();
  if (PASSWORD.test(password)) return password;
  throw new Problem("UP_DATA_FOREIGN", {
    what: `Cannot read the password in "${file}": it is not one that scale made`,
    fix: `Put it back. If it is lost, move the data folders beside "${file}" away to start with an empty database.`,
  });
}

/** Lends the password to a program of Postgres' user as a file, for as long as `use` runs. */
export async function withPasswordFile<T>(
  file: string,
  password: string,
  owner: Owner,
  use: () => Promise<T>,
): Promise<T> {
  rmSync(file, { force: true });
  writePrivate(file, `${password}\n`, owner);
  try {
    return await use();
  } finally {
    rmSync(file, { force: true });
  }
}

/** The file by which libpq in a replica logs in to its primary. */
export function writePassfile(file: string, password: string, owner: Owner): void {
  rmSync(file, { force: true });
  writePrivate(file, `127.0.0.1:*:*:${USER}:${password}\n`, owner);
}

/** A new file of mode 0600: never through a link, never into a file that is there. */
function writePrivate(file: string, text: string, owner?: Owner): void {
  const fd = openSync(file, "wx", 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
    if (owner?.other === true) fchownSync(fd, owner.uid, owner.gid);
  } finally {
    closeSync(fd);
  }
}

/** Gives a path to Postgres' user; nothing to do when that is us. */
export function giveTo(owner: Owner, path: string): void {
  if (owner.other) chownSync(path, owner.uid, owner.gid);
}
