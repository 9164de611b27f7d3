import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clock } from "../../../../src/run/clock.ts";
import { FileLeases } from "../../../../src/run/lease.ts";

const SOURCE = join(import.meta.dir, "../../../../src/run/lease.ts");
const HOUR_MS = 3_600_000;

let folder = "";
let wall = 0;
let micros = 0n;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-lease-"));
  wall = 1_000_000;
  micros = 5_000_000n;
});
afterEach(() => rmSync(folder, { recursive: true }));

const leases = () => new FileLeases({ folder, clock: { ...clock, wall: () => wall }, monotonicMicros: () => micros });

test("acquire: one holds it, another does not get it", async () => {
  const [one, other] = [leases(), leases()];
  expect(await one.acquire("feed", 1_000)).toHaveProperty("token", 1_000_000);
  expect(await other.acquire("feed", 1_000)).toBeUndefined();
});

test("acquire: names are separate", async () => {
  await leases().acquire("feed", 1_000);
  expect(await leases().acquire("autoscale", 1_000)).toBeDefined();
});

test("acquire: the holder renews with the same token", async () => {
  const [one, other] = [leases(), leases()];
  const first = await one.acquire("feed", 1_000);
  micros += 900_000n;
  wall += 900;
  expect((await one.acquire("feed", 1_000))?.token).toBe(first?.token ?? -1);
  micros += 900_000n;
  expect(await other.acquire("feed", 1_000)).toBeUndefined();
});

test("acquire: a holder that does not renew loses it when its time is over, and not before", async () => {
  const [one, other] = [leases(), leases()];
  const first = await one.acquire("feed", 1_000);
  micros += 999_000n;
  expect(await other.acquire("feed", 1_000)).toBeUndefined();
  micros += 1_000n;
  const second = await other.acquire("feed", 1_000);
  expect(second?.token).toBeGreaterThan(first?.token ?? Infinity);
  expect(await one.acquire("feed", 1_000)).toBeUndefined();
});

test("release: another gets it at once, with a larger token", async () => {
  const [one, other] = [leases(), leases()];
  const first = await one.acquire("feed", HOUR_MS);
  await first?.release();
  expect((await other.acquire("feed", HOUR_MS))?.token).toBe((first?.token ?? 0) + 1);
});

test("release: by a former holder takes nothing from the present one", async () => {
  const [one, other] = [leases(), leases()];
  const first = await one.acquire("feed", 1);
  micros += 1_000_000n;
  const second = await other.acquire("feed", HOUR_MS);
  await first?.release();
  expect(await one.acquire("feed", 1)).toBeUndefined();
  await second?.release();
  await second?.release();
  expect(await one.acquire("feed", 1)).toBeDefined();
});

test("acquire: tokens grow when the clock has gone back, and when the folder was emptied", async () => {
  const tokens: number[] = [];
  const take = async () => {
    const lease = await leases().acquire("feed", HOUR_MS);
    tokens.push(lease?.token ?? -1);
    await lease?.release();
  };
  await take();
  wall -= 500_000;
  await take();
  rmSync(join(folder, "feed.lease"));
  wall += 600_000;
  await take();
  expect(tokens).toEqual([1_000_000, 1_000_001, 1_100_000]);
});

test("acquire: a lease of an earlier boot is over", async () => {
  await leases().acquire("feed", HOUR_MS);
  edit((holder) => ({ ...holder, boot: "another" }));
  expect(await leases().acquire("feed", HOUR_MS)).toBeDefined();
});

test("acquire: a pid of another namespace is not looked up, its time decides", async () => {
  await leases().acquire("feed", 1_000);
  edit((holder) => ({ ...holder, pidNamespace: "pid:[1]", pid: 999_999_999 }));
  expect(await leases().acquire("feed", 1_000)).toBeUndefined();
  micros += 1_000_000n;
  expect(await leases().acquire("feed", 1_000)).toBeDefined();
});

test("acquire: a pid that is another process by now holds nothing", async () => {
  await leases().acquire("feed", HOUR_MS);
  edit((holder) => ({ ...holder, startTicks: "1" }));
  expect(await leases().acquire("feed", HOUR_MS)).toBeDefined();
});

for (const text of ["", "{", "null", "[]", '{"token":"1"}', '{"token":1,"holder":{}}', '{"token":1,"holder":null}']) {
  test(`acquire: refuses to guess at a file that holds ${JSON.stringify(text)}`, async () => {
    writeFileSync(join(folder, "feed.lease"), text);
    await expect(leases().acquire("feed", 1_000)).rejects.toMatchObject({ code: "RUN_LEASE_FILE" });
    expect(readFileSync(join(folder, "feed.lease"), "utf8")).toBe(text);
  });
}

for (const name of ["", "../feed", "a/b", ".hidden", "x".repeat(65), "a b"]) {
  test(`acquire: refuses the name ${JSON.stringify(name.slice(0, 12))}`, async () => {
    await expect(leases().acquire(name, 1_000)).rejects.toThrow(RangeError);
    expect(readdirSync(folder)).toEqual([]);
  });
}

for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`acquire: refuses to last ${ttlMs} ms`, async () => {
    await expect(leases().acquire("feed", ttlMs)).rejects.toThrow(RangeError);
  });
}

test("acquire: of many at once exactly one gets it", async () => {
  const got = await Promise.all(Array.from({ length: 20 }, () => leases().acquire("feed", HOUR_MS)));
  expect(got.filter((lease) => lease !== undefined)).toHaveLength(1);
});

/** Takes the lease for an hour, says its token, and lives until it is killed. */
const HOLDER = `
  import { FileLeases } from ${JSON.stringify(SOURCE)};
  const lease = await new FileLeases({ folder: process.argv[1] }).acquire("feed", ${HOUR_MS});
  console.log(lease?.token ?? "none");
  setInterval(() => undefined, 1_000_000);
`;

async function holder() {
  const child = Bun.spawn([process.execPath, "-e", HOLDER, folder], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  return { child, token: new TextDecoder().decode(value).trim() };
}

test("acquire: a holder killed with -9 loses it at once, a stopped one does not", async () => {
  const one = await holder();
  const ours = new FileLeases({ folder });
  one.child.kill("SIGSTOP");
  expect(await ours.acquire("feed", HOUR_MS)).toBeUndefined();
  one.child.kill("SIGKILL");
  await one.child.exited;
  const lease = await ours.acquire("feed", HOUR_MS);
  expect(lease?.token).toBeGreaterThan(Number(one.token));
  expect(readdirSync(folder)).toEqual(["feed.lease"]);
});

test("acquire: of several processes exactly one gets it", async () => {
  const all = await Promise.all([holder(), holder(), holder(), holder()]);
  for (const { child } of all) child.kill("SIGKILL");
  await Promise.all(all.map(({ child }) => child.exited));
  expect(all.map(({ token }) => token).filter((token) => token !== "none")).toHaveLength(1);
});

function edit(change: (holder: Record<string, unknown>) => Record<string, unknown>): void {
  const path = join(folder, "feed.lease");
  const file = JSON.parse(readFileSync(path, "utf8")) as { token: number; holder: Record<string, unknown> };
  writeFileSync(path, JSON.stringify({ ...file, holder: change(file.holder) }));
}
