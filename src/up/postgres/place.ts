/**
 * Where the data of a project's Postgres lies, and who may be there. Normally where it is wanted, `.scale/postgres` in the
 * project; below `/var/lib/scale` when we are root and the user Postgres then runs as cannot get there (a folder of mode
 * 0700 above it); in a temporary folder for `--ephemeral`.
 * Invariant: data that exists is opened or refused, never passed over for an empty database somewhere else.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Problem } from "../../problem/problem.ts";
import { STATE_FOLDER } from "../embedded.ts";
import { isPrivateFolder, look, readSmallFile } from "../trust.ts";
import { takeLock } from "./lock.ts";
import { canReach, type Owner } from "./owner.ts";

export interface Place {
  /** Holds the data folders of all Postgres servers of the project, and their passwords, settings, logs and sockets. */
  readonly home: string;
  readonly ephemeral: boolean;
  /** Whether that is not in the project's folder, so that a person must be told. */
  readonly elsewhere: boolean;
}

export interface PlaceOptions {
  /** Where the data should lie, and does unless there is a reason: `.scale/postgres` in the project. */
  readonly dir: string;
  readonly ephemeral: boolean;
  readonly owner: Owner;
  /** Instead of /var/lib/scale. */
  readonly stateFolder?: string;
}

/** `DIR.moved`, beside the folder that is wanted, says where the data went instead. */
const POINTER_SUFFIX = ".moved";
/** Beside data that lies elsewhere: whose it is, for whoever wonders whether it can go. */
const ORIGIN = "belongs-to";
const PATH_BYTES_MAX = 4_096;
const EPHEMERAL_PREFIX = "scale-up-";
/** An `up` takes its lock at once; a folder this old whose lock is free has no owner any more. */
const ABANDONED_AFTER_MS = 60_000;

/** Finds the place and makes its folder. Throws UP_DATA_… when existing data cannot be opened from here. */
export function choosePlace(options: PlaceOptions): Place {
  try {
    return findPlace(options);
  } catch (error) {
    if (!(error instanceof Error && "code" in error) || error instanceof Problem) throw error;
    throw new Problem("UP_DATA_UNWRITABLE", {
      what: `Cannot keep a database in "${options.dir}": ${error.message}`,
      fix: "Make the folder readable and writable, or give --ephemeral for a database of this run only.",
    });
  }
}

function findPlace(options: PlaceOptions): Place {
  if (options.ephemeral) return { home: makeEphemeral(options), ephemeral: true, elsewhere: false };
  const near = absolute(options.dir);
  const pointer = `${near}${POINTER_SUFFIX}`;
  const moved = readSmallFile(pointer, PATH_BYTES_MAX);
  if (moved !== undefined) {
    const far = existingFar(new TextDecoder().decode(moved).trim(), pointer, options);
    return { home: far, ephemeral: false, elsewhere: true };
  }
  const { owner } = options;
  const reachable = !owner.other || canReach(owner, near);
  if (look(near) !== undefined) {
    if (!reachable) throw unreachable(near);
    return { home: ownedBy(near), ephemeral: false, elsewhere: false };
  }
  if (reachable) return { home: makeHome(near, owner), ephemeral: false, elsewhere: false };
  const far = makeHome(farFrom(near, options), owner);
  makeFolder(dirname(near), 0o755);
  writeFileSync(join(dirname(far), ORIGIN), `${near}\n`, { mode: 0o644 });
  writeFileSync(pointer, `${far}\n`, { mode: 0o644 });
  return { home: ownedBy(far), ephemeral: false, elsewhere: true };
}

/** Takes everything of an ephemeral place away. */
export function removePlace(place: Place): void {
  if (place.ephemeral) rmSync(place.home, { recursive: true, force: true });
}

/** Without links, as far as it exists: Postgres compares names, and the kernel says names without links. */
function absolute(dir: string): string {
  const whole = resolve(dir);
  if (existsSync(whole)) return realpathSync(whole);
  const above = dirname(whole);
  return above === whole ? whole : join(absolute(above), basename(whole));
}

