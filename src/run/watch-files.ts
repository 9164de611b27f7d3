/** Tells when a program's files have changed, once for a burst of changes. For development only. */
import { watch } from "node:fs";
import { sep } from "node:path";
import type { Clock, Timer } from "../../proxy/base/clock.ts";

/** An editor writes a file in several steps, and a build many files. */
const QUIET_MS = 150;
const IGNORED = new Set(["node_modules", ".git", ".scale", "dist"]);

export function watchFiles(folder: string, clock: Clock, changed: () => void): { close(): void } {
  let timer: Timer | undefined;
  const watcher = watch(folder, { recursive: true }, (_kind, name) => {
    if (name?.split(sep).some((part) => IGNORED.has(part)) === true) return;
    timer?.cancel();
    timer = clock.after(QUIET_MS, changed);
  });
  return {
    close() {
      timer?.cancel();
      watcher.close();
    },
  };
}
