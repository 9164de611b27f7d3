/**
 * Tests what build.ts makes, as a person who was handed nothing but the one file would meet it: in an empty folder, on
 * a machine where the sources and packages it was built from are no more.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SCALE, scaleUp } from "../kit/scale-up.ts";

const root = dirname(dirname(import.meta.dir));
const folder = mkdtempSync(join(tmpdir(), "scale-build-"));
const empty = join(folder, "empty");
mkdirSync(empty);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(argv: readonly string[], cwd: string): Promise<Ended> {
  const child = Bun.spawn([...argv], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

const build = (cwd: string, ...words: string[]) => run([process.execPath, "build.ts", ...words], cwd);

test("build: leaves alone what is built already", async () => {
  expect(await build(root)).toMatchObject({ code: 0 });
  const before = statSync(SCALE);
  const { code, out } = await build(root);
  expect(out).toMatch(/^dist\/scale is up to date: scale \d+\.\d+\.\d+, [0-9a-z-]+\n$/);
  expect(code).toBe(0);
  expect(statSync(SCALE).ino).toBe(before.ino);
});

test("scale --version: says version, commit and Bun", async () => {
  const { code, out } = await run([SCALE, "--version"], empty);
  expect(code).toBe(0);
  expect(out).toMatch(/^scale \d+\.\d+\.\d+ \(commit ([0-9a-f]{12}(-dirty)?|unknown), Bun 1\.4\.5\)\n$/);
});

test("scale: the folder it is called in injects nothing", async () => {
  const trap = join(folder, "trap");
  mkdirSync(trap);
  writeFileSync(join(trap, "bunfig.toml"), 'preload = ["./sprung.js"]\n');
  writeFileSync(join(trap, "sprung.js"), 'console.log("sprung");\n');
  writeFileSync(join(trap, ".env"), "NO_COLOR=1\nBUN_CONFIG_VERBOSE_FETCH=curl\n");
  writeFileSync(join(trap, "package.json"), '{"name": "trap", "type": "commonjs", "main": "./sprung.js"}');
  const [there, elsewhere] = await Promise.all([run([SCALE, "--help"], trap), run([SCALE, "--help"], empty)]);
  expect(there).toEqual(elsewhere);
  expect(there.code).toBe(0);
});

describe("scale-slim", () => {
  const slim = join(root, "dist/scale-slim");
  beforeAll(async () => {
    const { code, err } = await build(root, "--slim");
    if (code !== 0) throw new Error(err);
  }, 60_000);

  test("runs, and is smaller by Postgres", async () => {
    expect((await run([slim, "--version"], empty)).out).toBe((await run([SCALE, "--version"], empty)).out);
    expect(statSync(SCALE).size - statSync(slim).size).toBeGreaterThan(15e6);
  });

  test("up: says that it carries none, and what to do", async () => {
    const { code, err } = await run([slim, "up"], empty);
    expect(err).toContain("UP_NOT_EMBEDDED");
    expect(code).not.toBe(0);
    expect(existsSync(join(empty, ".scale", "up.json"))).toBe(false);
  });
});

/**
 * Built from a copy that is removed afterwards, since packages remember where they were bundled from: what is read from
 * there at run time works on the machine that built it and nowhere else.
 */
describe("the executable alone", () => {
  const executable = join(folder, "scale");

  beforeAll(async () => {
    const copy = mkdtempSync(join(root, "dist", ".copy-"));
    try {
      for (const name of ["src", "proxy", "build.ts", "package.json", "package-lock.json", "tsconfig.json"]) {
        cpSync(join(root, name), join(copy, name), { recursive: true });
      }
      cpSync(join(root, "dist/embedded"), join(copy, "dist/embedded"), { recursive: true });
      cpSync(join(root, "dist/keys"), join(copy, "dist/keys"), { recursive: true });
      const linked = await run(["cp", "-al", join(root, "node_modules"), copy], root);
      if (linked.code !== 0) throw new Error(linked.err);
      const built = await build(copy);
      if (built.code !== 0) throw new Error(built.err);
      cpSync(join(copy, "dist/scale"), executable);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }, 120_000);

  test("up: brings the demo up, where a link is made and followed", async () => {
    const up = await scaleUp({ folder: empty, executable, words: ["--ephemeral"] });
    try {
      const made = await fetch(`${up.url}/links`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ url: "https://example.com/alone" }),
      });
      expect(made.status).toBe(201);
      const { slug } = (await made.json()) as { slug: string };
      const followed = await fetch(`${up.url}/${slug}`, { redirect: "manual" });
      expect([followed.status, followed.headers.get("location")]).toEqual([302, "https://example.com/alone"]);
      expect((await fetch(`${up.adminUrl}/readyz`)).status).toBe(200);
    } finally {
      await up.stop();
    }
  });

  test("a file that runs may be replaced by a new build", async () => {
    const next = `${executable}.next`;
    cpSync(executable, next);
    const up = await scaleUp({ folder: empty, executable, words: ["--ephemeral"] });
    try {
      renameSync(next, executable);
      expect((await fetch(`${up.adminUrl}/readyz`)).status).toBe(200);
    } finally {
      await up.stop();
    }
  });
});
