/** On real sockets, as the keeper opens them. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, formatAddress } from "../../../../proxy/base/address.ts";
import { BunNet } from "../../../../proxy/net/bun-net.ts";
import type { Wire } from "../../../../proxy/net/wire.ts";
import { Problem } from "../../../../src/problem/problem.ts";
import { clock } from "../../../../src/run/clock.ts";
import { InheritedNet } from "../../../../src/run/inherited-net.ts";
import { closeFd, dup, peekSeam, setBacklog } from "../../../../src/run/os.ts";
import type { Crew, Plan } from "../../../../src/run/plan.ts";
import { type HeldSocket, Sockets } from "../../../../src/run/sockets.ts";

const net = new BunNet({ clock, seam: peekSeam });
const ANY_PORT: Address = { host: "127.0.0.1", port: 0 };
let folder = "";
let sockets: Sockets;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-sockets-"));
  sockets = make();
});

afterEach(() => {
  sockets.closeAll({ keepPaths: false });
  rmSync(folder, { recursive: true });
});

function make(): Sockets {
  return new Sockets({ net, clock, dup, close: closeFd, setBacklog, random: () => Math.random() });
}

function planOf(...asked: readonly Address[]): Plan {
  const crew: Crew = { name: "lb", options: {}, workers: 1, environment: {}, sockets: asked };
  return { role: "lb", crews: [crew] } as unknown as Plan;
}

async function open(...asked: readonly Address[]): Promise<readonly HeldSocket[]> {
  (await sockets.change(planOf(...asked))).commit();
  return sockets.held;
}

/** What a worker that inherited the socket answers to whoever dials it. */
async function greeted(held: HeldSocket): Promise<string> {
  const worker = new InheritedNet(net, [held], { dup, setBacklog, close: () => undefined });
  const listener = worker.listen(held.asked, greet);
  try {
    return await heard(held.address);
  } finally {
    listener.stop();
  }
}

function greet(wire: Wire) {
  wire.write(new TextEncoder().encode("hello"), 0, 5);
  wire.end();
  return { data: () => undefined, drain: () => undefined, end: () => undefined, close: () => undefined };
}

function heard(target: Address): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  net.dial(target, 5_000, {
    data: (_wire, bytes, start, end) => {
      text += new TextDecoder().decode(bytes.subarray(start, end));
    },
    drain: () => undefined,
    end: (wire) => wire.end(),
    close: (_wire, fault) => (fault === undefined ? resolve(text) : reject(fault)),
  });
  return promise;
}

test("change: a port that the kernel chose is known, and a worker answers on it", async () => {
  const [held] = await open(ANY_PORT);
  if (held === undefined) throw new Error("Cannot go on: nothing is held");
  expect(held.address.port).toBeGreaterThan(0);
  expect(await greeted(held)).toBe("hello");
  // The worker is gone; the next one answers on the same address.
  expect(await greeted(held)).toBe("hello");
});

test("change: a connection that is made while no worker lives waits for the next one", async () => {
  const [held] = await open(ANY_PORT);
  if (held === undefined) throw new Error("Cannot go on: nothing is held");
  const early = heard(held.address);
  expect(await greeted(held)).toBe("hello");
  expect(await early).toBe("hello");
});

test("change: a unix socket stands under its name only, and goes with the box", async () => {
  const path = join(folder, "s");
  const [held] = await open({ path });
  if (held === undefined) throw new Error("Cannot go on: nothing is held");
  expect(readdirSync(folder).filter((name) => !name.startsWith("."))).toEqual(["s"]);
  expect(await greeted(held)).toBe("hello");
  expect(lstatSync(path).isSocket()).toBe(true);
  sockets.closeAll({ keepPaths: false });
  expect(existsSync(path)).toBe(false);
});

test("change: the path of a dead process is taken over, that of a live one is not", async () => {
  const path = join(folder, "s");
  await open({ path });
  const other = make();
  await expect(other.change(planOf({ path }))).rejects.toThrow("a live process answers there");
  sockets.closeAll({ keepPaths: true });
  (await other.change(planOf({ path }))).commit();
  other.closeAll({ keepPaths: false });
});

test("change: a file that is no socket is left alone", async () => {
  const path = join(folder, "s");
  writeFileSync(path, "precious");
  await expect(sockets.change(planOf({ path }))).rejects.toThrow("a file of another kind");
  expect(lstatSync(path).isFile()).toBe(true);
});

test("change: what cannot be had is refused with its code, and nothing stays open", async () => {
  const [held] = await open(ANY_PORT);
  if (held === undefined) throw new Error("Cannot go on: nothing is held");
  const other = make();
  const refused = await other.change(planOf({ path: join(folder, "s") }, held.address)).catch((error) => error);
  expect(refused).toBeInstanceOf(Problem);
  expect(refused.code).toBe("RUN_ADDRESS_IN_USE");
  expect(other.held).toEqual([]);
  expect(existsSync(join(folder, "s"))).toBe(false);
});

test("change: an address that is not ours is refused with its reason", async () => {
  const refused = await sockets.change(planOf({ host: "192.0.2.1", port: 1 })).catch((error) => error);
  expect([refused.code, refused.message]).toEqual(["RUN_CANNOT_LISTEN", expect.stringContaining("192.0.2.1:1")]);
});

test("change: commit closes what is no longer named, abort what was opened for it", async () => {
  const [first] = await open(ANY_PORT);
  const path = join(folder, "s");
  (await sockets.change(planOf(ANY_PORT, { path }))).abort();
  expect(sockets.held).toEqual([first as HeldSocket]);
  expect(existsSync(path)).toBe(false);
  (await sockets.change(planOf({ path }))).commit();
  expect(sockets.held.map(({ asked }) => formatAddress(asked))).toEqual([`unix:${path}`]);
  await expect(heard(first?.address ?? ANY_PORT)).rejects.toThrow();
});

test("adopt: what is open already is not opened again", async () => {
  const [held] = await open(ANY_PORT);
  const heir = make();
  heir.adopt([{ ...(held as HeldSocket), fd: dup(held?.fd ?? -1) }]);
  (await heir.change(planOf(ANY_PORT))).commit();
  expect(heir.held[0]?.address).toEqual(held?.address as Address);
  heir.closeAll({ keepPaths: true });
});
