import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../../../proxy/base/clock.ts";
import type { Log } from "../../../../proxy/base/log.ts";
import { Admin, type AdminOptions } from "../../../../src/admin/admin.ts";
import type { AdminView, StatusJson } from "../../../../src/admin/view.ts";
import { clock as realClock } from "../../../../src/run/clock.ts";

let folder = "";
let admins: Admin[] = [];
let events: [level: string, event: string, fields: unknown][] = [];
let heard = () => undefined as void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-admin-"));
  [admins, events] = [[], []];
});
afterEach(async () => {
  await Promise.all(admins.map((admin) => admin.stop()));
  rmSync(folder, { recursive: true });
});

/** Retries follow at once. */
const clock: Clock = { ...realClock, after: (delayMs, run) => realClock.after(delayMs === 1_000 ? 1 : delayMs, run) };

const say = (level: string) => (event: string, fields?: unknown) => {
  events.push([level, event, fields]);
  heard();
};
const log: Log = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error"), with: () => log };

const goodView: AdminView = {
  ready: async () => ({ ready: true, checks: [] }),
  status: async () => ({ box: "web1" }) as StatusJson,
  metrics: async () => "scale_up 1\n",
  count: async () => undefined,
};

function make(options: Partial<AdminOptions> = {}, view: Partial<AdminView> = {}): Admin {
  const admin = new Admin(
    { listen: `unix:${folder}/box.sock`, ...options },
    { view: { ...goodView, ...view }, clock, log },
  );
  admins.push(admin);
  return admin;
}

async function started(options: Partial<AdminOptions> = {}, view: Partial<AdminView> = {}): Promise<Admin> {
  const admin = make(options, view);
  expect(await admin.start()).toBeUndefined();
  return admin;
}

