import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problem } from "../../../../../src/problem/problem.ts";
import { checkDataFolder, isStandby, processesIn, readControl } from "../../../../../src/up/postgres/control.ts";

const uid = process.getuid?.() ?? 0;
const owner = { uid, gid: process.getgid?.() ?? 0, other: false };
const base = mkdtempSync(join(tmpdir(), "scale-control-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const DB_SHUTDOWNED = 1;
const DB_IN_PRODUCTION = 6;

function controlBytes(state: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8_192));
  view.setBigUint64(0, 0x1122_3344_5566_7788n, true);
  view.setUint32(16, state, true);
  return new Uint8Array(view.buffer);
}

let folders = 0;
function dataFolder(change: { version?: string | null; control?: Uint8Array | null } = {}): string {
  folders += 1;
  const data = join(base, String(folders));
  mkdirSync(join(data, "global"), { recursive: true });
  const { version = "18\n", control = controlBytes(DB_SHUTDOWNED) } = change;
  if (version !== null) writeFileSync(join(data, "PG_VERSION"), version);
  if (control !== null) writeFileSync(join(data, "global", "pg_control"), control);
  return data;
}

function codeOf(data: string): string {
  try {
    checkDataFolder(data, owner);
    return "";
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

test("readControl: the cluster's identity, and whether it ended in order", () => {
  expect(readControl(dataFolder())).toEqual({ systemId: 0x1122_3344_5566_7788n, inOrder: true });
  for (const [state, inOrder] of [
    [2, true],
    [3, false],
    [DB_IN_PRODUCTION, false],
    [255, false],
  ] as const) {
    expect(readControl(dataFolder({ control: controlBytes(state) }))?.inOrder).toBe(inOrder);
  }
  expect(readControl(join(base, "none"))).toBeUndefined();
});

describe("checkDataFolder", () => {
  test("checkDataFolder: takes a whole one of its version and owner", () => {
    expect(codeOf(dataFolder())).toBe("");
  });

  const refused: readonly (readonly [string, () => string, string])[] = [
    ["no PG_VERSION", () => dataFolder({ version: null }), "UP_DATA_FOREIGN"],
    ["no pg_control", () => dataFolder({ control: null }), "UP_DATA_FOREIGN"],
    ["a pg_control cut short", () => dataFolder({ control: controlBytes(1).subarray(0, 19) }), "UP_DATA_FOREIGN"],
    ["an older version", () => dataFolder({ version: "17\n" }), "UP_DATA_VERSION"],
    ["a version that only begins alike", () => dataFolder({ version: "180\n" }), "UP_DATA_VERSION"],
    ["nothing", () => join(base, "none"), "UP_DATA_FOREIGN"],
    ["a file", () => join(dataFolder(), "PG_VERSION"), "UP_DATA_FOREIGN"],
  ];
  test.each(refused)("checkDataFolder: refuses %s", (_what, make, code) => {
    expect(codeOf(make())).toBe(code);
  });

  test("checkDataFolder: refuses another user's, and a link to a good one", () => {
    const data = dataFolder();
    expect(() => checkDataFolder(data, { ...owner, uid: uid + 1 })).toThrow(/belongs to uid/);
    symlinkSync(data, join(base, "link"));
    expect(codeOf(join(base, "link"))).toBe("UP_DATA_FOREIGN");
  });
});

test("isStandby: by its signal file", () => {
  const data = dataFolder();
  expect(isStandby(data)).toBe(false);
  writeFileSync(join(data, "standby.signal"), "");
  expect(isStandby(data)).toBe(true);
});

test("processesIn: a program that only stands in the folder is not a server", () => {
  expect(processesIn(process.cwd())).toEqual([]);
});
