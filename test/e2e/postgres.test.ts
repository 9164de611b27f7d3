/**
 * The embedded Postgres as it really is: unpacked, started, used by two real clients, killed in every way a laptop
 * knows, and refused where opening it would lose data. As root Postgres runs as `nobody`, and the same first start is
 * also made as a plain user; tests that only make sense as root do not exist for other users.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import postgres from "postgres";
import { Problem } from "../../src/problem/problem.ts";
import { unpack } from "../../src/up/embedded.ts";
import { openCluster, type Cluster, type ClusterOptions } from "../../src/up/postgres/cluster.ts";
import { isStandby, processesIn } from "../../src/up/postgres/control.ts";
import { delayReplay, lagOf, pauseReplay, resumeReplay } from "../../src/up/postgres/lag.ts";
import { postgresOwner } from "../../src/up/postgres/owner.ts";
import { needs } from "../kit/needs.ts";
import { buildDriver, drive, embeddedPostgres, type DriveOptions, type Driven } from "../kit/postgres-driven.ts";

setDefaultTimeout(60_000);

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const base = mkdtempSync(join(tmpdir(), "scale-postgres-"));
chmodSync(base, 0o711);
const driver = join(base, "driver");
const cache = join(base, "cache");
const stateFolder = join(base, "state");
let tools = "";

beforeAll(async () => {
  await buildDriver(driver);
  chmodSync(driver, 0o755);
  mkdirSync(cache);
  chmodSync(cache, 0o755);
  tools = await unpack("postgres", { below: [cache] });
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

let folders = 0;
function newDir(): string {
  folders += 1;
  return join(base, `project${folders}`, ".scale", "postgres");
}

function open(options: Partial<ClusterOptions> & { readonly dir: string }): Promise<Cluster> {
  return openCluster({ replicas: 0, say: () => undefined, tools, stateFolder, ...options });
}

function driven(dir: string, options: DriveOptions = {}): Driven {
  return drive(driver, { dir, replicas: 0, cache, stateFolder }, options);
}

async function withSql<T>(url: string, use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined, connect_timeout: 10 });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function until<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`Never came true: ${look.toString()}`);
    await Bun.sleep(10);
  }
}

async function problemOf(work: Promise<Cluster>): Promise<Problem> {
  try {
    const cluster = await work;
    await cluster.stop();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("It was opened, and should have been refused");
}

function answers(url: string): Promise<boolean> {
  return withSql(url, (sql) => sql`select 1`.then(() => true)).catch(() => false);
}

/** Folders without the tables' own files, which a running server changes. */
function owners(folder: string): readonly number[] {
  return [...new Set(readdirSync(folder).map((name) => lstatSync(join(folder, name)).uid))];
}

