import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claim } from "../../../../src/run/claim.ts";
import { clock } from "../../../../src/run/clock.ts";
import { flock } from "../../../../src/run/os.ts";

const OPTIONS = { clock, code: "RUN_ADDRESS_IN_USE" } as const;
let folder = "";
let path = "";
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-claim-"));
  path = join(folder, "s");
});

afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function listen(): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server = createServer().listen(path, listening.resolve);
  await listening.promise;
}

/** What a killed process leaves. */
async function leaveSocket(): Promise<void> {
  const script = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  await Bun.spawn([process.execPath, "-e", script, path]).exited;
  expect(lstatSync(path).isSocket()).toBe(true);
}

test("claim: a path that is free is bound", async () => {
  expect(await claim(path, OPTIONS, () => "bound")).toBe("bound");
});

test("claim: the socket of a dead process makes room", async () => {
  await leaveSocket();
  expect(await claim(path, OPTIONS, () => existsSync(path))).toBe(false);
});

test("claim: a live process keeps its path", async () => {
  await listen();
  const refused = await claim(path, OPTIONS, () => "bound").catch((error) => error);
  expect([refused.code, refused.message]).toEqual(["RUN_ADDRESS_IN_USE", expect.stringContaining("a live process")]);
});

test("claim: a file of another kind is left alone", async () => {
  writeFileSync(path, "precious");
  await expect(claim(path, OPTIONS, () => "bound")).rejects.toThrow("a file of another kind");
});

test("claim: whoever may only look into the folder cannot hold it up", async () => {
  chmodSync(folder, 0o755);
  const theirs = openSync(folder, "r");
  try {
    expect(flock(theirs)).toBe(true);
    expect(await claim(path, OPTIONS, () => "bound")).toBe("bound");
    expect(lstatSync(join(folder, ".scale.lock")).mode & 0o777).toBe(0o600);
  } finally {
    closeSync(theirs);
  }
});

test("claim: a folder that only we can open needs no file for its lock", async () => {
  await claim(path, OPTIONS, () => "bound");
  expect(readdirSync(folder)).toEqual([]);
});

test("claim: two at once take turns", async () => {
  const order: string[] = [];
  const one = (name: string) => claim(path, OPTIONS, () => void order.push(name));
  await Promise.all([one("a"), one("b")]);
  expect(order.sort()).toEqual(["a", "b"]);
});
