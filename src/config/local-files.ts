/** Files that the config names and that must be on this machine: the program, certificates and their keys. */
import { readFileSync, statSync } from "node:fs";
import { writePath } from "./describe.ts";
import type { Inspection } from "./draft.ts";
import { quote, report } from "./references.ts";
import type { KnobPath } from "./wording.ts";

const PEM_BYTES_MAX = 1_048_576;

export function checkLocalFiles(inspection: Inspection): void {
  const { app, lb, pool } = inspection.config;
  checkEntry(inspection, ["app", "entry"], app?.entry);
  for (const [name, group] of Object.entries(app?.groups ?? {}))
    checkEntry(inspection, ["app", "groups", name, "entry"], group?.entry);
  for (const [index, listen] of (lb?.listen ?? []).entries())
    checkTls(inspection, ["lb", "listen", index, "tls"], listen?.tls);
  checkTls(inspection, ["pool", "tls"], pool?.tls);
}

function checkEntry(inspection: Inspection, path: KnobPath, file: string | undefined): void {
  if (file === undefined || isReference(file)) return;
  const flaw = flawOf(file);
  if (flaw === undefined) return;
  report(inspection, path, "CONFIG_ENTRY_MISSING", {
    what: `Cannot use ${writePath(path)}: ${quote(inspection, path, file)} ${flaw}`,
    fix: "Correct the path; a relative one starts at the folder of the config file",
    isLocal: true,
  });
}

interface TlsDraft {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

function checkTls(inspection: Inspection, path: KnobPath, tls: TlsDraft | undefined): void {
  if (tls === undefined) return;
  checkPem(inspection, [...path, "cert"], tls.cert);
  checkPem(inspection, [...path, "key"], tls.key);
}

function checkPem(inspection: Inspection, path: KnobPath, file: string | undefined): void {
  if (file === undefined || isReference(file) || file.startsWith("-----BEGIN")) return;
  const flaw =
    flawOf(file) ?? (isPem(file) ? undefined : "is not PEM: it does not have a line that begins with -----BEGIN");
  if (flaw === undefined) return;
  report(inspection, path, "CONFIG_TLS_FILE", {
    what: `Cannot use ${writePath(path)}: ${quote(inspection, path, file)} ${flaw}`,
    fix: "Correct the path, or let the user that scale runs as read the file",
    isLocal: true,
  });
}

/** Only the name of a reference is known here. */
function isReference(text: string): boolean {
  return text.includes("${");
}

function flawOf(file: string): string | undefined {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return "is a folder";
    if (!stat.isFile()) return "is not a regular file";
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return code === "ENOENT" || code === "ENOTDIR" ? "does not exist" : `cannot be read: ${code}`;
  }
}

function isPem(file: string): boolean {
  try {
    if (statSync(file).size > PEM_BYTES_MAX) return false;
    return /^-----BEGIN /m.test(readFileSync(file, "latin1"));
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}
