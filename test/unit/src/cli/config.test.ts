import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCheck } from "../../../../src/cli/check.ts";
import { runConfig } from "../../../../src/cli/config.ts";
import { runExplain } from "../../../../src/cli/explain.ts";
import { Problem, Problems } from "../../../../src/problem/problem.ts";

const FILE = `[postgres.main]
primary = "postgres://shop:hunter2@db1/shop"
[app]
entry = "./server.ts"
[admin]
token = "hunter2"
`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-cli-config-"));
  writeFileSync(join(folder, "server.ts"), "");
  writeFileSync(join(folder, "good.toml"), FILE);
  writeFileSync(join(folder, "later.toml"), `${FILE}[router]\nshards = ["main"]\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

function sink(): { text: string; write(part: string): void } {
  return {
    text: "",
    write(part) {
      this.text += part;
    },
  };
}

async function config(more: {
  file?: string;
  json?: boolean;
  env?: Record<string, string>;
}): Promise<[string, string]> {
  const [out, side] = [sink(), sink()];
  const words = { json: false, env: {}, ...more, colour: false, folder };
  const exit = await runConfig({ ...words, write: (text) => out.write(text), warn: (text) => side.write(text) });
  expect(exit).toBe(0);
  return [out.text, side.text];
}

describe("runConfig", () => {
  test("runConfig: every value with its origin, and no secret", async () => {
    const [text, side] = await config({ file: "good.toml", env: { SCALE_APP__POOL__MAX: "7" } });
    const rows = Object.fromEntries(
      text
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ *= | {2,}/))
        .map(([name = "", ...rest]) => [name, rest.join(" | ")]),
    );
    expect(rows).toMatchObject({
      "postgres.main.primary": '"postgres://shop:***@db1/shop" | good.toml:2:11',
      "app.entry": `"${folder}/server.ts" | good.toml:4:9`,
      "app.pool.max": "7 | env SCALE_APP__POOL__MAX",
      "app.workers": "1 | default",
      "app.db": '"main" | default (the only [postgres.NAME])',
      "admin.token": '"***" | good.toml:6:9',
      "log.level": '"info" | default',
    });
    expect(text).not.toContain("hunter2");
    expect(side).toBe("");
  });

  test("runConfig: the same for machines", async () => {
    const [text] = await config({ file: "good.toml", json: true });
    const { values } = JSON.parse(text) as { values: { path: string; from: string; hidden: boolean; value: string }[] };
    expect(values.find(({ path }) => path === "admin.token")).toEqual({
      path: "admin.token",
      value: '"***"',
      from: "file",
      origin: "good.toml:6:9",
      hidden: true,
    } as never);
    expect(text).not.toContain("hunter2");
  });

  test("runConfig: warnings go to the side, problems are thrown", async () => {
    const [text, side] = await config({ file: "later.toml" });
    expect(text).toContain("router.shards");
    expect(side).toContain("CONFIG_NOT_BUILT");
    expect(config({ file: "none.toml" })).rejects.toBeInstanceOf(Problems);
  });
});

describe("runCheck", () => {
  async function check(file: string, json = false): Promise<[number, string]> {
    const out = sink();
    const exit = await runCheck({
      file,
      json,
      live: false,
      colour: false,
      folder,
      env: {},
      write: (text) => out.write(text),
    });
    return [exit, out.text];
  }

  test("runCheck: one line about a good file", async () => {
    expect(await check("good.toml")).toEqual([
      0,
      "good.toml has no errors. It describes app (127.0.0.1:3000), 1 postgres.\n",
    ]);
  });

  test("runCheck: a role that is not built is a warning", async () => {
    const [exit, text] = await check("later.toml");
    expect(exit).toBe(0);
    expect(text).toContain("later.toml:7:2  warning  Cannot obey [router] yet");
    expect(text).toEndWith("It describes app (127.0.0.1:3000), router (127.0.0.1:6543), 1 postgres.\n");
  });

  test("runCheck: the same for machines", async () => {
    const [exit, text] = await check("later.toml", true);
    expect(exit).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      file: "later.toml",
      ok: true,
      errors: 0,
      warnings: 1,
      summary: expect.any(String),
    });
    const [failed, bad] = await check("none.toml", true);
    expect(failed).toBe(2);
    expect(JSON.parse(bad)).toMatchObject({
      file: "none.toml",
      ok: false,
      problems: [{ code: "CONFIG_FILE_UNREADABLE" }],
    });
  });
});

describe("runExplain", () => {
  async function explain(word?: string, json = false): Promise<string> {
    const out = sink();
    await runExplain({ json, write: (text) => out.write(text), ...(word === undefined ? {} : { word }) });
    return out.text;
  }

  test("runExplain: without a word lists the sections", async () => {
    expect(await explain()).toContain("  [postgres.NAME]  A Postgres cluster");
  });

  test("runExplain: for machines", async () => {
    expect(JSON.parse(await explain("app.workers", true))).toMatchObject({
      about: "knob",
      path: "app.workers",
      default: "1",
      env: "SCALE_APP__WORKERS",
    });
    expect(JSON.parse(await explain("CONFIG_URL", true))).toMatchObject({ about: "code", code: "CONFIG_URL", exit: 2 });
    expect(JSON.parse(await explain("drain_timeout", true))).toMatchObject({
      about: "several",
      knobs: Array(4)
        .fill({ about: undefined })
        .map(() => ({})),
    });
  });

  test("runExplain: says what was probably meant", async () => {
    let problem: unknown;
    try {
      await runExplain({ word: "app.wrokers", json: false, write: () => undefined });
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({
      code: "CLI_UNKNOWN_WORD",
      parts: { fix: 'Did you mean "scale explain app.workers"?' },
    });
  });
});
