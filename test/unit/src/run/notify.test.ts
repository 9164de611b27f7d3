import { expect, test } from "bun:test";
import type { Clock } from "../../../../proxy/base/clock.ts";
import { makeNotify, watchdogBeatMs, type NotifySeams } from "../../../../src/run/notify.ts";

const SOCKET = "/run/systemd/notify";

function setUp(seams: Partial<NotifySeams> = {}) {
  const sent: [string, string][] = [];
  const beats: { periodMs: number; run: () => void; cancelled: boolean }[] = [];
  const clock: Clock = {
    now: () => 0,
    wall: () => 0,
    after: () => ({ cancel: () => undefined }),
    every(periodMs, run) {
      const beat = { periodMs, run, cancelled: false };
      beats.push(beat);
      return {
        cancel: () => {
          beat.cancelled = true;
        },
      };
    },
  };
  const notify = makeNotify({
    env: { NOTIFY_SOCKET: SOCKET },
    pid: 42,
    clock,
    send: (path, bytes) => void sent.push([path, new TextDecoder().decode(bytes)]),
    monotonicMicros: () => 123_456_789n,
    ...seams,
  });
  return { notify, beats, texts: () => sent.map(([, text]) => text), paths: () => sent.map(([path]) => path) };
}

test("makeNotify: says each thing in the words of sd_notify", () => {
  const { notify, texts, paths } = setUp();
  notify.status("starting");
  notify.ready("3 workers");
  notify.reloading();
  notify.ready("4 workers");
  notify.mainPid(77);
  notify.stopping();
  expect(texts()).toEqual([
    "STATUS=starting\n",
    "READY=1\nSTATUS=3 workers\n",
    "RELOADING=1\nMONOTONIC_USEC=123456789\n",
    "READY=1\nSTATUS=4 workers\n",
    "MAINPID=77\n",
    "STOPPING=1\n",
  ]);
  expect(new Set(paths())).toEqual(new Set([SOCKET]));
});

test("ready: repeats a status that was said before, and status does not", () => {
  const { notify, texts } = setUp();
  notify.status("up");
  notify.ready("up");
  notify.status("up");
  expect(texts()).toEqual(["STATUS=up\n", "READY=1\nSTATUS=up\n"]);
});

test("ready: needs no status", () => {
  const { notify, texts } = setUp();
  notify.ready();
  expect(texts()).toEqual(["READY=1\n"]);
});

test("stopping: asks systemd to wait for longer than it will take", () => {
  const { notify, texts } = setUp();
  notify.stopping(30_000);
  expect(texts()).toEqual(["STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000\n"]);
});

test("status: is one line, cut, and not said twice", () => {
  const { notify, texts } = setUp();
  notify.status(`a\nREADY=1\r\n${"x".repeat(2_000)}`);
  notify.status("b");
  notify.status("b");
  expect(texts()).toHaveLength(2);
  expect(texts()[0]).toMatch(/^STATUS=a READY=1 x+\n$/);
  expect(texts()[0]?.length).toBeLessThan(600);
});

for (const env of [
  {},
  { NOTIFY_SOCKET: "" },
  { NOTIFY_SOCKET: "vsock:2:1" },
  { NOTIFY_SOCKET: "relative" },
  { NOTIFY_SOCKET: "@" },
]) {
  test(`makeNotify: is silent under ${JSON.stringify(env)}`, () => {
    const { notify, texts, beats } = setUp({ env: { ...env, WATCHDOG_USEC: "1000000" } });
    notify.ready("x");
    notify.reloading();
    notify.stopping(1);
    notify.status("y");
    notify.mainPid(1);
    notify.close();
    expect(texts()).toEqual([]);
    expect(beats).toEqual([]);
  });
}

test("makeNotify: takes an abstract socket as it is", () => {
  const { notify, paths } = setUp({ env: { NOTIFY_SOCKET: "@scale/notify" } });
  notify.ready();
  expect(paths()).toEqual(["@scale/notify"]);
});

test("makeNotify: beats the watchdog at half its time, until it is closed", () => {
  const { notify, texts, beats } = setUp({
    env: { NOTIFY_SOCKET: SOCKET, WATCHDOG_USEC: "30000000", WATCHDOG_PID: "42" },
  });
  expect(beats.map(({ periodMs }) => periodMs)).toEqual([15_000]);
  beats[0]?.run();
  expect(texts()).toEqual(["WATCHDOG=1\n"]);
  notify.close();
  expect(beats[0]?.cancelled).toBe(true);
});

const watchdogRows: readonly [Record<string, string>, number | undefined][] = [
  [{}, undefined],
  [{ WATCHDOG_USEC: "2000000" }, 1_000],
  [{ WATCHDOG_USEC: "2000000", WATCHDOG_PID: "42" }, 1_000],
  [{ WATCHDOG_USEC: "2000000", WATCHDOG_PID: "43" }, undefined],
  [{ WATCHDOG_USEC: "2000000", WATCHDOG_PID: "" }, undefined],
  [{ WATCHDOG_USEC: "0" }, undefined],
  [{ WATCHDOG_USEC: "soon" }, undefined],
  [{ WATCHDOG_USEC: "1" }, 10],
];

for (const [env, wanted] of watchdogRows) {
  test(`watchdogBeatMs: is ${wanted} under ${JSON.stringify(env)}`, () =>
    expect(watchdogBeatMs(env, 42)).toBe(wanted as number));
}

test("makeNotify: a message that is not taken never fails the caller, and is reported once", () => {
  const reasons: unknown[] = [];
  const refused = new Error("Cannot sendto");
  const { notify } = setUp({
    send: () => {
      throw refused;
    },
    failed: (reason) => void reasons.push(reason),
  });
  notify.ready();
  notify.status("still here");
  expect(reasons).toEqual([refused]);
});