function farFrom(near: string, { stateFolder = STATE_FOLDER }: PlaceOptions): string {
  return join(stateFolder, createHash("sha256").update(near).digest("hex").slice(0, 16), "postgres");
}

function existingFar(far: string, pointer: string, { owner, stateFolder = STATE_FOLDER }: PlaceOptions): string {
  if (!owner.other) {
    throw new Problem("UP_DATA_OTHER_USER", {
      what: `Cannot open this project's database: root keeps it in "${far}"`,
      why: "An earlier scale up as root put it there. As another user you would see an empty database in its place.",
      fix: "Run scale up as root, or give --ephemeral for a database of this run only.",
    });
  }
  if (!far.startsWith(`${stateFolder}/`) || look(far) === undefined) {
    throw new Problem("UP_DATA_GONE", {
      what: `Cannot open this project's database: "${far}" is not there`,
      why: `"${pointer}" says that the data was put there.`,
      fix: `Bring it back, or remove "${pointer}" to start with an empty database.`,
    });
  }
  return ownedBy(far);
}

/** Refuses a home that another user owns or can write to: we would run programs on, and write to, what is theirs. */
function ownedBy(home: string): string {
  const uid = process.getuid?.() ?? 0;
  const info = look(home);
  if (info?.isDirectory() === true && info.uid === uid && isPrivateFolder(home, uid)) return home;
  throw new Problem("UP_DATA_OTHER_USER", {
    what: `Cannot open the data in "${home}": it belongs to uid ${info?.uid ?? "?"}, and scale runs as uid ${uid}`,
    why: "Opened as another user, its files would no longer be readable for the first one.",
    fix: `Run scale up as uid ${info?.uid ?? "?"}, or give --ephemeral for a database of this run only.`,
  });
}

function unreachable(home: string): Problem {
  return new Problem("UP_DATA_UNREACHABLE", {
    what: `Cannot open the data in "${home}": Postgres' user cannot get there`,
    why: "As root, Postgres runs as an unprivileged user, and a folder above the data does not let that user pass.",
    fix: "Let others pass through the folders above it (chmod o+x), or run scale up as the folder's user.",
  });
}

/** The others' execute bit lets Postgres' user through to its own folder, where it differs from ours. */
function makeHome(home: string, owner: Owner): string {
  makeFolder(dirname(home), 0o755);
  makeFolder(home, owner.other ? 0o711 : 0o700);
  return home;
}

/** `mkdir -p`; the last folder gets exactly `mode` when it is new. */
function makeFolder(folder: string, mode: number): void {
  if (mkdirSync(folder, { recursive: true, mode: 0o755 }) !== undefined) chmodSync(folder, mode);
}

function makeEphemeral({ owner, stateFolder = STATE_FOLDER }: PlaceOptions): string {
  const below = [tmpdir(), "/tmp", stateFolder].find((one) => !owner.other || canReach(owner, join(one, "x")));
  if (below === undefined) throw unreachable(tmpdir());
  if (below === stateFolder) makeFolder(below, 0o755);
  sweepAbandoned(below);
  const home = mkdtempSync(join(realpathSync(below), EPHEMERAL_PREFIX));
  chmodSync(home, owner.other ? 0o711 : 0o700);
  return home;
}

/** What an `up --ephemeral` left that was killed. */
function sweepAbandoned(below: string): void {
  const uid = process.getuid?.() ?? 0;
  for (const name of readdirSync(below)) {
    if (!name.startsWith(EPHEMERAL_PREFIX)) continue;
    const home = join(below, name);
    const info = look(home);
    if (info?.uid !== uid || !isPrivateFolder(home, uid) || Date.now() - info.mtimeMs < ABANDONED_AFTER_MS) continue;
    if (isUnlocked(home)) rmSync(home, { recursive: true, force: true });
  }
}

function isUnlocked(home: string): boolean {
  return readdirSync(home)
    .filter((name) => name.endsWith(".lock"))
    .every((name) => {
      const lock = takeLock(join(home, name));
      if ("heldBy" in lock) return false;
      lock.release();
      return true;
    });
}
