import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StatusJson } from "../../src/admin/view.ts";
import { Admin } from "../../src/admin/admin.ts";
import { clock } from "../../src/run/clock.ts";
import { RecordingLog } from "../kit/log.ts";

/** What a caller sends, and what it then adds again and again. */
const callers: readonly [what: string, first: string, drip: string][] = [
  ["says nothing", "", ""],
  ["stops in its request line", "GET /li", ""],
  ["never ends its head, byte by byte", "GET /livez HTTP/1.1\r\nHost: a\r\nX: ", "x"],
  ["keeps its connection without using it", "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", ""],
];

test("Admin: a caller that is slow on purpose is cut off, and the others are answered meanwhile", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scale-admin-"));
  const path = join(folder, "box.sock");
  const view = {
    ready: async () => ({ ready: true, checks: [] }),
    status: async () => ({}) as StatusJson,
    metrics: async () => "",
    count: async () => undefined,
  };
  const admin = new Admin({ listen: `unix:${path}` }, { view, clock, log: new RecordingLog() });
  try {
    expect(await admin.start()).toBeUndefined();
    const cut = callers.map(([, first, drip]) => untilClosed(path, first, drip));
    expect(await (await fetch("http://a/livez", { unix: path })).text()).toBe("ok\n");
    await Promise.all(cut);
  } finally {
    await admin.stop();
    rmSync(folder, { recursive: true });
  }
});

function untilClosed(path: string, first: string, drip: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.write(first));
    const dripping = setInterval(() => drip !== "" && socket.write(drip), 500);
    socket.on("data", () => undefined);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(dripping);
      resolve();
    });
  });
}
