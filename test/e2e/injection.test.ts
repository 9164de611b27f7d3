import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { StatusJson } from "../../src/admin/view.ts";
import { needs } from "../kit/needs.ts";
import { runApp, SCALE_BIN, writeApp, type AppBox, type Installed } from "../kit/scale-app.ts";

const python = needs("python3");

/** Whoever is made to run this leaves its pid in the file. */
const evil = (marker: string) => `require("node:fs").appendFileSync(${JSON.stringify(marker)}, process.pid + "\\n");\n`;

/** Packages that are in the executable, and names that its code says. */
const PACKAGES = [
  "pino",
  "commander",
  "postgres",
  "express",
  "toml-eslint-parser",
  "scale",
  "bun",
  "undici",
  "node:fs",
  "bun:ffi",
];
const ENVIRONMENT = [".env", ".env.local", ".env.production", ".env.production.local", ".env.development"];

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Trap {
  readonly folder: string;
  readonly marker: string;
  /** The pids of those that ran it. */
  caught(): readonly number[];
}

/** A folder in which everything a runtime might look for is a trap. */
function trap(): Trap {
  const { folder, remove } = writeApp({});
  undo.push(remove);
  const marker = join(folder, "caught");
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const code = evil(marker);
  for (const file of ["evil.cjs", "index.js", "main.js", "main.ts", "scale.js", "scale.ts", "src/main.ts"])
    write(file, code);
  for (const file of ["bunfig.toml", ".bunfig.toml", "bun/bunfig.toml"]) {
    write(file, 'preload = ["./evil.cjs"]\n[run]\npreload = ["./evil.cjs"]\n[test]\npreload = ["./evil.cjs"]\n');
  }
  for (const file of ENVIRONMENT) {
    write(
      file,
      `BUN_OPTIONS="--preload ${folder}/evil.cjs"\nNODE_OPTIONS="--require ${folder}/evil.cjs"\nSCALE_LOG__LEVEL=bogus\nEVIL=1\n`,
    );
  }
  const everywhere = Object.fromEntries(["*", ...PACKAGES].map((name) => [name, ["./evil.cjs"]]));
  write(
    "tsconfig.json",
    JSON.stringify({ compilerOptions: { baseUrl: ".", paths: everywhere, jsxImportSource: "./evil.cjs" } }),
  );
  const to = Object.fromEntries(PACKAGES.map((name) => [name, "./evil.cjs"]));
  write(
    "package.json",
    JSON.stringify({
      name: "scale",
      main: "evil.cjs",
      imports: { "#*": "./evil.cjs" },
      exports: "./evil.cjs",
      browser: to,
      overrides: to,
    }),
  );
  for (const name of PACKAGES) {
    if (name.includes(":")) continue;
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", main: "index.js" }));
    write(`node_modules/${name}/index.js`, code);
  }
  return {
    folder,
    marker,
    caught: () => (existsSync(marker) ? readFileSync(marker, "utf8").trim().split("\n").map(Number) : []),
  };
}

/** The user's program, elsewhere; it answers with what it sees of the traps. */
function program(): Installed {
  const app = writeApp({
    "server.ts": `export default {
      fetch: () => Response.json({ pid: process.pid, evil: process.env.EVIL, options: process.env.BUN_OPTIONS, node: process.env.NODE_OPTIONS }),
    };`,
    "scale.toml": '[app]\nentry = "./server.ts"\nlisten = "127.0.0.1:0"\n',
  });
  undo.push(app.remove);
  return app;
}

async function statusOf(box: AppBox): Promise<StatusJson> {
  return (await (await adminFetch(box.admin, "/status")).json()) as StatusJson;
}

async function askProgram(box: AppBox): Promise<Record<string, unknown>> {
  const { address } = await box.event("app_listening");
  return (await (await fetch(`http://${String(address)}`)).json()) as Record<string, unknown>;
}

