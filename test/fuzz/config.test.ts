/**
 * Broken config files: random mutations of the good ones and of the bad ones. Whatever the text, the check ends, says
 * something, points into the file, and tells no secret. The seed is printed; SCALE_SEED repeats a run, SCALE_ROUNDS makes
 * it longer.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCheck } from "../../src/cli/check.ts";
import { runConfig } from "../../src/cli/config.ts";
import { Problems } from "../../src/problem/problem.ts";

const ROOT = join(import.meta.dir, "../..");
const ROUNDS = Number(process.env["SCALE_ROUNDS"] ?? 400);
const SEED = Number(process.env["SCALE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** Stands in every place where a secret may stand; no part of it is a word of ours. */
const SECRET = "zqXsecretKwv7";
const SECRETS = `
[postgres.fuzz]
primary = "postgres://fuzz:${SECRET}@db1:5432/fuzz"
replicas = ["postgres://fuzz:${SECRET}@db2/fuzz", "postgres://fuzz@db3/fuzz?password=${SECRET}"]
[redis.fuzz]
nodes = ["cache1:6379"]
password = "${SECRET}"
[app.admin]
listen = 9901
token = '${SECRET}'
[pool.users.fuzz]
password = """
${SECRET}"""
`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-fuzz-config-"));
  console.log(`fuzz config: SCALE_SEED=${SEED} SCALE_ROUNDS=${ROUNDS}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** mulberry32: small, seeded, good enough to choose letters. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const LETTERS = [..."\"'#=[]{},.\n\r\t \\_-:/@$%0aZé\u0000\u202e"];

/** One small change. Nothing longer than a few letters goes, so that a secret does not move behind another key. */
function mutate(text: string, roll: (below: number) => number): string {
  const at = roll(text.length + 1);
  const letter = LETTERS[roll(LETTERS.length)] ?? "";
  switch (roll(6)) {
    case 0:
      return text.slice(0, at) + letter + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + letter + text.slice(at + 1);
    case 3:
      return text.slice(0, at) + text.slice(at + 1 + roll(4));
    case 4:
      return text.slice(0, at) + letter.repeat(roll(40)) + text.slice(at);
    default:
      return text.slice(0, at);
  }
}

/** Without the : before it, what was a password is a part of the name of a user, a host or a database. */
function isNoSecretAnyMore(text: string): boolean {
  return new RegExp(`://[^\\s:"]*${SECRET}`).test(text);
}

const goodFiles = [1, 2, 3, 4].map((tier) => readFileSync(join(ROOT, `configs/tier${tier}.toml`), "utf8"));
const badFolder = join(ROOT, "test/data/config");
const badFiles = readdirSync(badFolder)
  .filter((name) => name.endsWith(".toml"))
  .map((name) => readFileSync(join(badFolder, name), "latin1"));

async function outputs(text: string): Promise<string> {
  writeFileSync(join(folder, "x.toml"), text);
  let said = "";
  const write = (part: string): void => {
    said += part;
  };
  const words = { file: "x.toml", folder, colour: false, env: {}, write };
  for (const json of [false, true]) {
    const exit = await runCheck({ ...words, json, live: false });
    expect([0, 2]).toContain(exit);
  }
  try {
    await runConfig({ ...words, json: false, warn: write });
  } catch (error) {
    if (!(error instanceof Problems)) throw error;
  }
  return said;
}

describe("fuzz: config", () => {
  test.each([
    ["good files with secrets", goodFiles, SECRETS],
    ["bad files with secrets", badFiles, SECRETS],
  ])(
    "%s: never a crash, never a secret",
    async (_, files, tail) => {
      const roll = random(SEED);
      for (let round = 0; round < ROUNDS; round += 1) {
        let text = (files[roll(files.length)] ?? "") + tail;
        for (let count = 1 + roll(4); count > 0; count -= 1) text = mutate(text, roll);
        if (isNoSecretAnyMore(text)) continue;
        const said = await outputs(text);
        expect(said.length).toBeGreaterThan(0);
        if (said.includes(SECRET))
          throw new Error(`SCALE_SEED=${SEED}, round ${round}: a secret is shown\n${said}\n---\n${text}`);
      }
    },
    120_000,
  );

  test("arbitrary bytes: never a crash", async () => {
    const roll = random(SEED);
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = Uint8Array.from({ length: roll(200) }, () =>
        roll(8) === 0 ? roll(256) : (LETTERS[roll(LETTERS.length)] ?? "").charCodeAt(0) & 0x7f,
      );
      writeFileSync(join(folder, "x.toml"), bytes);
      let said = "";
      const write = (part: string): void => {
        said += part;
      };
      const exit = await runCheck({ file: "x.toml", json: true, live: false, colour: false, folder, env: {}, write });
      expect(exit).toBe(2);
      for (const { where } of (JSON.parse(said) as { problems: { where?: { line?: number; column?: number } }[] })
        .problems) {
        expect(where?.line ?? 1).toBeGreaterThan(0);
        expect(where?.column ?? 1).toBeGreaterThan(0);
      }
    }
  }, 120_000);
});
