/** `scale up` at tier 2, and what a person sees of their program while it is up. */
import { afterAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { openFolder } from "../kit/open-folder.ts";
import { SCALE, scaleUp } from "../kit/scale-up.ts";
import { until } from "../kit/until.ts";

const START_MS = 60_000;
const folders: string[] = [];

function folder(files: Readonly<Record<string, string>> = {}): string {
  const made = openFolder("up");
  folders.push(made);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
}

afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

/** A server that says which worker has answered. */
const SERVER = `require("http").createServer((request, response) => {
  if (request.url === "/boom") setTimeout(() => { throw new Error("boom"); }, 1);
  if (request.url === "/say") console.log("words of the program");
  response.end(process.env.SCALE_WORKER);
}).listen(3000);\n`;

async function said(words: readonly string[], cwd: string): Promise<{ readonly code: number; readonly out: string }> {
  const child = Bun.spawn([SCALE, ...words], { cwd, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const [out, code] = await Promise.all([child.stdout.text(), child.exited]);
  return { code, out };
}

async function workersAt(url: string): Promise<readonly string[]> {
  const answers = await Promise.all(
    Array.from({ length: 16 }, async () => (await fetch(url, { keepalive: false })).text()),
  );
  return [...new Set(answers)].sort();
}

test(
  "up --tier 2: workers behind a balancer, one pool; machines and people are told of all of them",
  async () => {
    const cwd = folder({ "server.js": SERVER });
    const up = await scaleUp({ folder: cwd, words: ["--tier", "2", "--ephemeral", "server.js"] });
    const [box] = up.boxes;
    const crews = new Set(box?.processes.map(({ process }) => process));
    expect([...crews].sort()).toEqual(["keeper", "lb", "pool", "steward", "worker"]);
    expect(box?.processes.filter(({ process }) => process === "worker").length).toBeGreaterThanOrEqual(2);
    await until("all workers answer", async () => (await workersAt(up.url)).length >= 2);
    const status = await said(["status"], cwd);
    expect(status.out).toContain("scale is up: tier 2");
    for (const row of [/^ {4}worker +1 +\d+ +ready$/m, /^ {4}lb +1 +\d+ +ready$/m, /^ {4}pool +1 +\d+ +ready$/m]) {
      expect(status.out).toMatch(row);
    }
    const json = JSON.parse((await said(["status", "--json"], cwd)).out) as { readonly event: string; tier: number };
    expect(json).toMatchObject({ event: "ready", tier: 2, url: up.url });
    const db = postgres(up.databaseUrl, { max: 1 });
    expect((await db`select 1 as one`)[0]).toEqual({ one: 1 });
    await db.end();
    expect(await up.stop()).toBe(130);
  },
  START_MS,
);

test(
  "up: the file says which tier it is",
  async () => {
    const cwd = folder({ "server.js": SERVER, "scale.toml": '[app]\nentry = "./server.js"\nworkers = 2\n' });
    const up = await scaleUp({ folder: cwd, words: ["--ephemeral"] });
    expect(up.boxes[0]?.processes.filter(({ process }) => process === "worker")).toHaveLength(2);
    await up.stop();
    const one = await scaleUp({ folder: cwd, words: ["--ephemeral", "--tier", "1"] });
    expect(one.boxes[0]?.processes.filter(({ process }) => process !== "keeper" && process !== "steward")).toHaveLength(
      1,
    );
    await one.stop();
  },
  START_MS,
);

test(
  "up: runs the program of the folder when nothing names one, and shows what it says and how it fails",
  async () => {
    const cwd = folder({ "server.js": SERVER });
    const child = Bun.spawn([SCALE, "up", "--port", "0", "--ephemeral"], {
      cwd,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    let out = "";
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of child.stdout) out += decoder.decode(chunk, { stream: true });
    })();
    await until("it is ready", () => out.includes("Ready in"));
    expect(out).toContain("·  server.js  ·");
    const url = /Open (\S+)/.exec(out)?.[1] ?? "";
    expect(await (await fetch(`${url}/say`)).text()).toBe("1");
    await until("its words are shown", () => out.includes("│ words of the program"));
    await fetch(`${url}/boom`);
    await until("its failure is shown", () => /│ .*child_crashed.*boom/.test(out));
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    await reading;
  },
  START_MS,
);

test(
  "up: a folder without a program has the demo",
  async () => {
    const cwd = folder({ "notes.js": "console.log(1);\n", "index.js": "console.log('no server');\n" });
    const up = await scaleUp({ folder: cwd, words: ["--ephemeral"] });
    expect(await (await fetch(`${up.url}/`)).text()).toContain("<html");
    await up.stop();
  },
  START_MS,
);
