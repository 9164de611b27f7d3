import { expect, test } from "bun:test";
import type { Clock } from "../../../../proxy/base/clock.ts";
import { Problem } from "../../../../src/problem/problem.ts";
import { Pages } from "../../../../src/admin/pages.ts";
import type { AdminView, Readiness, StatusJson } from "../../../../src/admin/view.ts";

const STATUS = { box: "web1", state: "ready" } as StatusJson;

function setUp(view: Partial<AdminView> = {}) {
  const timers: { run: () => void; cancelled: boolean }[] = [];
  const clock: Clock = {
    now: () => 0,
    wall: () => 0,
    every: () => ({ cancel: () => undefined }),
    after(_delayMs, run) {
      const timer = { run, cancelled: false };
      timers.push(timer);
      return {
        cancel: () => {
          timer.cancelled = true;
        },
      };
    },
  };
  const whole: AdminView = {
    ready: async () => ({ ready: true, checks: [{ name: "box", ok: true }] }),
    status: async () => STATUS,
    metrics: async () => "scale_up 1\n",
    count: async () => undefined,
    ...view,
  };
  return { pages: new Pages(whole, clock), timers };
}

const notReady: Readiness = {
  ready: false,
  checks: [
    { name: "box", ok: true },
    { name: "worker 1", ok: false, why: "it is loading" },
    { name: "worker 2", ok: false },
  ],
};

const commands: readonly [query: string, status: number, said: object][] = [
  ["workers=4", 200, { ok: true, workers: 4 }],
  ["workers=", 400, { ok: false, problems: [{ code: "RUN_COUNT" }] }],
  ["", 400, { ok: false, problems: [{ code: "RUN_COUNT" }] }],
  ["workers=-1", 400, { ok: false, problems: [{ code: "RUN_COUNT" }] }],
  ["workers=1e3", 400, { ok: false, problems: [{ code: "RUN_COUNT" }] }],
  ["workers=99999", 400, { ok: false, problems: [{ code: "RUN_COUNT" }] }],
];

for (const [query, status, said] of commands) {
  test(`/count: "${query}" is ${status}`, async () => {
    const counted: number[] = [];
    const { pages } = setUp({ count: async (workers) => void counted.push(workers) });
    const page = await pages.command("/count", query);
    expect(page?.status).toBe(status);
    expect(JSON.parse(page?.body ?? "")).toMatchObject(said);
    expect(counted).toEqual(status === 200 ? [4] : []);
  });
}

test("/count: is 409 with the reason when the box refuses", async () => {
  const refuse = () => Promise.reject(new Problem("RUN_NEEDS_FRONT", { what: "Cannot run 2 workers: no front" }));
  const page = await setUp({ count: refuse }).pages.command("/count", "workers=2");
  expect(page?.status).toBe(409);
  expect(JSON.parse(page?.body ?? "")).toMatchObject({ ok: false, problems: [{ code: "RUN_NEEDS_FRONT" }] });
});

test("/count: is no page to read, and no page is a command", async () => {
  const { pages } = setUp();
  expect(await pages.at("/count", "workers=4")).toBeUndefined();
  expect(await pages.command("/status", "")).toBeUndefined();
});

test("/livez: is ok whatever else is wrong", async () => {
  const { pages } = setUp({
    ready: () => Promise.reject(new Error("no")),
    status: () => Promise.reject(new Error("no")),
  });
  expect(await pages.at("/livez", "")).toMatchObject({ status: 200, body: "ok\n" });
});

test("/readyz: is 200 when ready", async () => {
  expect(await setUp().pages.at("/readyz", "")).toMatchObject({ status: 200, body: '{"ready":true}\n' });
});

test("/readyz: is 503 with the reasons when not ready", async () => {
  const page = await setUp({ ready: async () => notReady }).pages.at("/readyz", "");
  expect(page?.status).toBe(503);
  expect(page?.type).toStartWith("application/json");
  expect(JSON.parse(page?.body ?? "")).toEqual({ ready: false, reasons: ["worker 1: it is loading", "worker 2"] });
});

for (const query of ["verbose", "verbose=1", "x=1&verbose"]) {
  test(`/readyz: shows every check with ?${query}`, async () => {
    const page = await setUp({ ready: async () => notReady }).pages.at("/readyz", query);
    expect(JSON.parse(page?.body ?? "")).toMatchObject({ ready: false, checks: notReady.checks });
  });
}

test("/metrics: is the view's text, in the type that Prometheus asks for", async () => {
  const page = await setUp().pages.at("/metrics", "");
  expect(page).toEqual({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: "scale_up 1\n" });
});

test("/status: is the view's JSON", async () => {
  const page = await setUp().pages.at("/status", "");
  expect(page?.type).toStartWith("application/json");
  expect(JSON.parse(page?.body ?? "")).toEqual(STATUS);
});

test("/: names every page", async () => {
  const page = await setUp().pages.at("/", "");
  for (const path of ["/livez", "/readyz", "/metrics", "/status"]) expect(page?.body).toContain(path);
});

for (const path of ["/nothing", "/livez/", "//livez", "/LIVEZ", "", "*", "/../status", "/status%00"]) {
  test(`at: has no page at "${path}"`, async () => expect(await setUp().pages.at(path, "")).toBeUndefined());
}

test("at: however many ask at once, the box is asked once; the next asks anew", async () => {
  let asked = 0;
  const gate = Promise.withResolvers<void>();
  const { pages } = setUp({
    metrics: async () => {
      asked++;
      await gate.promise;
      return `scale_asked_total ${asked}\n`;
    },
  });
  const all = Array.from({ length: 50 }, () => pages.at("/metrics", ""));
  gate.resolve();
  expect(new Set((await Promise.all(all)).map((page) => page?.body))).toEqual(new Set(["scale_asked_total 1\n"]));
  expect((await pages.at("/metrics", ""))?.body).toBe("scale_asked_total 2\n");
});

for (const path of ["/readyz", "/metrics", "/status"]) {
  test(`${path}: is 503 when the box does not answer in time`, async () => {
    const never = new Promise<never>(() => undefined);
    const { pages, timers } = setUp({ ready: () => never, metrics: () => never, status: () => never });
    const page = pages.at(path, "");
    timers[0]?.run();
    expect(await page).toMatchObject({ status: 503, body: "the box did not answer in time\n" });
  });

  test(`${path}: leaves no timer behind`, async () => {
    const { pages, timers } = setUp();
    await pages.at(path, "");
    expect(timers.map(({ cancelled }) => cancelled)).toEqual([true]);
  });

  test(`${path}: a failure is the caller's to handle, and is not kept`, async () => {
    let broken = true;
    const answer = async <Value>(value: Value): Promise<Value> => {
      if (broken) throw new Error("worker gone");
      return value;
    };
    const { pages } = setUp({
      ready: () => answer({ ready: true, checks: [] }),
      metrics: () => answer("x"),
      status: () => answer(STATUS),
    });
    await expect(pages.at(path, "")).rejects.toThrow("worker gone");
    broken = false;
    expect(await pages.at(path, "")).toHaveProperty("status", 200);
  });
}
