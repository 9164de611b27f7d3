/**
 * The archives that the executable carries (Postgres, the demo), unpacked once per content into a cache folder.
 * `build.ts` makes `dist/embedded/NAME.tar.zst` and embeds that folder (`compile.assets`); the executable finds them
 * under that name in `Bun.embeddedFiles`, and a run from source reads `dist/embedded/` itself.
 * Invariant: a folder under its final name is whole and could have been written by nobody but us or root, since it is
 * unpacked beside it and renamed; programs are run from it.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Problem } from "../problem/problem.ts";
import { unpackTar } from "./tar.ts";
import { isPathTrusted, isPrivateFolder, look } from "./trust.ts";

export type ArchiveName = "postgres" | "demo";

/** Where root keeps what an unprivileged Postgres must be able to read. */
export const STATE_FOLDER = "/var/lib/scale";

/** How much of the hash goes into the name of the folder, in hex digits. */
const HASH_LENGTH = 16;
/** An unpacker takes half a second; what lies about for so long has none. */
const LEFTOVER_AGE_MS = 3_600_000;

interface Archive {
  readonly blob: Blob;
  /** sha256 in hex, as stated beside the archive; absent when nothing is stated. */
  readonly stated?: string;
}

export interface UnpackPlaces {
  /** Folders to unpack below, the best first; the first that can be written to and trusted is taken. */
  readonly below: readonly string[];
}

/** The folder with the archive's content. Throws UP_NOT_EMBEDDED when this build carries no such archive. */
export async function unpack(name: ArchiveName, places: UnpackPlaces = { below: cacheFolders() }): Promise<string> {
  const archive = await findArchive(name);
  if (archive === undefined) throw notEmbedded(name);
  const hash = archive.stated ?? sha256(await archive.blob.bytes());
  const folder = `${name}-${hash.slice(0, HASH_LENGTH)}`;
  const reasons: string[] = [];
  for (const below of places.below) {
    const usable = usableCache(below);
    if ("why" in usable) reasons.push(`${below}: ${usable.why}`);
    else return unpackInto(join(usable.path, folder), archive.blob, hash);
  }
  throw new Problem("UP_NO_CACHE", {
    what: `Cannot unpack the embedded ${name}: no folder can be used`,
    why: reasons.join("; "),
    fix: "Set XDG_CACHE_HOME to a folder that only you can write to.",
  });
}

/** Whether this build carries the archive. */
export async function isEmbedded(name: ArchiveName): Promise<boolean> {
  return (await findArchive(name)) !== undefined;
}

/** Where archives are unpacked when nobody says where. Root's place is readable by all: Postgres runs as another user. */
export function cacheFolders(
  uid = ownUid(),
  env: Readonly<Record<string, string | undefined>> = process.env,
): readonly string[] {
  const temporary = join(tmpdir(), `scale-cache-${uid}`);
  if (uid === 0) return [join(STATE_FOLDER, "cache"), temporary];
  const named = env["XDG_CACHE_HOME"];
  const base = named !== undefined && isAbsolute(named) ? named : join(homedir(), ".cache");
  return [join(base, "scale"), temporary];
}

async function findArchive(name: ArchiveName): Promise<Archive | undefined> {
  const file = `${name}.tar.zst`;
  if (Bun.isStandaloneExecutable) {
    const carried = Bun.embeddedFiles as readonly (Blob & { readonly name: string })[];
    const blob = carried.find((one) => one.name === `embedded/${file}`);
    const stated = carried.find((one) => one.name === `embedded/${file}.sha256`);
    return blob && { blob, ...(stated === undefined ? {} : { stated: (await stated.text()).trim() }) };
  }
  const path = fileURLToPath(new URL(`../../dist/embedded/${file}`, import.meta.url));
  if (!existsSync(path)) return undefined;
  const stated = Bun.file(`${path}.sha256`);
  return { blob: Bun.file(path), ...((await stated.exists()) ? { stated: (await stated.text()).trim() } : {}) };
}

/** Makes the folder if need be, and looks whether a program may be run from below it. */
function usableCache(folder: string): { readonly path: string } | { readonly why: string } {
  const uid = ownUid();
  try {
    makeFolder(folder, uid === 0 ? 0o755 : 0o700);
    const path = realpathSync(folder);
    if (isPrivateFolder(path, uid) && isPathTrusted(path, uid)) return { path };
    return { why: "another user can write to it or to a folder above it" };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** `mkdir -p` whose new folders have exactly `mode`, whatever the umask is. */
function makeFolder(folder: string, mode: number): void {
  const first = mkdirSync(folder, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) chmodSync(made, mode);
}

async function unpackInto(folder: string, blob: Blob, hash: string): Promise<string> {
  if (isPrivateFolder(folder, ownUid())) return folder;
  if (look(folder) !== undefined) throw unpackFailed(folder, "something else has its name");
  const bytes = await blob.bytes();
  if (sha256(bytes) !== hash) throw unpackFailed(folder, "the archive is not the one its hash names");
  sweepLeftovers(folder);
  const beside = mkdtempSync(`${folder}.`);
  try {
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("zstd"));
    await unpackTar(plain, beside, { links: true });
    chmodSync(beside, 0o755);
    moveInto(beside, folder);
  } catch (error) {
    throw unpackFailed(folder, error instanceof Error ? error.message : String(error));
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
  return folder;
}

/** Another process may have been faster; its folder has the same content. */
function moveInto(beside: string, folder: string): void {
  try {
    renameSync(beside, folder);
  } catch (error) {
    if (!isPrivateFolder(folder, ownUid())) throw error;
  }
}

/** What unpackers left that were killed: `NAME-HASH.RANDOM`, too old for one that is still at work. */
function sweepLeftovers(folder: string): void {
  const parent = dirname(folder);
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    const age = Date.now() - (look(path)?.mtimeMs ?? Date.now());
    if (!/^[a-z]+-[0-9a-f]{16}\.[A-Za-z0-9]+$/.test(name) || age < LEFTOVER_AGE_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function ownUid(): number {
  return process.getuid?.() ?? 0;
}

function notEmbedded(name: ArchiveName): Problem {
  return new Problem("UP_NOT_EMBEDDED", {
    what: `Cannot unpack the embedded ${name}: this build of scale carries none`,
    fix:
      name === "postgres"
        ? 'Name your own Postgres in scale.toml: [postgres.main] primary = "postgres://user@host:5432/db".'
        : "Name an app: scale up ./server.ts",
  });
}

function unpackFailed(folder: string, why: string): Problem {
  return new Problem("UP_UNPACK_FAILED", {
    what: `Cannot unpack into "${folder}"`,
    why,
    fix: "Remove that folder, and look whether its disk is full.",
  });
}
