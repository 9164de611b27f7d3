/**
 * Which user Postgres runs as. It refuses to run as root, rightly: whoever gets a superuser's SQL gets a shell of that
 * user. So when we are root it runs as `nobody`; otherwise as us. Invariant: never uid 0.
 */
import { readFileSync } from "node:fs";
import { Problem } from "../../problem/problem.ts";
import { look } from "../trust.ts";
import { dirname } from "node:path";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
  /** Whether that is another user than we are, so that we must change over to it. */
  readonly other: boolean;
}

/** initdb asks the system for the user's name, so a bare number will not do. */
const UNPRIVILEGED = "nobody";

/** Throws UP_NO_PLAIN_USER when we are root and there is no `nobody`. */
export function postgresOwner(passwd = readPasswd): Owner {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getgid?.() ?? uid, other: false };
  const found = findUser(passwd(), UNPRIVILEGED);
  if (found !== undefined && found.uid !== 0) return { ...found, other: true };
  throw new Problem("UP_NO_PLAIN_USER", {
    what: `Cannot run Postgres as root: there is no user "${UNPRIVILEGED}"`,
    why: "Postgres refuses to run as root, and /etc/passwd names no unprivileged user to run it as.",
    fix: "Run scale as an ordinary user, or add the line nobody:x:65534:65534::/:/bin/false to /etc/passwd.",
  });
}

/** A user's row of passwd(5). */
export function findUser(passwd: string, name: string): { readonly uid: number; readonly gid: number } | undefined {
  for (const line of passwd.split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user !== name || uid === undefined || gid === undefined) continue;
    if (/^\d+$/.test(uid) && /^\d+$/.test(gid)) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Whether `owner` can pass through every folder above `path`, by the folders' modes. */
export function canReach(owner: Owner, path: string): boolean {
  for (let above = dirname(path); ; above = dirname(above)) {
    const info = look(above);
    if (info !== undefined) {
      const bit = info.uid === owner.uid ? 0o100 : info.gid === owner.gid ? 0o010 : 0o001;
      if ((info.mode & bit) === 0) return false;
    }
    if (above === dirname(above)) return true;
  }
}

function readPasswd(): string {
  return readFileSync("/etc/passwd", "utf8");
}
