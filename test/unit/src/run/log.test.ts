import { expect, test } from "bun:test";
import { logFormat, makeLog, type LogOptions } from "../../../../src/run/log.ts";

const AT = Date.UTC(2026, 10, 23, 12, 3, 4, 5);

function capture() {
  const lines: string[] = [];
  return { lines, sink: { write: (line: string) => void lines.push(line), flush: () => undefined } };
}

async function logTo(options: Partial<LogOptions> = {}) {
  const { lines, sink } = capture();
  const clock = { now: () => 0, wall: () => AT, after: never, every: never };
  const log = await makeLog({
    level: "info",
    format: "json",
    box: "web1",
    role: "app",
    process: "worker",
    index: 2,
    clock,
    sink,
    tty: false,
    env: {},
    ...options,
  });
  return { log, lines, objects: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test("makeLog: a JSON line names level, time, box, role, process, index, pid and event", async () => {
  const { log, lines, objects } = await logTo();
  log.info("worker_ready", { afterMs: 12 });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toEndWith("}\n");
  expect(Object.entries(objects()[0] ?? {})).toEqual(
    Object.entries({
      level: "info",
      time: "2026-11-23T12:03:04.005Z",
      box: "web1",
      role: "app",
      process: "worker",
      index: 2,
      pid: process.pid,
      event: "worker_ready",
      afterMs: 12,
    }),
  );
});

test("makeLog: a line has each name once, whatever the fields are called", async () => {
  const { log, lines, objects } = await logTo();
  const fields = { pid: 1, level: "fatal", time: 2, event: "other", box: "b", index: 9, process: "p", role: "r" };
  log.with({ pid: 7 }).warn("child_ready", fields);
  for (const name of Object.keys(fields)) expect(lines[0]?.split(`"${name}":`)).toHaveLength(2);
  expect(objects()[0]).toMatchObject({
    level: "warn",
    event: "child_ready",
    pid: process.pid,
    its_pid: 1,
    its_level: "fatal",
  });
});

for (const [level, written] of [
  ["debug", ["debug", "info", "warn", "error"]],
  ["info", ["info", "warn", "error"]],
  ["warn", ["warn", "error"]],
  ["error", ["error"]],
] as const) {
  test(`makeLog: level ${level} writes ${written.join(", ")}`, async () => {
    const { log, objects } = await logTo({ level });
    for (const each of ["debug", "info", "warn", "error"] as const) log[each]("said");
    expect(objects().map((line) => line["level"])).toEqual([...written]);
  });
}

test("setLevel: holds at once, for logs made before it too", async () => {
  const { log, lines } = await logTo({ level: "error" });
  const child = log.with({ conversation: 1 });
  child.info("unheard");
  log.setLevel("debug");
  child.debug("heard");
  expect(lines).toHaveLength(1);
  expect(child).toHaveProperty("level", "debug");
});

test("with: adds fields to every line, the nearer ones win", async () => {
  const { log, objects } = await logTo();
  log.with({ a: 1, b: 1 }).with({ b: 2 }).info("said", { c: 3 });
  expect(objects()[0]).toMatchObject({ a: 1, b: 2, c: 3 });
});

for (const format of ["json", "pretty"] as const) {
  test(`makeLog: secrets do not get into ${format} lines, by name, in text, in errors or by with`, async () => {
    const { log, lines } = await logTo({ format });
    log.with({ authorization: "hunter2" }).error("failed", {
      password: "hunter2",
      url: "postgres://u:hunter2@h/db",
      error: new Error("Cannot dial postgres://u:hunter2@h/db", { cause: new Error("token=hunter2") }),
    });
    expect(lines).toHaveLength(1);
    expect(lines.join("")).not.toContain("hunter2");
    expect(lines.join("")).toContain("[redacted]");
  });
}

test("makeLog: a field that throws when it is read does not throw out of the log", async () => {
  const { log, objects } = await logTo();
  const trap = Object.defineProperty({}, "value", {
    enumerable: true,
    get: () => {
      throw new RangeError("no");
    },
  });
  log.info("said", { trap });
  expect(objects()[0]).toMatchObject({ event: "said", fields_unreadable: "RangeError" });
});

test("makeLog: pretty names workers by number and the others by what they are", async () => {
  const worker = await logTo({ format: "pretty" });
  worker.log.info("said");
  const keeper = await logTo({ format: "pretty", process: "keeper", index: 0 });
  keeper.log.info("said");
  expect(worker.lines[0]).toMatch(/^\d\d:\d\d:\d\d info  app\/2 +said\n$/);
  expect(keeper.lines[0]).toMatch(/ app\/keeper +said\n$/);
});

test("makeLog: pretty on a terminal is coloured unless NO_COLOR asks otherwise", async () => {
  const coloured = await logTo({ format: "auto", tty: true });
  coloured.log.info("said");
  expect(coloured.lines[0]).toContain("\u001b[32minfo");
  const plain = await logTo({ format: "auto", tty: true, env: { NO_COLOR: "1" } });
  plain.log.info("said");
  expect(plain.lines[0]).not.toContain("\u001b");
});

for (const [format, tty, wanted] of [
  ["auto", true, "pretty"],
  ["auto", false, "json"],
  ["json", true, "json"],
  ["pretty", false, "pretty"],
] as const) {
  test(`logFormat: "${format}" is ${wanted} when tty is ${tty}`, () => expect(logFormat(format, tty)).toBe(wanted));
}

function never(): never {
  throw new Error("no timer is needed here");
}
