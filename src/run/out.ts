/**
 * Where results go: stdout, written at once. A reader that has left (`scale logs | head`) ends nothing: what would have
 * gone to it is dropped, so that a command that must still stop something in order can do so.
 */
import { writeSync } from "node:fs";

const STDOUT = 1;
const WAIT_MS = 1;

export function writeOut(text: string): void {
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length;) {
    const written = writeSome(bytes, from);
    if (written === "left") return;
    if (written === 0) Bun.sleepSync(WAIT_MS);
    from += written;
  }
}

function writeSome(bytes: Uint8Array, from: number): number | "left" {
  try {
    return writeSync(STDOUT, bytes, from);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EPIPE" || code === "EIO") return "left";
    if (code === "EAGAIN") return 0;
    throw error;
  }
}
