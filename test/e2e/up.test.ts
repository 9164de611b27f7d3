/**
 * `scale up` from the built executable in a folder of its own: as root and as a plain user, with an empty PATH and no
 * network, stopped in order, killed at once, and brought up again.
 */
import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { isAlive } from "../../src/run/proc.ts";
import { openFolder } from "../kit/open-folder.ts";
import { markedProcesses } from "../kit/marked.ts";
import { needs } from "../kit/needs.ts";
import { SCALE, scaleUp, type Up } from "../kit/scale-up.ts";
import { until } from "../kit/until.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const net = needs("ip", "unshare");
const folders: string[] = [];

function folder(): string {
  const made = openFolder("up");
  folders.push(made);
  return made;
}

afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function scale(words: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const child = Bun.spawn([SCALE, ...words], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

async function makeLink(up: Up, url: string): Promise<string> {
  const answer = await fetch(`${up.url}/links`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ url }),
  });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { slug: string }).slug;
}

async function follow(up: Up, slug: string): Promise<string | null> {
  const answer = await fetch(`${up.url}/${slug}`, { redirect: "manual" });
  expect(answer.status).toBe(302);
  return answer.headers.get("location");
}

function pidsOf(up: Up): number[] {
  return [up.pid, ...up.boxes.map(({ pid }) => pid), ...up.stores.map(({ pid }) => pid)];
}

const LINK = "https://example.com/a?b=c";

test("up: the demo on a Postgres of its own; Ctrl-C stops all of it in order, and data stays", async () => {
  const cwd = folder();
  const first = await scaleUp({ folder: cwd });
  expect(pidsOf(first).every(isAlive)).toBe(true);
  expect((await fetch(`${first.adminUrl}/readyz`)).status).toBe(200);
  const slug = await makeLink(first, LINK);
  expect(await first.stop()).toBe(130);
  expect(pidsOf(first).filter(isAlive)).toEqual([]);
  const second = await scaleUp({ folder: cwd });
  expect(await follow(second, slug)).toBe(LINK);
  expect(await second.stop()).toBe(130);
});

