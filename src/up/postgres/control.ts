/**
 * What a data folder says of itself without being started: its version, which cluster it belongs to, whether its server
 * ended in order, and which processes are at work in it. Reads only; nothing of a folder's content is trusted.
 * Layout of pg_control: src/include/catalog/pg_control.h of PostgreSQL 18.
 */
import { readdirSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { Problem } from "../../problem/problem.ts";
import { look, readSmallFile } from "../trust.ts";
import type { Owner } from "./owner.ts";
import { POSTGRES_MAJOR } from "./settings.ts";

const VERSION_BYTES_MAX = 32;
/** system_identifier (8), pg_control_version (4), catalog_version_no (4), state (4). */
const CONTROL_BYTES = 20;
/** DB_SHUTDOWNED and DB_SHUTDOWNED_IN_RECOVERY. */
const IN_ORDER: readonly number[] = [1, 2];

export interface ControlData {
  /** The same for a primary and its replicas, for no other cluster. */
  readonly systemId: bigint;
  /** Whether the server that had it open shut down in order. */
  readonly inOrder: boolean;
}

export function readControl(data: string): ControlData | undefined {
  const bytes = readSmallFile(join(data, "global", "pg_control"), CONTROL_BYTES);
  if (bytes === undefined || bytes.length < CONTROL_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { systemId: view.getBigUint64(0, true), inOrder: IN_ORDER.includes(view.getUint32(16, true)) };
}

/** Whether the folder is a replica's: its server only follows another one. */
export function isStandby(data: string): boolean {
  return look(join(data, "standby.signal")) !== undefined;
}

/** Throws when `data` is not a data folder that our Postgres can open as `owner`. */
export function checkDataFolder(data: string, owner: Owner): ControlData {
  const info = look(data);
  if (info?.isDirectory() !== true) throw foreign(data, "it is not a folder");
  if (info.uid !== owner.uid)
    throw foreign(data, `it belongs to uid ${info.uid}, and Postgres runs as uid ${owner.uid}`);
  const bytes = readSmallFile(join(data, "PG_VERSION"), VERSION_BYTES_MAX);
  if (bytes === undefined) throw foreign(data, "it has no PG_VERSION");
  const version = new TextDecoder().decode(bytes).trim();
  if (version !== POSTGRES_MAJOR) throw wrongVersion(data, version);
  const control = readControl(data);
  if (control === undefined) throw foreign(data, "its global/pg_control is missing or cut short");
  return control;
}

/** Postgres servers, and parts of one, that run in that folder. */
export function processesIn(data: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && linkOf(`/proc/${name}/cwd`) === data)
    .filter((name) => basename(linkOf(`/proc/${name}/exe`) ?? "").replace(/ \(deleted\)$/, "") === "postgres")
    .map(Number);
}

/** `undefined` for a process that is gone, or of another user (which cannot have the folder open). */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

function foreign(data: string, why: string): Problem {
  return new Problem("UP_DATA_FOREIGN", {
    what: `Cannot open "${data}": ${why}`,
    why: "It is not a data folder that scale made for this user, or it was damaged. scale never writes over it.",
    fix: `Move "${data}" away to start with an empty database, or bring the right one back.`,
  });
}

function wrongVersion(data: string, version: string): Problem {
  return new Problem("UP_DATA_VERSION", {
    what: `Cannot open "${data}": it is of PostgreSQL "${version.slice(0, 8)}", and this scale carries ${POSTGRES_MAJOR}`,
    why: "The files of one major version cannot be read by another.",
    fix: "Dump the data with the scale that made it and load it into a new folder, or use that scale.",
  });
}