/** All bytes of the answer, until the other side closes. */
function raw(admin: Admin, text: string): Promise<string> {
  const { address } = admin;
  const [host = "", port = ""] = address.split(/:(?=\d+$)/);
  const socket = address.startsWith("unix:") ? connect(address.slice("unix:".length)) : connect(Number(port), host);
  return new Promise((resolve, reject) => {
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}

const request = (target: string, ...headers: readonly string[]) =>
  [`${target} HTTP/1.1`, "Connection: close", ...headers, "", ""].join("\r\n");

test("Admin: answers on a unix socket that only its user can open, and leaves nothing behind", async () => {
  const admin = await started();
  const path = join(folder, "box.sock");
  expect(admin.address).toBe(`unix:${path}`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const answer = await raw(admin, request("GET /livez", "Host: any"));
  expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(answer).toEndWith("\r\n\r\nok\n");
  await admin.stop();
  expect(existsSync(path)).toBe(false);
});

test("Admin: leaves the umask as it was", async () => {
  const before = process.umask();
  await started();
  expect(process.umask()).toBe(before);
});

test("Admin: on TCP says the port that the kernel chose", async () => {
  const admin = await started({ listen: "127.0.0.1:0" });
  expect(admin.address).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
  expect(await raw(admin, request("GET /metrics", `Host: ${admin.address}`))).toEndWith("\r\n\r\nscale_up 1\n");
});

test("Admin: tells caches, browsers and frames to keep away", async () => {
  const answer = await raw(await started(), request("GET /status", "Host: a"));
  for (const header of [
    "cache-control: no-store",
    "x-content-type-options: nosniff",
    "cross-origin-resource-policy: same-origin",
  ]) {
    expect(answer.toLowerCase()).toContain(header);
  }
  expect(answer.toLowerCase()).not.toContain("access-control-");
});

test("Admin: HEAD has the status and no body", async () => {
  const answer = await raw(
    await started({}, { ready: async () => ({ ready: false, checks: [] }) }),
    request("HEAD /readyz", "Host: a"),
  );
  expect(answer).toStartWith("HTTP/1.1 503 ");
  expect(answer).toEndWith("\r\n\r\n");
});

const refusals: readonly [what: string, text: string, status: number][] = [
  ["another page", request("GET /etc/passwd", "Host: a"), 404],
  ["a way up", request("GET /../../etc/passwd", "Host: a"), 404],
  ["a doubled slash", request("GET //status", "Host: a"), 404],
  ["a target of another host", request("GET http://evil.example/nothing", "Host: a"), 404],
  ["a host that is no host", request("GET /nothing", "Host: ]:["), 404],
  ["a write", request("DELETE /status", "Host: a"), 405],
  ["a tunnel", request("CONNECT evil.example:80", "Host: a"), 405],
  ["a POST with a body", request("POST /status", "Host: a", "Content-Length: 5") + "hello", 413],
  ["a GET with a body", request("GET /status", "Host: a", "Content-Length: 5") + "hello", 400],
  ["a head that is too large", request("GET /status", "Host: a", `X: ${"x".repeat(20_000)}`), 431],
  ["two lengths", request("GET /status", "Host: a", "Content-Length: 5", "Content-Length: 6") + "hello", 400],
  [
    "a length and chunks",
    request("GET /status", "Host: a", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
    400,
  ],
];

for (const [what, text, status] of refusals) {
  test(`Admin: answers ${what} with ${status}`, async () => {
    expect(await raw(await started(), text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
}

test("Admin: a request hidden in a body is not answered", async () => {
  const hidden = "GET /status HTTP/1.1\r\nHost: a\r\n\r\n";
  const answer = await raw(
    await started(),
    `GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  );
  expect(answer).toStartWith("HTTP/1.1 400 ");
  expect(answer.split("HTTP/1.1 ")).toHaveLength(2);
});

test("Admin: on loopback a page of another origin learns nothing, whatever name it points here", async () => {
  const admin = await started({ listen: "127.0.0.1:0" });
  const answer = await raw(admin, request("GET /status", "Host: rebound.evil.example"));
  expect(answer).toStartWith("HTTP/1.1 403 ");
  expect(answer).not.toContain("web1");
});

test("Admin: beyond loopback does not even begin without a token", () => {
  expect(() => make({ listen: "0.0.0.0:0" })).toThrow(expect.objectContaining({ code: "RUN_ADMIN_TOKEN" }));
});

test("Admin: beyond loopback answers those who have the token", async () => {
  const admin = await started({ listen: "0.0.0.0:0", token: "s3cret" });
  const at = (authorization: string) =>
    raw(admin, request("GET /livez", "Host: box", `Authorization: ${authorization}`));
  expect(await at("Bearer s3cret")).toStartWith("HTTP/1.1 200 ");
  expect(await at("Bearer s3cre")).toStartWith("HTTP/1.1 401 ");
  expect(await raw(admin, request("GET /livez", "Host: box"))).toStartWith("HTTP/1.1 401 ");
});

test("Admin: a page that fails is a 500 that does not say why; the log does", async () => {
  const admin = await started({}, { status: () => Promise.reject(new Error("the reason")) });
  const answer = await raw(admin, request("GET /status", "Host: a"));
  expect(answer).toStartWith("HTTP/1.1 500 ");
  expect(answer).not.toContain("the reason");
  expect(events).toEqual([
    ["error", "admin_page_failed", { error: expect.objectContaining({ message: "the reason" }) }],
  ]);
  expect(await raw(admin, request("GET /livez", "Host: a"))).toStartWith("HTTP/1.1 200 ");
});

test("Admin: answers a bounded number of requests at once, and goes on afterwards", async () => {
  const gate = Promise.withResolvers<string>();
  const admin = await started({}, { metrics: () => gate.promise });
  const answers = Array.from({ length: 80 }, () => raw(admin, request("GET /metrics", "Host: a")));
  const refused = await Promise.race(answers);
  expect(refused).toStartWith("HTTP/1.1 503 ");
  gate.resolve("x 1\n");
  const all = await Promise.all(answers);
  expect(all.filter((answer) => answer.startsWith("HTTP/1.1 200 "))).toHaveLength(64);
  expect(await raw(admin, request("GET /livez", "Host: a"))).toStartWith("HTTP/1.1 200 ");
});

const OWNER = `
  Bun.serve({ unix: process.argv[1], fetch: () => new Response("owner") });
  console.log("up");
`;

/** Another process that listens on our path. */
async function owner() {
  const child = Bun.spawn([process.execPath, "-e", OWNER, join(folder, "box.sock")], { stdout: "pipe" });
  await child.stdout.getReader().read();
  return child;
}

test("Admin: takes over the socket of a process that was killed with -9", async () => {
  const child = await owner();
  child.kill("SIGKILL");
  await child.exited;
  expect(existsSync(join(folder, "box.sock"))).toBe(true);
  expect(await raw(await started(), request("GET /livez", "Host: a"))).toEndWith("ok\n");
});

test("Admin: leaves a live process its socket, says so once, and has it when that process is gone", async () => {
  const child = await owner();
  const admin = make();
  expect(await admin.start()).toMatchObject({
    code: "RUN_ADMIN_IN_USE",
    message: expect.stringContaining("a live process answers there"),
  });
  expect(await raw(admin, request("GET /livez", "Host: a"))).toEndWith("owner");
  expect(admin.listening).toBe(false);
  const listens = eventOf("admin_listening");
  child.kill("SIGKILL");
  await listens;
  expect(await raw(admin, request("GET /livez", "Host: a"))).toEndWith("ok\n");
  expect(events.map(([level, event]) => [level, event])).toEqual([
    ["warn", "admin_not_listening"],
    ["info", "admin_listening"],
  ]);
});

test("Admin: a file of another kind at its path is left alone", async () => {
  writeFileSync(join(folder, "box.sock"), "precious");
  const admin = make();
  expect(await admin.start()).toMatchObject({ code: "RUN_ADMIN_IN_USE" });
  await admin.stop();
  expect(readFileSync(join(folder, "box.sock"), "utf8")).toBe("precious");
});

test("Admin: of several that find a stale socket exactly one gets it", async () => {
  const child = await owner();
  child.kill("SIGKILL");
  await child.exited;
  const results = await Promise.all(Array.from({ length: 6 }, () => make().start()));
  expect(results.filter((problem) => problem === undefined)).toHaveLength(1);
});

test("Admin: a taken port is a reason, not an error, and is tried again", async () => {
  const first = await started({ listen: "127.0.0.1:0" });
  const second = make({ listen: first.address });
  expect(await second.start()).toMatchObject({ code: "RUN_ADMIN_IN_USE" });
  const listens = eventOf("admin_listening");
  await first.stop();
  await listens;
  expect(await raw(second, request("GET /livez", `Host: ${second.address}`))).toEndWith("ok\n");
});

test("Admin: an address that is not ours, or a folder that is not there, is a reason too", async () => {
  expect(await make({ listen: "192.0.2.1:0", token: "t" }).start()).toMatchObject({ code: "RUN_ADMIN_ADDRESS" });
  expect(await make({ listen: `unix:${folder}/none/box.sock` }).start()).toMatchObject({ code: "RUN_ADMIN_ADDRESS" });
});

test("Admin: stopped while it waits for its address, it does not come up later", async () => {
  const child = await owner();
  const admin = make();
  await admin.start();
  await admin.stop();
  child.kill("SIGKILL");
  await child.exited;
  const another = await started({ listen: `unix:${folder}/other.sock` });
  expect(await raw(another, request("GET /livez", "Host: a"))).toEndWith("ok\n");
  expect(admin.listening).toBe(false);
});

test("Admin: stopped in the middle of an answer, it lets that one finish", async () => {
  const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
  const metrics = () => {
    asked.resolve();
    return gate.promise;
  };
  const admin = await started({}, { metrics });
  const answer = raw(admin, request("GET /metrics", "Host: a"));
  await asked.promise;
  const stopped = admin.stop();
  gate.resolve("late 1\n");
  expect(await answer).toEndWith("late 1\n");
  await stopped;
});

test("Admin: stopped, it does not wait for an answer that never comes, nor for an idle connection", async () => {
  const asked = Promise.withResolvers<void>();
  const metrics = () => {
    asked.resolve();
    return new Promise<never>(() => undefined);
  };
  const admin = await started({}, { metrics });
  const idle = raw(admin, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  const hanging = raw(admin, request("GET /metrics", "Host: a"));
  await asked.promise;
  await admin.stop();
  expect(await idle).toEndWith("ok\n");
  expect(await hanging).toBe("");
});

function eventOf(name: string): Promise<void> {
  return new Promise((resolve) => {
    heard = () => {
      if (events.some(([, event]) => event === name)) resolve();
    };
  });
}
