import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scaleTypes } from "../../../../src/app/scale-types.ts";
import { type InitResult, type InitWords, runInit } from "../../../../src/cli/init.ts";
import { Problem } from "../../../../src/problem/problem.ts";

const root = mkdtempSync(join(tmpdir(), "scale-init-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;

function folder(files: Readonly<Record<string, string>> = {}): string {
  folders += 1;
  const path = join(root, `shop-${folders}`);
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

async function init(path: string, more: Partial<InitWords> = {}): Promise<InitResult> {
  let said = "";
  const words = { folder: path, force: false, json: true, write: (text: string) => void (said += text), ...more };
  expect(await runInit(words)).toBe(0);
  return JSON.parse(said) as InitResult;
}

const read = (path: string, name: string) => readFileSync(join(path, name), "utf8");
const program = { "package.json": '{"main":"app.js"}', "app.js": "mine" };

describe("runInit", () => {
  test("makes the folder and all that an app begins with", async () => {
    const path = join(root, "new", "shop");
    const result = await init(path);
    expect(result).toMatchObject({ folder: path, entry: "./server.ts", template: "fetch", kept: [] });
    expect(result.wrote).toEqual(["scale.toml", "scale.d.ts", "server.ts", "tsconfig.json", "package.json"]);
    expect(result.next.at(-1)).toBe("scale up");
    expect(result.next).toHaveLength(2);
    expect(read(path, "scale.toml")).toContain('\nentry = "./server.ts"\n');
    expect(read(path, "scale.d.ts")).toBe(scaleTypes);
    expect(JSON.parse(read(path, "package.json"))).toMatchObject({ name: "shop" });
  });

  test("points at the program that is there, and writes none", async () => {
    const path = folder(program);
    const result = await init(path);
    expect(result).toMatchObject({ entry: "./app.js", wrote: ["scale.toml", "scale.d.ts"], kept: [] });
    expect(result.template).toBeUndefined();
    expect(read(path, "scale.toml")).toContain('\nentry = "./app.js"\n');
    expect(read(path, "package.json")).toBe(program["package.json"]);
  });

  test("keeps every file that is there, and says which", async () => {
    const path = folder({
      "scale.toml": "a",
      "scale.d.ts": "b",
      "server.ts": "c",
      "tsconfig.json": "d",
      "package.json": "{",
    });
    const result = await init(path, { template: "fetch" });
    expect(result.wrote).toEqual([]);
    expect(result.kept).toEqual(["scale.toml", "scale.d.ts", "server.ts", "tsconfig.json", "package.json"]);
    expect(
      ["scale.toml", "scale.d.ts", "server.ts", "tsconfig.json", "package.json"]
        .map((name) => read(path, name))
        .join(""),
    ).toBe("abcd{");
  });

  test("called twice changes nothing", async () => {
    const path = folder();
    await init(path, { template: "express" });
    const second = await init(path);
    expect(second.wrote).toEqual([]);
    expect(second.entry).toBeUndefined();
  });

  test("writes no program beside a scale.toml, which names one", async () => {
    const path = folder({ "scale.toml": "[app]\n" });
    expect(await init(path)).toMatchObject({ wrote: ["scale.d.ts"], kept: ["scale.toml"] });
    expect(existsSync(join(path, "server.ts"))).toBe(false);
  });

  test("with force replaces its own files, never package.json and tsconfig.json", async () => {
    const path = folder({
      "scale.toml": "a",
      "scale.d.ts": "b",
      "server.ts": "c",
      "tsconfig.json": "d",
      "package.json": "{}",
    });
    const result = await init(path, { template: "hono", force: true });
    expect(result.wrote).toEqual(["scale.toml", "scale.d.ts", "server.ts"]);
    expect(result.kept).toEqual(["tsconfig.json"]);
    expect(read(path, "server.ts")).toContain('from "hono"');
    expect(read(path, "package.json") + read(path, "tsconfig.json")).toBe("{}d");
  });

  test("with force and no template keeps the program that is there", async () => {
    const path = folder({ "scale.toml": "a", "server.ts": "mine" });
    expect(await init(path, { force: true })).toMatchObject({
      entry: "./server.ts",
      wrote: ["scale.toml", "scale.d.ts"],
    });
    expect(read(path, "server.ts")).toBe("mine");
  });

  test("does not write through a link that leads nowhere", async () => {
    const path = folder();
    symlinkSync(join(root, "elsewhere"), join(path, "scale.toml"));
    expect((await init(path, { template: "fetch" })).kept).toEqual(["scale.toml"]);
    expect(existsSync(join(root, "elsewhere"))).toBe(false);
  });
});

describe("runInit: the next step", () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, Partial<InitWords>, readonly string[]])[] =
    [
      ["installs what the template needs", {}, { template: "express" }, ["npm install express", "scale up"]],
      ["installs nothing for fetch", {}, { template: "fetch" }, ["scale up"]],
      ["installs nothing for a program without dependencies", program, {}, ["scale up"]],
      [
        "installs the dependencies of a program that has none yet",
        { ...program, "package.json": '{"main":"app.js","dependencies":{"koa":"3"}}' },
        {},
        ["npm install", "scale up"],
      ],
      [
        "begins with the framework that is there",
        { "package.json": '{"dependencies":{"hono":"4"}}' },
        {},
        ["npm install", "scale up"],
      ],
    ];
  for (const [name, files, words, next] of rows) {
    test(name, async () => expect((await init(folder(files), words)).next.slice(1)).toEqual([...next]));
  }

  test("quotes a folder that a shell would take apart", async () => {
    const path = join(root, "it's a shop");
    expect((await init(path)).next[0]).toEndWith("it'\\''s a shop'");
  });

  test("is said to people with what was written and kept", async () => {
    let said = "";
    const path = folder({ "tsconfig.json": "{}" });
    await runInit({
      folder: path,
      template: "express",
      force: false,
      json: false,
      write: (text) => void (said += text),
    });
    expect(said).toContain(`${path}: an Express app\n  ✓ wrote scale.toml\n`);
    expect(said).toContain("  · kept  tsconfig.json\n");
    expect(said).toEndWith(" && npm install express && scale up\n");
  });
});

describe("runInit: refuses", () => {
  async function problem(words: Partial<InitWords>): Promise<Problem> {
    const error: unknown = await runInit({
      folder: root,
      force: false,
      json: true,
      write: () => undefined,
      ...words,
    }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Problem);
    return error as Problem;
  }

  test("a template that does not exist, before anything is written", async () => {
    const path = join(root, "never");
    const { code, parts } = await problem({ folder: path, template: "expres" });
    expect({ code, fix: parts.fix }).toEqual({ code: "CLI_BAD_OPTION", fix: "Did you mean --template express?" });
    expect((await problem({ folder: path, template: "constructor" })).code).toBe("CLI_BAD_OPTION");
    expect(existsSync(path)).toBe(false);
  });

  test("a folder that is a file", async () => {
    const path = folder({ file: "" });
    expect((await problem({ folder: join(path, "file") })).code).toBe("CLI_INIT_FOLDER");
    expect((await problem({ folder: join(path, "file", "below") })).code).toBe("CLI_INIT_FOLDER");
  });

  test("a folder that nobody can make", async () => {
    expect((await problem({ folder: "/proc/scale-init/shop" })).code).toBe("CLI_INIT_FOLDER");
  });
});
