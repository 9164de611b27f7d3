/** Tests the runner itself (`test/run.ts`) on small folders of tests: what passes, fails, hides, dies and stays. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Machine } from "../../kit/provision.ts";
import { runTests, type Totals } from "../../run.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const head = 'import { expect, test } from "bun:test";\n';
const good = (name = "good") => `${head}test("${name}", () => { expect(1).toBe(1); });\n`;
const emptyMachine: Machine = {
  find: () => undefined,
  mayInstall: false,
  run: async () => ({ code: 1, output: "" }),
};

function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "scale-runner-"));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

interface Options {
  readonly all?: boolean;
  readonly long?: boolean;
  readonly only?: readonly string[];
  readonly build?: () => Promise<boolean>;
  readonly abort?: AbortSignal;
}

async function run(root: string, options: Options = {}): Promise<{ totals: Totals; said: string }> {
  const said: string[] = [];
  const totals = await runTests({
    root,
    selection: { long: options.long ?? false, only: options.only ?? [] },
    all: options.all ?? false,
    machine: emptyMachine,
    build: options.build ?? (async () => true),
    say: (line) => said.push(line),
    ...(options.abort === undefined ? {} : { abort: options.abort }),
  });
  return { totals, said: said.join("\n") };
}

test("runTests: sums over suites and closes with the sum alone on its line", async () => {
  const root = tree({
    "test/tidy.test.ts": good(),
    "test/unit/a.test.ts": `${good("one")}test("two", () => {});\ntest.skip("three", () => {});\n`,
    "test/unit/b/c.test.ts": good(),
    "test/e2e/d.test.ts": good(),
    "test/e2e/apps/express/app.test.ts": `${head}test("the user's own", () => { expect(1).toBe(2); });`,
  });
  const { totals, said } = await run(root);
  expect(totals).toEqual({ passed: 5, failed: 0, skipped: 1 });
  expect(said.split("\n").at(-1)).toBe("5 passed, 0 failed, 1 skipped");
  expect(said).toContain("test/unit/a.test.ts: three");
});

const failures: readonly [what: string, source: string, totals: Totals, said: string][] = [
  [
    "a failing test",
    `${head}test("bad", () => { expect(1).toBe(2); });`,
    { passed: 0, failed: 1, skipped: 0 },
    "test/unit/x.test.ts: bad",
  ],
  ["a file without tests", "export {};", { passed: 0, failed: 1, skipped: 0 }, "test/unit/x.test.ts: reported no test"],
  ["a file that throws at load", 'throw new Error("at load");', { passed: 0, failed: 1, skipped: 0 }, "error: at load"],
  [
    "a syntax error",
    `${head}test("x", () => {`,
    { passed: 0, failed: 1, skipped: 0 },
    "test/unit/x.test.ts: reported no test",
  ],
  [
    "a run that exits with 0 by itself",
    `${good()}test("exits", () => { process.exit(0); });`,
    { passed: 0, failed: 1, skipped: 0 },
    "test/unit/x.test.ts: reported no test (bun test exited with 0)",
  ],
  [
    "a run that is killed",
    `${head}test("dies", () => { process.kill(process.pid, "SIGKILL"); });`,
    { passed: 0, failed: 1, skipped: 0 },
    "was killed by SIGKILL",
  ],
  [
    "a hook that fails",
    `import { afterAll } from "bun:test";\n${good()}afterAll(() => { throw new Error("late"); });`,
    { passed: 1, failed: 1, skipped: 0 },
    "error: late",
  ],
  [
    "a rejection nobody waits for",
    `${good()}test("stray", async () => { void Promise.reject(new Error("stray")); await Bun.sleep(5); });`,
    { passed: 1, failed: 1, skipped: 0 },
    "error: stray",
  ],
];

for (const [what, source, totals, line] of failures) {
  test(`runTests: fails on ${what}`, async () => {
    const result = await run(tree({ "test/unit/x.test.ts": source }));
    expect(result.totals).toEqual(totals);
    expect(result.said).toContain(line);
  });
}

test("runTests: a file that dies does not take the results of the others along", async () => {
  const root = tree({
    "test/unit/a.test.ts": good(),
    "test/unit/b.test.ts": `${head}test("dies", () => { process.kill(process.pid, "SIGKILL"); });`,
    "test/unit/c.test.ts": good(),
  });
  expect((await run(root)).totals).toEqual({ passed: 2, failed: 1, skipped: 0 });
});

test("runTests: a process left running is a failure, and is ended", async () => {
  const root = tree({
    "test/e2e/x.test.ts": `${head}import { writeFileSync } from "node:fs";
test("leaves one behind", () => {
  const child = Bun.spawn(["sleep", "600"], { detached: true, stdio: ["ignore", "ignore", "ignore"] });
  child.unref();
  writeFileSync("pid", String(child.pid));
});`,
  });
  const { totals, said } = await run(root);
  const pid = readFileSync(join(root, "pid"), "utf8");
  expect(totals).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(said).toContain(`x.test.ts: left a process running: ${pid} sleep 600`);
  expect(existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, "utf8")).toBeFalsy();
});

test("runTests: with `all`, a skip is a failure", async () => {
  const root = tree({ "test/unit/x.test.ts": `${good()}test.skip("later", () => {});` });
  const { totals, said } = await run(root, { all: true });
  expect(totals).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(said).toContain("Skipped, which SCALE_TEST=all counts as failed:\n  test/unit/x.test.ts: later");
});

test("runTests: a skip names the packages that its file needs", async () => {
  const root = tree({
    "test/e2e/x.test.ts": `${head}const needs = (_: string) => test.skip;\nneeds("wrk")("loads it", () => {});`,
  });
  const { totals, said } = await run(root);
  expect(totals).toEqual({ passed: 0, failed: 0, skipped: 1 });
  expect(said).toContain("test/e2e/x.test.ts: loads it (needs wrk: apt-get install wrk)");
});

test("runTests: no test at all is a failure", async () => {
  expect((await run(tree({ "test/README.md": "" }))).totals).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("runTests: what needs the executable does not run when it cannot be built, and that is a failure", async () => {
  const root = tree({ "test/unit/a.test.ts": good(), "test/e2e/b.test.ts": good() });
  const { totals, said } = await run(root, { build: async () => false });
  expect(totals).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(said).toContain("build: the executable could not be built");
});

test("runTests: builds only for what needs the executable", async () => {
  let builds = 0;
  const build = async () => (builds++, true);
  const root = tree({ "test/unit/a.test.ts": good(), "test/e2e/b.test.ts": good() });
  await run(root, { build, only: ["unit"] });
  expect(builds).toBe(0);
  await run(root, { build });
  expect(builds).toBe(1);
});

test("runTests: test/long only runs with --long", async () => {
  const root = tree({ "test/unit/a.test.ts": good(), "test/long/b.test.ts": good() });
  expect((await run(root)).totals.passed).toBe(1);
  expect((await run(root, { long: true })).totals.passed).toBe(2);
});

test("runTests: words choose suites, folders and files; a word that names nothing is refused", async () => {
  const root = tree({ "test/unit/a.test.ts": good(), "test/unit/b/c.test.ts": good(), "test/e2e/d.test.ts": good() });
  expect((await run(root, { only: ["unit"] })).totals.passed).toBe(2);
  expect((await run(root, { only: ["test/unit/b/"] })).totals.passed).toBe(1);
  expect((await run(root, { only: ["./test/unit/a.test.ts", "e2e"] })).totals.passed).toBe(2);
  await expect(run(root, { only: ["untie"] })).rejects.toThrow(
    'Cannot run "untie": no suite or test file of that name',
  );
});

test("runTests: an abort stops what runs and starts nothing more", async () => {
  const root = tree({
    "test/unit/a.test.ts": `${head}import { writeFileSync } from "node:fs";\ntest("hangs", () => { writeFileSync("started", ""); for (;;); });`,
    "test/e2e/b.test.ts": `import { writeFileSync } from "node:fs";\nwriteFileSync("ran", "");\n${good()}`,
  });
  const abort = new AbortController();
  const running = run(root, { abort: abort.signal });
  while (!existsSync(join(root, "started"))) await Bun.sleep(5);
  abort.abort();
  expect((await running).totals.failed).toBe(1);
  expect(existsSync(join(root, "ran"))).toBe(false);
});
