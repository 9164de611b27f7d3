/** Tests the limits of `test/kit/suite.ts`; what it makes of results is tested through the runner, in run.test.ts. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSuite } from "../../../kit/suite.ts";

test("runSuite: stops a run at its limit, and says so for the file that did not come to an end", async () => {
  const root = mkdtempSync(join(tmpdir(), "scale-suite-"));
  try {
    mkdirSync(join(root, "test"));
    writeFileSync(
      join(root, "test/x.test.ts"),
      'import { test } from "bun:test";\ntest("hangs", () => { for (;;); });\n',
    );
    const suite = { name: "x", files: ["test/x.test.ts"], testTimeoutMs: 60_000, limitMs: 1_000 };
    const report = await runSuite(suite, { root, workers: 1 });
    expect(report.failed).toEqual(["test/x.test.ts: reported no test (stopped after 1 s)"]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test("runSuite: a developer's settings for scale do not reach the tests", async () => {
  const root = mkdtempSync(join(tmpdir(), "scale-suite-"));
  process.env["SCALE_APP__WORKERS"] = "7";
  try {
    const body = 'expect(Object.keys(process.env).filter((name) => name.startsWith("SCALE_"))).toEqual([]);';
    writeFileSync(
      join(root, "x.test.ts"),
      `import { expect, test } from "bun:test";\ntest("clean", () => { ${body} });\n`,
    );
    const suite = { name: "x", files: ["x.test.ts"], testTimeoutMs: 5_000, limitMs: 60_000 };
    const report = await runSuite(suite, { root, workers: 1 });
    expect({ passed: report.passed, failed: report.failed }).toEqual({ passed: 1, failed: [] });
  } finally {
    delete process.env["SCALE_APP__WORKERS"];
    rmSync(root, { recursive: true, force: true });
  }
});