describe("unpack", () => {
  test("unpack: two at once end well, and leave one folder that others can read", async () => {
    await embeddedPostgres();
    const below = join(base, "cache-race");
    const [one, two] = await Promise.all([
      unpack("postgres", { below: [below] }),
      unpack("postgres", { below: [below] }),
    ]);
    expect(one).toBe(two);
    expect(readdirSync(below)).toEqual([basename(one)]);
    expect(basename(one)).toMatch(/^postgres-[0-9a-f]{16}$/);
    expect(statSync(join(one, "bin/postgres")).mode & 0o777).toBe(0o755);
    expect(lstatSync(join(one, "lib/libpq.so.5")).isSymbolicLink()).toBe(true);
    const again = statSync(one).ino;
    expect(statSync(await unpack("postgres", { below: [below] })).ino).toBe(again);
  });

  test("unpack: a half-unpacked leftover is swept and never used; a folder others write to is passed over", async () => {
    const name = basename(tools);
    const open = join(base, "cache-open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    const below = join(base, "cache-swept");
    mkdirSync(join(below, `${name}.aBcDeF`, "bin"), { recursive: true });
    chmodSync(below, 0o700);
    utimesSync(join(below, `${name}.aBcDeF`), 1, 1);
    expect(await unpack("postgres", { below: [open, below] })).toBe(join(below, name));
    expect(readdirSync(open)).toEqual([]);
    expect(readdirSync(below)).toEqual([name]);
  });
});

describe("one server", () => {
  const dir = newDir();
  const { path, test: testWithPsql } = needs("psql");
  let up: Driven;
  let url = "";
  let data = "";

  /** Everything a shell may be misconfigured with, and no PATH. */
  const env = { PATH: "", LC_ALL: "xx_YY.UTF-8", LANG: "de_DE", PGDATA: "/nowhere", PGPORT: "1", TZ: "Asia/Tokyo" };

  beforeAll(async () => {
    up = driven(dir, { env });
    ({ url = "", data = "" } = await up.until(({ event }) => event === "open"));
  });
  afterAll(async () => {
    await up.kill();
    await until(() => processesIn(data).length === 0);
  });

  test("first start: is PostgreSQL 18, set as a developer needs it and durable", async () => {
    expect(data).toBe(join(dir, "main"));
    const names = [
      "server_version_num",
      "fsync",
      "synchronous_commit",
      "full_page_writes",
      "wal_level",
      "data_checksums",
    ];
    const rest = [
      "max_connections",
      "max_prepared_transactions",
      "io_method",
      "listen_addresses",
      "lc_messages",
      "TimeZone",
    ];
    const rows = await withSql(
      url,
      (sql) => sql`select name, setting from pg_settings where name in ${sql([...names, ...rest])}`,
    );
    const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
    expect(settings).toEqual({
      server_version_num: expect.stringMatching(/^18\d{4}$/),
      fsync: "on",
      synchronous_commit: "on",
      full_page_writes: "on",
      wal_level: "logical",
      data_checksums: "on",
      max_connections: "100",
      max_prepared_transactions: "100",
      io_method: "sync",
      listen_addresses: "127.0.0.1",
      lc_messages: "C",
      TimeZone: "UTC",
    });
    const [database] = await withSql(
      url,
      (sql) => sql`select current_user, datname, datlocprovider, datlocale, pg_encoding_to_char(encoding) as encoding
                   from pg_database where datname = current_database()`,
    );
    const builtin = { datname: "app", datlocprovider: "b", datlocale: "C.UTF-8", encoding: "UTF8" };
    expect(database).toEqual({ current_user: "scale", ...builtin });
  });

  test("first start: nobody without the password gets in, by either door, and files are private", async () => {
    const { username, port } = new URL(url);
    for (const password of ["", "wrong"]) {
      const wrong = withSql(`postgres://${username}:${password}@127.0.0.1:${port}/app`, (sql) => sql`select 1`);
      await expect(wrong).rejects.toThrow(/password authentication failed|empty password/);
    }
    const { socket } = await up.until(({ event }) => event === "open");
    const host = dirname(socket ?? "");
    const bySocket = (password: string) => {
      const sql = postgres({ host, port: Number(port), user: "scale", database: "app", password, max: 1 });
      return sql`select 1 as one`.then((rows) => rows.length).finally(() => sql.end({ timeout: 5 }));
    };
    await expect(bySocket("wrong")).rejects.toThrow(/password authentication failed/);
    expect(await bySocket(new URL(url).password)).toBe(1);
    const modes = ["password", "main", "main.log", "main.lock", "run"].map(
      (name) => statSync(join(dir, name)).mode & 0o777,
    );
    expect(modes.map((mode) => mode.toString(8))).toEqual(["600", "700", "600", "600", "700"]);
    expect(owners(data)).toEqual([postgresOwner().uid]);
    expect(readFileSync(join(dir, "main.conf"), "utf8")).not.toContain(new URL(url).password);
  });

  testWithPsql("psql: a second client sees what the first one wrote", async () => {
    await withSql(url, (sql) => sql`create table notes (id int primary key, text text)`);
    await withSql(url, (sql) => sql`insert into notes values (1, ${"Grüße"})`);
    const { stdout } = Bun.spawnSync([path("psql"), url, "-Atc", "select text from notes"], { env: {} });
    expect(stdout.toString()).toBe("Grüße\n");
  });

  test("openCluster: a second one on the folder is refused, and told who has it", async () => {
    const problem = await problemOf(open({ dir }));
    expect([problem.code, problem.message]).toEqual(["UP_ALREADY_RUNNING", expect.stringContaining(`pid ${up.pid} `)]);
    expect(await answers(url)).toBe(true);
  });

  test("kill -9 of Postgres: it comes back on its port with all that was committed", async () => {
    await withSql(url, (sql) => sql`create table kept as select n from generate_series(1, 1000) n`);
    const before = (await up.until(({ event }) => event === "open")).pid ?? 0;
    process.kill(before, "SIGKILL");
    await up.until(({ line }) => line?.includes("is back") === true);
    const [row] = await withSql(url, (sql) => sql`select count(*)::int as count from kept`);
    expect(row?.["count"]).toBe(1000);
    expect(processesIn(data)).not.toContain(before);
  });

  test("kill -9 of the parent: no Postgres stays, and the next one finds everything", async () => {
    await withSql(url, (sql) => sql`insert into kept values (1001)`);
    await up.kill();
    await until(() => processesIn(data).length === 0);
    expect(await answers(url)).toBe(false);
    up = driven(dir, { env });
    const opened = await up.until(({ event }) => event === "open");
    expect([opened.url, opened.recovered]).toEqual([url, true]);
    const [row] = await withSql(url, (sql) => sql`select max(n) as max from kept`);
    expect(row?.["max"]).toBe(1001);
  });

  test("kill -9 of both: a stale pid file and socket whose pid another process has now are no obstacle", async () => {
    const opened = await up.until(({ event }) => event === "open");
    process.kill(up.pid, "SIGSTOP");
    process.kill(opened.pid ?? 0, "SIGKILL");
    await up.kill();
    await until(() => processesIn(data).length === 0);
    const owner = postgresOwner();
    const other = Bun.spawn(["sleep", "600"], owner.other ? { uid: owner.uid, gid: owner.gid } : {});
    try {
      expect(existsSync(join(data, "postmaster.pid"))).toBe(true);
      for (const file of [join(data, "postmaster.pid"), `${opened.socket}.lock`]) {
        const lines = readFileSync(file, "utf8").split("\n");
        writeFileSync(file, [String(other.pid), ...lines.slice(1)].join("\n"));
      }
      up = driven(dir, { env });
      const again = await up.until(({ event }) => event === "open");
      expect([again.url, again.recovered]).toEqual([url, true]);
      expect(other.exitCode).toBe(null);
    } finally {
      other.kill("SIGKILL");
      await other.exited;
    }
  });

  test("stop: ends in order, leaves no process, and the next start recovers nothing", async () => {
    const { pid = 0 } = await up.until(({ event }) => event === "open");
    expect(await up.stop()).toBe(0);
    expect(processesIn(data)).toEqual([]);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    up = driven(dir, { env });
    const opened = await up.until(({ event }) => event === "open");
    expect([opened.url, opened.recovered]).toEqual([url, false]);
  });
});

describe("replicas", () => {
  const dir = newDir();
  let cluster: Cluster;
  const said: string[] = [];

  beforeAll(async () => {
    cluster = await open({ dir, replicas: 1, say: (line) => said.push(line) });
    await withSql(cluster.primary.url, (sql) => sql`create table events (n int primary key)`);
    await until(async () => (await lagOf(cluster.primary, replica())).bytes === 0);
  });
  afterAll(async () => {
    const folders = [cluster.primary, ...cluster.replicas].map(({ data }) => data);
    await cluster.stop();
    expect(folders.flatMap(processesIn)).toEqual([]);
  });

  const insert = (n: number) => withSql(cluster.primary.url, (sql) => sql`insert into events values (${n})`);
  const replica = () => {
    const [first] = cluster.replicas;
    if (first === undefined) throw new Error("There is no replica");
    return first;
  };
  const sees = async (n: number) =>
    (await withSql(replica().url, (sql) => sql`select 1 from events where n = ${n}`)).length === 1;

  test("replica: streams what is committed, and takes no writes", async () => {
    await insert(1);
    await until(() => sees(1));
    const write = withSql(replica().url, (sql) => sql`insert into events values (2)`);
    await expect(write).rejects.toMatchObject({ code: "25006" });
    expect((await replica().status()).role).toBe("replica");
    expect((await cluster.primary.status()).role).toBe("primary");
    await until(async () => (await lagOf(cluster.primary, replica())).bytes === 0);
  });

  test("lag: a delay and a pause hold back what the primary has committed, and their end releases it", async () => {
    await delayReplay(replica(), 3_600_000);
    await insert(10);
    await until(async () => (await lagOf(cluster.primary, replica())).bytes > 0);
    expect(await sees(10)).toBe(false);
    await delayReplay(replica(), 0);
    await until(() => sees(10));
    await pauseReplay(replica());
    await until(async () => (await replica().query("select pg_get_wal_replay_pause_state()"))[0]?.[0] === "paused");
    await insert(11);
    expect(await sees(11)).toBe(false);
    expect((await lagOf(cluster.primary, replica())).bytes).toBeGreaterThan(0);
    await resumeReplay(replica());
    await until(() => sees(11));
  });

  test("kill -9 of a replica: it comes back and catches up", async () => {
    const before = replica().pid;
    process.kill(before, "SIGKILL");
    await insert(20);
    await until(() => said.some((line) => line.includes("main.1: is back")));
    await until(() => sees(20));
    expect(replica().pid).not.toBe(before);
  });

  test("stop and open again: the replica goes on with its own data", async () => {
    const inode = statSync(replica().data).ino;
    await cluster.stop();
    cluster = await open({ dir, replicas: 1, say: (line) => said.push(line) });
    expect(statSync(replica().data).ino).toBe(inode);
    await insert(30);
    await until(() => sees(30));
  });

  test("promote: loses nothing, takes writes, and the next open follows the new primary", async () => {
    await insert(40);
    const former = cluster.primary;
    const next = replica();
    await cluster.promote(0);
    expect([former.state, cluster.primary, cluster.replicas]).toEqual(["stopped", next, []]);
    expect(isStandby(next.data)).toBe(false);
    await insert(41);
    await cluster.stop();
    cluster = await open({ dir, replicas: 1, say: (line) => said.push(line) });
    expect([cluster.primary.data, replica().data]).toEqual([next.data, former.data]);
    await until(() => sees(41));
    expect(await sees(40)).toBe(true);
    expect(existsSync(`${former.data}.old/PG_VERSION`)).toBe(true);
  });

  test("openCluster: a crash within a promotion is finished, not forgotten", async () => {
    await insert(50);
    const next = replica();
    await until(() => sees(50));
    await cluster.stop();
    const ledger = JSON.parse(readFileSync(join(dir, "main.json"), "utf8")) as { primary: number };
    writeFileSync(join(dir, "main.json"), JSON.stringify({ ...ledger, primary: 0 }));
    cluster = await open({ dir });
    expect([cluster.primary.data, isStandby(next.data), cluster.replicas]).toEqual([next.data, false, []]);
    await insert(51);
    const rows = await withSql(cluster.primary.url, (sql) => sql`select n from events where n >= 50 order by n`);
    expect(rows.map(({ n }) => n)).toEqual([50, 51]);
  });

  test("openCluster: a missing primary is not replaced by an empty one", async () => {
    await cluster.stop();
    const { data } = cluster.primary;
    renameSync(data, `${data}.away`);
    const problem = await problemOf(open({ dir }));
    expect([problem.code, existsSync(data)]).toEqual(["UP_DATA_GONE", false]);
    renameSync(`${data}.away`, data);
    cluster = await open({ dir });
    expect(await answers(cluster.primary.url)).toBe(true);
  });
});

describe("refusals", () => {
  const owner = postgresOwner();

  const template = newDir();
  beforeAll(async () => {
    const cluster = await open({ dir: template });
    await cluster.stop();
  });

  /** A folder as a cluster that was stopped in order leaves it. */
  function madeDir(): { dir: string; data: string } {
    const dir = newDir();
    mkdirSync(dirname(dir), { recursive: true });
    const { exitCode } = Bun.spawnSync(["cp", "-a", template, dir]);
    if (exitCode !== 0) throw new Error(`cp ended with ${exitCode}`);
    return { dir, data: join(dir, "main") };
  }

  function put(path: string, text: string | Uint8Array): void {
    writeFileSync(path, text);
    if (owner.other) chownSync(path, owner.uid, owner.gid);
  }

  test("openCluster: refuses what it cannot read, and changes nothing of it", async () => {
    const { dir, data } = madeDir();
    const control = readFileSync(join(data, "global/pg_control"));
    const password = readFileSync(join(dir, "password"));

    put(join(data, "PG_VERSION"), "17\n");
    expect((await problemOf(open({ dir }))).code).toBe("UP_DATA_VERSION");
    put(join(data, "PG_VERSION"), "18\n");

    put(join(data, "global/pg_control"), control.subarray(0, 10));
    expect((await problemOf(open({ dir }))).code).toBe("UP_DATA_FOREIGN");

    put(join(data, "global/pg_control"), Buffer.from(control).fill(0xff, 24, 64));
    const broken = await problemOf(open({ dir }));
    expect([broken.code, broken.parts.why]).toEqual(["UP_POSTGRES_FAILED", expect.stringContaining("checksum")]);
    put(join(data, "global/pg_control"), control);

    writeFileSync(join(dir, "password"), "A".repeat(32));
    const stranger = await problemOf(open({ dir }));
    expect([stranger.code, stranger.message]).toEqual(["UP_POSTGRES_FAILED", expect.stringContaining("28P01")]);
    writeFileSync(join(dir, "password"), password);

    const cluster = await open({ dir });
    expect(await answers(cluster.primary.url)).toBe(true);
    await cluster.stop();
    expect(processesIn(data)).toEqual([]);
  });

  test("openCluster: a folder that is not Postgres' is left alone", async () => {
    const { dir, data } = madeDir();
    rmSync(data, { recursive: true });
    mkdirSync(data);
    if (owner.other) chownSync(data, owner.uid, owner.gid);
    put(join(data, "thesis.txt"), "ten years of work");
    expect((await problemOf(open({ dir }))).code).toBe("UP_DATA_FOREIGN");
    expect(readdirSync(data)).toEqual(["thesis.txt"]);
  });

  test("openCluster: a port that is taken is passed over, and the new one is kept", async () => {
    const { dir } = madeDir();
    const { ports } = JSON.parse(readFileSync(join(dir, "main.json"), "utf8")) as { ports: number[] };
    const [port = 0] = ports;
    const taker = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    const first = await open({ dir });
    taker.stop(true);
    expect(first.primary.port).not.toBe(port);
    await first.stop();
    const second = await open({ dir });
    expect(second.primary.port).toBe(first.primary.port);
    await second.stop();
  });

  test("openCluster: several at once get a port each, and their own data", async () => {
    const [one, two] = [madeDir().dir, madeDir().dir];
    const orders = [{ dir: one }, { dir: two }, { dir: one, name: "shard1" }];
    const clusters = await Promise.all(orders.map((order) => open(order)));
    expect(new Set(clusters.map(({ primary }) => primary.port)).size).toBe(3);
    for (const { primary } of clusters) {
      expect(await primary.query("show data_directory")).toEqual([[primary.data]]);
    }
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  });

  test("openCluster: two processes at once want one port, and one gives way", async () => {
    const ups = [madeDir(), madeDir(), madeDir()].map(({ dir }) => driven(dir));
    const opened = await Promise.all(ups.map((up) => up.until(({ event }) => event === "open")));
    expect(new Set(opened.map(({ url }) => url)).size).toBe(3);
    for (const { url = "", data } of opened) {
      const [row] = await withSql(url, (sql) => sql`show data_directory`);
      expect(row?.["data_directory"]).toBe(data);
    }
    expect(await Promise.all(ups.map((up) => up.stop()))).toEqual([0, 0, 0]);
  });

  test("onFailed: a server that cannot be brought back is told, and stop still ends everything", async () => {
    const { dir, data } = madeDir();
    const failed = Promise.withResolvers<Problem>();
    const cluster = await open({ dir, onFailed: failed.resolve });
    put(join(data, "PG_VERSION"), "17\n");
    process.kill(cluster.primary.pid, "SIGKILL");
    expect((await failed.promise).code).toBe("UP_DATA_VERSION");
    await cluster.stop();
    expect(processesIn(data)).toEqual([]);
  });

  test("stop: a server that does not obey is ended all the same, and recovers", async () => {
    const { dir, data } = madeDir();
    const cluster = await open({ dir });
    const { pid } = cluster.primary;
    process.kill(pid, "SIGSTOP");
    await cluster.primary.stop({ fastMs: 50, immediateMs: 50 });
    expect([cluster.primary.state, processesIn(data)]).toEqual(["stopped", []]);
    await cluster.stop();
    const again = await open({ dir });
    expect(again.recovered).toBe(true);
    await again.stop();
  });

  test("ephemeral: lies in a folder of its own, which stop takes away", async () => {
    const dir = newDir();
    const cluster = await open({ dir, ephemeral: true });
    const { data } = cluster.primary;
    expect([existsSync(dir), existsSync(data)]).toEqual([false, true]);
    await cluster.stop();
    expect(existsSync(dirname(data))).toBe(false);
  });
});

if (isRoot) {
  describe("as root", () => {
    test("below a folder of mode 0700: data lies elsewhere, is said so, and is found again", async () => {
      const closed = join(base, "closed");
      mkdirSync(closed, { mode: 0o700 });
      const dir = join(closed, ".scale", "postgres");
      const first = await open({ dir });
      expect(first.dataMovedTo).toStartWith(`${stateFolder}/`);
      expect(first.primary.data).toBe(join(first.dataMovedTo ?? "", "main"));
      await withSql(first.primary.url, (sql) => sql`create table found (n int)`);
      await first.stop();

      const moved = join(base, "moved");
      renameSync(closed, moved);
      chmodSync(moved, 0o755);
      const again = await open({ dir: join(moved, ".scale", "postgres") });
      expect(again.dataMovedTo).toBe(first.dataMovedTo);
      expect(await withSql(again.primary.url, (sql) => sql`select * from found`)).toHaveLength(0);
      await again.stop();

      rmSync(first.dataMovedTo ?? "", { recursive: true });
      expect((await problemOf(open({ dir: join(moved, ".scale", "postgres") }))).code).toBe("UP_DATA_GONE");
    });

    test("a plain user: runs it as himself, without root's help", async () => {
      const home = join(base, "plain");
      mkdirSync(home);
      chownSync(home, NOBODY, NOBODY);
      const order = { dir: join(home, ".scale", "postgres"), replicas: 1, cache: join(home, "cache"), stateFolder };
      const up = drive(driver, order, { uid: NOBODY, gid: NOBODY, env: { PATH: "", HOME: home } });
      const { url = "", data = "", dataMovedTo } = await up.until(({ event }) => event === "open");
      expect(dataMovedTo).toBeUndefined();
      expect([lstatSync(order.dir).uid, lstatSync(order.dir).mode & 0o777]).toEqual([NOBODY, 0o700]);
      expect(await answers(url)).toBe(true);
      const refused = await problemOf(open({ dir: order.dir }));
      expect(refused.code).toBe("UP_DATA_OTHER_USER");
      expect(await up.stop()).toBe(0);
      expect(processesIn(data)).toEqual([]);

      const shut = join(base, "shut");
      mkdirSync(join(shut, ".scale"), { recursive: true, mode: 0o700 });
      const barred = drive(driver, { ...order, dir: join(shut, ".scale", "postgres") }, { uid: NOBODY, gid: NOBODY });
      expect((await barred.until(({ event }) => event === "problem")).code).toBe("UP_DATA_UNWRITABLE");
      expect(await barred.stop()).toBe(1);
    });
  });
}
