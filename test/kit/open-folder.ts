/**
 * A temporary folder that other users may enter, as a project's is: the Postgres of `scale up` runs as another user when
 * we are root, and keeps its data elsewhere when it cannot come in. Removing it is the caller's.
 */
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function openFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `scale-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}
