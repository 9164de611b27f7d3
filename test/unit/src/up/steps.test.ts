import { describe, expect, test } from "bun:test";
import { Steps } from "../../../../src/up/steps.ts";
import { FakeClock } from "../../../kit/clock.ts";

function steps(how: { readonly json?: boolean; readonly tty?: boolean } = {}) {
  let said = "";
  const { json = false, tty = false } = how;
  const made = new Steps({ clock: new FakeClock(), json, tty, colour: false, write: (text) => void (said += text) });
  return { steps: made, said: () => said };
}

describe("Steps", () => {
  test("says a step when it is done, and what came of it", async () => {
    const { steps: one, said } = steps();
    expect(
      await one.step(
        "app",
        "starting",
        async () => 7,
        (port) => `port ${port}`,
      ),
    ).toBe(7);
    expect(said()).toMatch(/^ {2}✓ app {8}port 7 +0\.0 s\n$/);
  });

  test("says a line that comes meanwhile above the step under way, on a terminal", async () => {
    const { steps: one, said } = steps({ tty: true });
    await one.step(
      "app",
      "starting",
      async () => one.line("  │ hello"),
      () => "done",
    );
    const [before, , after] = said().split("\r\u001b[2K");
    expect(before).toBe("  · app        starting …");
    expect(said()).toContain("\r\u001b[2K  │ hello\n  · app        starting …");
    expect(after).toMatch(/✓ app/);
    one.line("later");
    expect(said().endsWith("\nlater\n")).toBe(true);
  });

  test("is one event a line for machines, and nothing else", async () => {
    const { steps: one, said } = steps({ json: true, tty: true });
    await one.step(
      "app",
      "starting",
      async () => one.line("not for machines"),
      () => "done",
    );
    one.note("port", "taken");
    const events = said()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(events).toEqual([
      { event: "step", step: "app", ok: true, text: "done", ms: 0 },
      { event: "note", step: "port", text: "taken" },
    ]);
  });

  test("marks a step that failed, and lets its failure through", async () => {
    const { steps: one, said } = steps();
    const failing = one.step("app", "starting", () => Promise.reject(new Error("no")), String);
    expect(failing).rejects.toThrow("no");
    await failing.catch(() => undefined);
    expect(said()).toContain("✗ app");
  });
});
