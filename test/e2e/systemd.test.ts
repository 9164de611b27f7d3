import { afterAll, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processRows } from "../../src/run/options.ts";
import { needs } from "../kit/needs.ts";
import { SCALE } from "../kit/scale-up.ts";

const { test, path } = needs("systemd-analyze");

const UNITS = join(import.meta.dir, "../../configs/systemd");
const UNIT = "scale@.service";
const text = readFileSync(join(UNITS, UNIT), "utf8");
/** The tenths of systemd's points that a unit may have; 10 points is "everything is open". */
const EXPOSURE_MAX_TENTHS = 20;

const folder = mkdtempSync(join(tmpdir(), "scale-units-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The unit as it will be installed, with the one path that depends on the machine. */
function install(unit: string): string {
  const at = join(folder, UNIT);
  writeFileSync(at, unit.replace("/usr/local/bin/scale", SCALE));
  return at;
}

function analyze(...words: readonly string[]): { readonly code: number; readonly said: string } {
  const run = Bun.spawnSync([path("systemd-analyze"), ...words], {
    env: { ...process.env, SYSTEMD_COLORS: "0", LC_ALL: "C.UTF-8" },
  });
  return { code: run.exitCode, said: run.stdout.toString() + run.stderr.toString() };
}

const verify = (unit: string) => analyze("verify", "--recursive-errors=no", "--man=no", install(unit));
const exposure = (unit: string) =>
  analyze("security", "--offline=yes", "--no-pager", `--threshold=${EXPOSURE_MAX_TENTHS}`, install(unit));

test("scale@.service: systemd-analyze verify has nothing to say", () =>
  expect(verify(text)).toEqual({ code: 0, said: "" }));

test("scale@.service: verify would say it, if there were", () => {
  expect(verify(text.replace("NotifyAccess=main", "NotifyAcess=main")).said).toContain("NotifyAcess");
  expect(verify(text.replace("KillMode=mixed", "KillMode=mixde")).said).toContain("mixde");
});

test("scale@.service: its exposure is at most 2.0", () => {
  const { code, said } = exposure(text);
  expect(Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1])).toBeLessThanOrEqual(
    EXPOSURE_MAX_TENTHS / 10,
  );
  expect(code).toBe(0);
});

test("scale@.service: without its hardening the exposure would be larger", () => {
  const bare = text.replace(/^(Protect|Private|Restrict|System|Capability|Device)\w+=.*$/gm, "");
  expect(exposure(bare).code).not.toBe(0);
});

test("scale@.service: what acts before our code is unset, and what kills the JIT is off", () => {
  const unset = [...text.matchAll(/^UnsetEnvironment=(.*)$/gm)].flatMap((line) => (line[1] ?? "").split(" "));
  for (const name of ["BUN_OPTIONS", "BUN_BE_BUN", "BUN_INSPECT", "NODE_OPTIONS"]) expect(unset).toContain(name);
  expect(text).toContain("\nMemoryDenyWriteExecute=no\n");
});

const waits: readonly [setting: string, knob: string][] = [
  ["TimeoutStopSec", processRows.drain_timeout.default],
  ["TimeoutStartSec", processRows.start_timeout.default],
];

for (const [setting, ours] of waits) {
  test(`scale@.service: ${setting} is longer than what a box takes by default`, () => {
    const theirs = new RegExp(`^${setting}=(\\d+)s$`, "m").exec(text)?.[1];
    expect(Number(theirs)).toBeGreaterThan(Number(ours.replace(/s$/, "")));
  });
}

test("scale.sysusers: makes the unit's user", () => {
  const user = /^User=(\w+)$/m.exec(text)?.[1];
  expect(user).toBe("scale");
  expect(readFileSync(join(UNITS, "scale.sysusers"), "utf8")).toMatch(new RegExp(`^u ${user} - `, "m"));
});