test("up: with an empty environment and PATH", async () => {
  const cwd = folder();
  const child = Bun.spawn([SCALE, "up", "--json", "--port", "0", "--ephemeral"], {
    cwd,
    env: {},
    stdout: "pipe",
    stderr: "inherit",
  });
  await read(child.stdout, '"event":"ready"');
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

net.test.skipIf(!isRoot)("up: without a network", async () => {
  const cwd = folder();
  const words = `${net.path("ip")} link set lo up && exec ${SCALE} up --json --ephemeral`;
  const child = Bun.spawn([net.path("unshare"), "--net", "sh", "-c", words], {
    cwd,
    stdout: "pipe",
    stderr: "inherit",
  });
  await read(child.stdout, '"event":"ready"');
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test.skipIf(!isRoot)("up: as a plain user, in a folder of that user", async () => {
  const cwd = folder();
  chownSync(cwd, NOBODY, NOBODY);
  const copy = join(cwd, "scale");
  expect(Bun.spawnSync(["cp", SCALE, copy]).exitCode).toBe(0);
  chmodSync(copy, 0o755);
  const home = join(cwd, "home");
  Bun.spawnSync(["install", "-d", "-o", String(NOBODY), "-g", String(NOBODY), home]);
  const drop = join(cwd, "drop.py");
  writeFileSync(
    drop,
    `import os,sys\nos.setgroups([]);os.setgid(${NOBODY});os.setuid(${NOBODY})\nos.execve(sys.argv[1],sys.argv[1:],{"HOME":${JSON.stringify(home)},"PATH":"/usr/bin:/bin"})\n`,
  );
  const child = Bun.spawn(["python3", drop, copy, "up", "--json", "--port", "0"], {
    cwd,
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await read(child.stdout, '"event":"ready"');
  const ready = JSON.parse(said.split("\n").find((line) => line.includes('"event":"ready"')) ?? "{}") as Up;
  expect((await fetch(`${ready.adminUrl}/readyz`)).status).toBe(200);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
});

test.skipIf(!isRoot)("up: as root below a folder that only root may enter, it says where the data is", async () => {
  const cwd = folder();
  chmodSync(cwd, 0o700);
  const up = await scaleUp({ folder: cwd });
  const { data = "" } = up.stores[0] ?? {};
  expect(data).toMatch(/^\/var\/lib\/scale\/[0-9a-f]{16}\/postgres\/main$/);
  const slug = await makeLink(up, LINK);
  await up.stop();
  const again = await scaleUp({ folder: cwd });
  expect(await follow(again, slug)).toBe(LINK);
  await again.stop();
  rmSync(dirname(dirname(data)), { recursive: true, force: true });
});

test("up: killed with -9 it leaves nothing running, and the next one recovers without losing data", async () => {
  const cwd = folder();
  const mark = `SCALE_TEST_MARK=${crypto.randomUUID()}`;
  const [name = "", value = ""] = mark.split("=");
  const up = await scaleUp({ folder: cwd, env: { [name]: value } });
  const slug = await makeLink(up, LINK);
  process.kill(up.pid, "SIGKILL");
  await until(
    "everything is gone",
    () => pidsOf(up).every((pid) => !isAlive(pid)) && markedProcesses(mark).length === 0,
  );
  expect((await scale(["status"], cwd)).code).toBe(1);
  const again = await scaleUp({ folder: cwd });
  expect(await follow(again, slug)).toBe(LINK);
  await again.stop();
});

test("up: a second one on the same folder is refused and names the first", async () => {
  const cwd = folder();
  const up = await scaleUp({ folder: cwd });
  const second = await scale(["up"], cwd);
  expect(second.code).toBe(1);
  expect(second.err).toContain("[UP_ALREADY_RUNNING]");
  expect((await scale(["up", "--tier", "4"], cwd)).code).toBe(2);
  expect((await scale(["status"], cwd)).code).toBe(0);
  expect((await fetch(`${up.adminUrl}/readyz`)).status).toBe(200);
  await up.stop();
});

test("up: a port in use is stepped over, and that is said", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as { port: number };
  const cwd = folder();
  const child = Bun.spawn([SCALE, "up", "--port", String(port), "--ephemeral"], {
    cwd,
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await read(child.stdout, "Ready in");
  child.kill("SIGINT");
  await child.exited;
  taken.close();
  // Usually the next one, unless another test has that one.
  expect(said).toContain(`${port} is in use: using `);
});

test("up: --ephemeral keeps nothing", async () => {
  const cwd = folder();
  const up = await scaleUp({ folder: cwd, words: ["--ephemeral"] });
  await makeLink(up, LINK);
  const { data = "" } = up.stores[0] ?? {};
  await up.stop();
  expect(readdirSync(cwd)).toEqual([]);
  expect(existsSync(data)).toBe(false);
});

test("up: a program that throws while it loads ends it with that program's file and line", async () => {
  const cwd = folder();
  writeFileSync(join(cwd, "bad.js"), "const a = 1;\n\nthrow new Error(`bad luck ${a}`);\n");
  const { code, err } = await scale(["up", "--ephemeral", "bad.js"], cwd);
  expect(code).toBe(1);
  expect(err).toContain("bad luck 1");
  expect(err).toContain("bad.js:3");
});

test("up: a program that cannot live ends all of it with 1", async () => {
  const cwd = folder();
  writeFileSync(
    join(cwd, "app.js"),
    'require("http").createServer((q, r) => r.end()).listen(3000);\nsetTimeout(() => { throw new Error("tired"); }, 50);\n',
  );
  const child = Bun.spawn([SCALE, "up", "--port", "0", "--ephemeral", "app.js"], {
    cwd,
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await child.stdout.text()).toContain('Box "app" ended with exit code 1');
  expect(await child.exited).toBe(1);
});

test("up: the program of the README, as it stands there", async () => {
  const cwd = folder();
  const readme = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");
  writeFileSync(join(cwd, "server.js"), /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "");
  symlinkSync(join(import.meta.dir, "../../node_modules"), join(cwd, "node_modules"));
  const up = await scaleUp({ folder: cwd, words: ["--ephemeral", "server.js"] });
  expect(await (await fetch(up.url)).json()).toEqual({ now: expect.any(String), you: "127.0.0.1" });
  await up.stop();
});

test("up: a tier that does not stand yet says so", async () => {
  const { code, err } = await scale(["up", "--tier", "3"], folder());
  expect(code).toBe(2);
  expect(err).toContain("[CONFIG_NOT_BUILT]");
});

test("up: several at once step over each other's ports, and each names its own boxes", async () => {
  const ups = await Promise.all(
    [1, 2, 3].map(async () => {
      const cwd = folder();
      writeFileSync(join(cwd, "app.js"), 'require("http").createServer((q, r) => r.end(__dirname)).listen(3000);\n');
      const child = Bun.spawn([SCALE, "up", "--json", "--ephemeral", "app.js"], {
        cwd,
        stdout: "pipe",
        stderr: "pipe",
      });
      const said = await read(child.stdout, '"event":"ready"');
      return { cwd, child, up: JSON.parse(said.split("\n").find((line) => line.includes('"ready"')) ?? "{}") as Up };
    }),
  );
  for (const { cwd, child, up } of ups) {
    expect(await (await fetch(up.url)).text()).toBe(cwd);
    const status = (await (await fetch(`${up.adminUrl}/status`)).json()) as { processes: { pid: number }[] };
    expect(status.processes[0]?.pid).toBe(up.boxes[0]?.pid ?? 0);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
  }
});

test("up: a file may say db = main before it has a Postgres of its own", async () => {
  const cwd = folder();
  writeFileSync(join(cwd, "scale.toml"), '[app]\nentry = "./app.js"\ndb = "main"\n');
  writeFileSync(
    join(cwd, "app.js"),
    'require("http").createServer((q, r) => r.end(process.env.DATABASE_URL)).listen(3000);\n',
  );
  const up = await scaleUp({ folder: cwd, words: ["--ephemeral"] });
  expect(await (await fetch(up.url)).text()).toBe(up.databaseUrl);
  await up.stop();
});

test("up: a program that is not there is said before anything starts; with --json as an event", async () => {
  const cwd = folder();
  const said = await scale(["up", "--json", "nowhere.js"], cwd);
  expect(said.code).toBe(2);
  const events = said.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string });
  expect(events.map(({ event }) => event)).toEqual(["failed", "stopped"]);
  expect(said.out).toContain("nowhere.js");
  expect(readdirSync(cwd)).toEqual([]);
});

test("status, logs, stop: work on one that keeps no data, too", async () => {
  const cwd = folder();
  const up = await scaleUp({ folder: cwd, words: ["--ephemeral"] });
  expect((await scale(["status"], cwd)).out).toContain(String(up.boxes[0]?.pid));
  expect((await scale(["logs"], cwd)).out).toContain("child_ready");
  expect((await scale(["stop"], cwd)).code).toBe(0);
  expect(readdirSync(cwd)).toEqual([]);
});

test("status, logs, stop: speak of what is up in the folder", async () => {
  const cwd = folder();
  const before = await scale(["status"], cwd);
  expect(before.code).toBe(1);
  expect(before.err).toContain("[UP_NOT_RUNNING]");
  const up = await scaleUp({ folder: cwd });
  const json = JSON.parse((await scale(["status", "--json"], cwd)).out) as Up;
  expect(json.boxes).toEqual(up.boxes);
  const shown = await scale(["status"], cwd);
  expect(shown.out).toContain(String(up.boxes[0]?.pid));
  expect((await scale(["logs"], cwd)).out).toContain("child_ready");
  expect((await scale(["logs", "nobody"], cwd)).err).toContain("[UP_NO_LOG]");
  const stopped = await scale(["stop"], cwd);
  expect(stopped.code).toBe(0);
  expect(pidsOf(up).filter(isAlive)).toEqual([]);
});

test("logs -f: shows what is added until Ctrl-C", async () => {
  const cwd = folder();
  writeFileSync(
    join(cwd, "app.js"),
    'require("http").createServer((q, r) => { console.log("asked " + q.url); r.end("ok"); }).listen(3000);\n',
  );
  const up = await scaleUp({ folder: cwd, words: ["app.js"] });
  const follower = Bun.spawn([SCALE, "logs", "-f", "app"], { cwd, stdout: "pipe" });
  let said = "";
  for await (const chunk of follower.stdout) {
    said += new TextDecoder().decode(chunk);
    if (said.includes("/later")) break;
    if (said.includes("child_ready")) await fetch(`${up.url}/later`);
  }
  follower.kill("SIGINT");
  expect(await follower.exited).toBe(0);
  await up.stop();
});

test("reload: applies a changed file; a bad one leaves the old one serving and says why", async () => {
  const cwd = folder();
  writeFileSync(join(cwd, "app.js"), 'require("http").createServer((q, r) => r.end(process.env.WORD)).listen(3000);\n');
  const file = (text: string) => writeFileSync(join(cwd, "scale.toml"), `[app]\nentry = "./app.js"\n${text}`);
  file('env = { WORD = "one" }\n');
  const up = await scaleUp({ folder: cwd });
  const word = async () => (await fetch(up.url, { keepalive: false })).text();
  expect(await word()).toBe("one");
  file('env = { WORD = "two" }\n');
  const good = await scale(["reload"], cwd);
  expect(good).toMatchObject({ code: 0 });
  expect(await word()).toBe("two");
  file('env = { WORD = "three" }\nworkes = 1\n');
  const bad = await scale(["reload"], cwd);
  expect(bad.code).toBe(1);
  expect(bad.out).toContain("CONFIG_UNKNOWN_KEY");
  expect(await word()).toBe("two");
  writeFileSync(join(cwd, "other.js"), 'require("http").createServer((q, r) => r.end("other")).listen(3000);\n');
  writeFileSync(join(cwd, "scale.toml"), '[app]\nentry = "./other.js"\n');
  expect((await scale(["reload"], cwd)).code).toBe(0);
  expect(await word()).toBe("other");
  file('env = { WORD = "four" }\n');
  process.kill(up.boxes[0]?.pid ?? 0, "SIGHUP");
  // With one worker, who stands in the old process' queue when it ends is reset: only from tier 2 on a reload is lossless.
  const wordOrReset = (): Promise<string> => word().catch((error: { code?: string }) => error.code ?? "no code");
  let heard = await wordOrReset();
  await until("the fourth word is served", async () => {
    heard = await wordOrReset();
    return heard === "four" || (heard !== "other" && heard !== "ECONNRESET");
  });
  expect(heard).toBe("four");
  await up.stop();
});

test("the state file can be read by its user only: it holds the database's password", async () => {
  const cwd = folder();
  const up = await scaleUp({ folder: cwd });
  const mode = Bun.spawnSync(["stat", "-c", "%a", join(cwd, ".scale", "up.json")])
    .stdout.toString()
    .trim();
  expect(mode).toBe("600");
  for (const pid of pidsOf(up)) expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).not.toContain("postgres://");
  await up.stop();
});

test("dev: NODE_ENV is development, a change of a file reloads, a mistake waits for its correction", async () => {
  const cwd = folder();
  const program = (word: string) =>
    writeFileSync(
      join(cwd, "app.js"),
      `require("http").createServer((q, r) => r.end(process.env.NODE_ENV + ${word})).listen(3000);\n`,
    );
  program('" one"');
  const up = await scaleUp({ command: "dev", folder: cwd, words: ["--ephemeral", "app.js"] });
  const said = () =>
    fetch(up.url, { keepalive: false }).then(
      (answer) => answer.text(),
      () => "",
    );
  expect(await said()).toBe("development one");
  program('" two"');
  await until("the second version answers", async () => (await said()) === "development two");
  writeFileSync(join(cwd, "app.js"), "this is no program");
  writeFileSync(join(cwd, "other.js"), "");
  await until("the mistake was seen", async () => {
    const status = (await (await fetch(`${up.adminUrl}/status`)).json()) as {
      config: { lastReload?: { ok: boolean } };
    };
    return status.config.lastReload?.ok === false;
  });
  expect(await said()).toBe("development two");
  program('" three"');
  await until("the third version answers", async () => (await said()) === "development three");
  await up.stop();
});

test("dev: a program that cannot start at first is started when it can", async () => {
  const cwd = folder();
  writeFileSync(join(cwd, "app.js"), "throw new Error('not yet');\n");
  const child = Bun.spawn([SCALE, "dev", "--port", "0", "--ephemeral", "app.js"], {
    cwd,
    stdout: "pipe",
    stderr: "pipe",
  });
  await read(child.stderr, "not yet");
  writeFileSync(join(cwd, "app.js"), 'require("http").createServer((q, r) => r.end("at last")).listen(3000);\n');
  const said = await read(child.stdout, "Ready in");
  expect(await (await fetch(/Open (\S+)/.exec(said)?.[1] ?? "")).text()).toBe("at last");
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
});

/** What a stream says until it has said `word`. */
async function read(stream: ReadableStream<Uint8Array>, word: string): Promise<string> {
  let said = "";
  for await (const chunk of stream) {
    said += new TextDecoder().decode(chunk);
    if (said.includes(word)) return said;
  }
  throw new Error(`Cannot find "${word}" in what was said:\n${said}`);
}
