/** Tells when a program's files have changed, once for a burst of changes. For development only. */
import { watch } from "node:fs";
import { sep } from "node:path";
import type { Clock, Timer } from "../../proxy/base/clock.ts";

/** An editor writes a file in several steps, and a build many files. */
const QUIET_MS = 150;
/** What a program is made of; what it writes by itself (databases, logs, data) is not. */
const SOURCES = /\.(?:[cm]?[jt]sx?|toml|html|css|sql|py|rb|php|go)$|(?:^|\/)(?:package|tsconfig|jsconfig|deno)\.json$/;
const IGNORED = new Set(["node_modules", ".git", ".scale", "dist"]);

export function watchFiles(folder: string, clock: Clock, changed: () => void): { close(): void } {
  let timer: Timer | undefined;
  const watcher = watch(folder, { recursive: true }, (_kind, name) => {
    if (name === null || !SOURCES.test(name) || name.split(sep).some((part) => IGNORED.has(part))) return;
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
