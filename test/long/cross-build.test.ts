/** Builds for the other platform, with its Bun and its Postgres from the registry: what comes out cannot be run here. */
import { expect, test } from "bun:test";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(dirname(import.meta.dir));
/** e_machine of an ELF header: 62 is x86-64, 183 is AArch64. */
const other = process.arch === "arm64" ? { target: "linux-x64", machine: 62 } : { target: "linux-arm64", machine: 183 };

for (const words of [[], ["--slim"]] as const) {
  test(`build: makes an executable for ${other.target} ${words.join(" ")}`, async () => {
    const argv = [process.execPath, "build.ts", "--force", "--target", other.target, ...words];
    const child = Bun.spawn(argv, { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [err, code] = await Promise.all([child.stderr.text(), child.exited]);
    if (code !== 0) throw new Error(err);
    const file = join(root, "dist", `scale${words.length > 0 ? "-slim" : ""}-${other.target}`);
    expect(machineOf(file)).toBe(other.machine);
    expect(statSync(file).size).toBeGreaterThan(words.length > 0 ? 90e6 : 110e6);
  });
}

function machineOf(file: string): number {
  const head = Buffer.alloc(20);
  const fd = openSync(file, "r");
  readSync(fd, head, 0, head.length, 0);
  closeSync(fd);
  expect(head.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
  return head.readUInt16LE(18);
}
