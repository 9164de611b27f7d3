/** `scale check --live` of the built executable against a real Postgres. The judgements one by one: unit/…/live.test.ts. */
import { afterAll, beforeAll, expect } from "bun:test";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import { freePort } from "../kit/free-port.ts";
import { needs } from "../kit/needs.ts";
import { SCALE_BIN } from "../kit/scale-app.ts";

const { test, path } = needs("postgres");

/** Debian's package makes this user; Postgres does not run as root. */
const owner: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};

function idOf(flag: string): number {
  return Number(Bun.spawnSync(["id", flag, "postgres"]).stdout.toString().trim() || "65534");
}

let folder = "";
let port = 0;
let server: Subprocess | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scale-check-live-"));
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid ?? owner.uid);
  let postgres = "";
  try {
    postgres = path("postgres");
  } catch (error) {
    // The tests are skipped then, and say which packages are missing.
    if (error instanceof Error) return;
    throw error;
  }
  const data = join(folder, "data");
  const password = join(folder, "password");
  writeFileSync(password, "hunter2\n", { mode: 0o644 });
  const made = Bun.spawnSync(
    [
      join(dirname(postgres), "initdb"),
      "-D",
      data,
      "-U",
      "shop",
      "-A",
      "scram-sha-256",
      `--pwfile=${password}`,
      "--no-sync",
    ],
    { ...owner, cwd: "/", stdout: "ignore", stderr: "pipe" },
  );
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  port = freePort();
  const settings = {
    port,
    unix_socket_directories: folder,
    max_connections: 12,
    superuser_reserved_connections: 3,
    wal_level: "minimal",
    max_wal_senders: 0,
    fsync: "off",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  server = Bun.spawn([postgres, "-D", data, ...options], {
    ...owner,
    cwd: "/",
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  await readyLine(server.stderr as ReadableStream<Uint8Array>);
}, 60_000);

afterAll(async () => {
  server?.kill("SIGINT");
  await server?.exited;
  rmSync(folder, { recursive: true, force: true });
});

async function readyLine(stream: ReadableStream<Uint8Array>): Promise<void> {
  let log = "";
  for await (const chunk of stream) {
    log += new TextDecoder().decode(chunk);
    if (log.includes("ready to accept connections")) return;
  }
  throw new Error(`Postgres ended:\n${log}`);
}

interface Report {
  readonly ok: boolean;
  readonly problems: readonly {
    readonly code: string;
    readonly what: string;
    readonly where?: { readonly line?: number };
  }[];
}

async function check(toml: string): Promise<{ exit: number; report: Report; text: string }> {
  writeFileSync(join(folder, "scale.toml"), toml);
  writeFileSync(join(folder, "server.ts"), "");
  const child = Bun.spawn([SCALE_BIN, "check", "--live", "--json", "scale.toml"], {
    cwd: folder,
    env: {},
    stdout: "pipe",
    stderr: "pipe",
  });
  const text = await new Response(child.stdout).text();
  return { exit: await child.exited, report: JSON.parse(text) as Report, text };
}

const file = (url: string, more = "") =>
  `[postgres.main]\nprimary = "${url}"\n[app]\nentry = "./server.ts"\nlisten = "127.0.0.1:${freePort()}"\npool = { max = 9 }\n${more}`;
const url = (password: string, database = "postgres") => `postgres://shop:${password}@127.0.0.1:${port}/${database}`;

test("check --live: a server that has room for the pool is good", async () => {
  const { exit, report } = await check(file(url("hunter2")));
  expect(report).toMatchObject({ ok: true, problems: [] });
  expect(exit).toBe(0);
});

test("check --live: finds a pool that is too large, a wal_level that is too low, and a port that is taken, at once", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const toml = file(url("hunter2"), `[admin]\nlisten = ${listener.port}\n`)
    .replace("max = 9", "max = 10")
    .replace("\n[app]", `\nreplicas = "${url("hunter2")}"\n[app]`);
  const { exit, report } = await check(toml);
  listener.stop(true);
  expect(exit).toBe(2);
  expect(report.problems.map(({ code, where }) => `${code} ${where?.line}`).sort()).toEqual([
    "CONFIG_LIVE_CONNECTIONS 7",
    "CONFIG_LIVE_LISTEN 9",
    "CONFIG_LIVE_ROLE 3",
    "CONFIG_LIVE_WAL_LEVEL 2",
  ]);
});

test.each([
  ["the wrong password", () => url("wrong-hunter2"), "CONFIG_LIVE_LOGIN"],
  ["no such database", () => url("hunter2", "nothing"), "CONFIG_LIVE_LOGIN"],
  ["nobody there", () => url("hunter2").replace(`:${port}/`, `:${freePort()}/`), "CONFIG_LIVE_UNREACHABLE"],
])("check --live: %s is a problem, and tells no password", async (_, target, code) => {
  const { exit, report, text } = await check(file(target()));
  expect(exit).toBe(2);
  expect(report.problems.map((problem) => problem.code)).toEqual([code]);
  expect(text).not.toContain("hunter2");
});
