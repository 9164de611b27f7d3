/** Tests of test/kit/log.ts. */
import { expect, test } from "bun:test";
import { RecordingLog } from "../../../kit/log.ts";

test("RecordingLog: keeps every level, event and field, in order", () => {
  const log = new RecordingLog();
  log.debug("wire_opened", { client: 1 });
  log.info("ready");
  log.warn("client_slow", { waitMs: 5 });
  log.error("bug");
  expect(log.entries).toEqual([
    { level: "debug", event: "wire_opened", fields: { client: 1 } },
    { level: "info", event: "ready", fields: {} },
    { level: "warn", event: "client_slow", fields: { waitMs: 5 } },
    { level: "error", event: "bug", fields: {} },
  ]);
  expect([log.events(), log.events("warn")]).toEqual([["wire_opened", "ready", "client_slow", "bug"], ["client_slow"]]);
});

test("RecordingLog: with adds fields to what its offspring says, in the same record", () => {
  const log = new RecordingLog();
  const client = log.with({ role: "pool" }).with({ client: 7, role: "lb" });
  client.info("login", { client: 8 });
  log.info("plain");
  expect(log.entries.map((entry) => entry.fields)).toEqual([{ role: "lb", client: 8 }, {}]);
  expect(client.entries).toBe(log.entries);
});