test("the trap: catches the plain runtime, by its configuration, its environment files and its packages", () => {
  for (const [file, words] of [
    ["bunfig.toml", ["run", "good.js"]],
    ["", ["--config=/dev/null", "-e", 'import "pino"']],
  ] as const) {
    const { folder, caught } = trap();
    writeFileSync(join(folder, "good.js"), "");
    if (file === "") rmSync(join(folder, "bunfig.toml"));
    const { BUN_OPTIONS: _, ...env } = process.env;
    Bun.spawnSync([process.execPath, ...words], { cwd: folder, env: { ...env, HOME: folder } });
    expect(caught().length).toBeGreaterThan(0);
  }
});

const commands: readonly (readonly string[])[] = [
  ["--help"],
  ["--version"],
  ["explain", "app.listen"],
  ["schema"],
  ["check", "CONFIG"],
  ["config", "--config", "CONFIG"],
  ["status"],
];

for (const words of commands) {
  test(`injection: the current directory cannot get into scale ${words.join(" ")}`, () => {
    const { folder, caught } = trap();
    const config = join(program().folder, "scale.toml");
    const run = Bun.spawnSync([SCALE_BIN, ...words.map((word) => (word === "CONFIG" ? config : word))], {
      cwd: folder,
      env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, BUN_INSTALL: folder },
    });
    expect(caught()).toEqual([]);
    expect(run.stdout.toString() + run.stderr.toString()).not.toContain("bogus");
    expect(run.stdout.length + run.stderr.length).toBeGreaterThan(0);
  });
}

test("injection: the current directory cannot get into keeper, steward, worker or program, nor at a reload", async () => {
  const { folder, caught } = trap();
  const config = join(program().folder, "scale.toml");
  const env = { HOME: folder, XDG_CONFIG_HOME: folder, BUN_INSTALL: folder };
  const box = runApp({ words: ["--config", config], env, cwd: folder });
  undo.push(() => box.stop());
  const seen = await askProgram(box);
  expect(seen).toEqual({ pid: expect.any(Number) });
  box.signal("SIGHUP");
  await box.event("reload_done");
  const { processes } = await statusOf(box);
  expect(new Set(processes.map((each) => each.process))).toEqual(new Set(["keeper", "steward", "worker"]));
  expect(await box.stop()).toBe(0);
  expect(caught()).toEqual([]);
});

test("injection: BUN_OPTIONS acts on the process that is given it, is warned about, and is handed to no child", async () => {
  const { folder, caught } = trap();
  const config = join(program().folder, "scale.toml");
  const box = runApp({
    words: ["--config", config],
    env: { BUN_OPTIONS: `--preload ${folder}/evil.cjs`, NODE_OPTIONS: `--require ${folder}/evil.cjs` },
  });
  undo.push(() => box.stop());
  expect(await box.event("bun_options_set")).toMatchObject({ level: "warn" });
  const seen = await askProgram(box);
  expect(seen).toEqual({ pid: expect.any(Number) });
  const { processes } = await statusOf(box);
  for (const { process: kind, pid } of processes) {
    if (kind === "keeper") continue;
    expect(readFileSync(`/proc/${pid}/environ`, "latin1")).not.toMatch(/BUN_OPTIONS|NODE_OPTIONS/);
  }
  expect(caught()).toEqual([box.pid]);
});

python.test("injection: a foreign program (command) gets no BUN_OPTIONS either", async () => {
  const { folder } = trap();
  const script =
    'import os,sys; sys.stdout.write("SEEN " + str(sorted(k for k in os.environ if k in ("BUN_OPTIONS","NODE_OPTIONS","SCALE_CHILD"))) + chr(10)); sys.stdout.flush()';
  const app = writeApp({
    "scale.toml": `[app]\ncommand = ["${python.path("python3")}", "-c", '''${script}''']\nlisten = "127.0.0.1:${freePort()}"\nstart_timeout = "2s"\n`,
  });
  undo.push(app.remove);
  const box = runApp({
    words: ["--config", join(app.folder, "scale.toml")],
    env: { BUN_OPTIONS: `--preload ${folder}/evil.cjs` },
  });
  expect(await box.exited).not.toBe(0);
  expect(box.said()).toContain("SEEN []");
});

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  listener.stop(true);
  return listener.port;
}
