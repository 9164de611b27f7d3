import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { InitResult } from "../../src/cli/init.ts";
import { templateNames } from "../../src/cli/init/templates.ts";
import { openFolder } from "../kit/open-folder.ts";
import { SCALE, scaleUp } from "../kit/scale-up.ts";

const MODULES = join(import.meta.dir, "../../node_modules");
const LIMIT_MS = 60_000;

let root = "";
beforeAll(() => {
  root = openFolder("init");
});
const folders: string[] = [];
afterAll(() => {
  for (const folder of [root, ...folders]) rmSync(folder, { recursive: true, force: true });
});

/** With an empty PATH: nothing but the executable is needed. */
function scale(words: readonly string[], cwd: string): { code: number | null; out: string; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([SCALE, ...words], { cwd, env: { HOME: root, PATH: "" } });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

function init(words: readonly string[], cwd: string): InitResult {
  const { code, out, err } = scale(["init", "--json", ...words], cwd);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as InitResult;
}

describe("scale init", () => {
  for (const template of templateNames) {
    test(
      `${template}: what it writes holds, is typed, and answers from the database`,
      async () => {
        const { folder, wrote } = init(["--template", template, `with-${template}`], root);
        expect(wrote).toEqual(["scale.toml", "scale.d.ts", "server.ts", "tsconfig.json", "package.json"]);
        expect(scale(["check"], folder).code).toBe(0);
        // Stands for `npm install`.
        symlinkSync(MODULES, join(folder, "node_modules"));
        const types = Bun.spawnSync([process.execPath, "check", "--no-script"], { cwd: folder });
        expect({ code: types.exitCode, said: types.stderr.toString() }).toMatchObject({ code: 0 });
        const up = await scaleUp({ folder, words: ["--ephemeral"] });
        try {
          const said = (await (await fetch(up.url)).json()) as { hello: string; time: string };
          expect(said).toEqual({ hello: "world", time: expect.any(String) });
          expect(Number.isNaN(Date.parse(said.time))).toBe(false);
        } finally {
          await up.stop();
        }
      },
      LIMIT_MS,
    );
  }

  test(
    "an app that is there is found, kept and run",
    async () => {
      const folder = openFolder("mine");
      folders.push(folder);
      const program = `require("node:http").createServer((_, answer) => answer.end("mine")).listen(3000);\n`;
      writeFileSync(join(folder, "app.js"), program);
      writeFileSync(join(folder, "package.json"), '{ "scripts": { "start": "node app.js" } }');
      expect(init([], folder)).toMatchObject({ entry: "./app.js", wrote: ["scale.toml", "scale.d.ts"], kept: [] });
      expect(init([], folder)).toMatchObject({ wrote: [], kept: ["scale.toml", "scale.d.ts"] });
      expect(readFileSync(join(folder, "app.js"), "utf8")).toBe(program);
      const up = await scaleUp({ folder, words: ["--ephemeral"] });
      try {
        expect(await (await fetch(up.url)).text()).toBe("mine");
      } finally {
        await up.stop();
      }
    },
    LIMIT_MS,
  );

  test("a template that does not exist is refused with what was meant, exit code 2, and nothing is written", () => {
    const { code, err } = scale(["init", "--template", "expres", "never"], root);
    expect(code).toBe(2);
    expect(err).toContain("CLI_BAD_OPTION");
    expect(err).toContain("Did you mean --template express?");
    expect(scale(["init", "--template", "fetch", "/proc/never"], root).code).toBe(1);
  });
});
