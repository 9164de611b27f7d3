/**
 * Bad config files and what a person is told of them, letter by letter. SCALE_GOLDEN=write makes the expected texts anew;
 * read the difference before you keep it. A first line `#! env A=b C=d` sets the environment of a case.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runCheck } from "../../../../src/cli/check.ts";

const FOLDER = resolve(import.meta.dir, "../../../data/config");
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".toml"));

function environmentOf(file: string): Record<string, string> {
  const [first = ""] = readFileSync(join(FOLDER, file), "latin1").split("\n");
  if (!first.startsWith("#! env ")) return {};
  const pairs = first.slice("#! env ".length).split(" ");
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}

async function outputOf(file: string, json: boolean): Promise<{ text: string; exit: number }> {
  let text = "";
  const write = (part: string): void => {
    text += part;
  };
  const exit = await runCheck({
    file,
    json,
    live: false,
    colour: false,
    folder: FOLDER,
    env: environmentOf(file),
    write,
  });
  return { text: text.replaceAll(FOLDER, "<folder>"), exit };
}

describe("scale check on bad files", () => {
  test("there are enough of them", () => {
    expect(files.length).toBeGreaterThanOrEqual(50);
  });

  test.each(files)("%s", async (file) => {
    const { text, exit } = await outputOf(file, false);
    const expected = join(FOLDER, file.replace(/\.toml$/, ".txt"));
    const whole = `${text}exit ${exit}\n`;
    if (process.env["SCALE_GOLDEN"] === "write") writeFileSync(expected, whole);
    expect(whole).toBe(readFileSync(expected, "utf8"));
    expect(exit).toBe(2);
  });

  test.each(files)("%s tells no secret, in text or JSON", async (file) => {
    for (const json of [false, true]) {
      const { text } = await outputOf(file, json);
      expect(text).not.toContain("hunter2");
      if (json) expect(JSON.parse(text)).toMatchObject({ ok: false, file });
    }
  });

  test("no two files say the same", () => {
    const texts = files.map((file) =>
      readFileSync(join(FOLDER, file.replace(/\.toml$/, ".txt")), "utf8").replaceAll(file, ""),
    );
    expect(new Set(texts).size).toBe(files.length);
  });
});
