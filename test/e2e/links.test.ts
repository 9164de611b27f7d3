/**
 * Links to a real Postgres: logins by each method, over TCP, TLS and a unix socket; cancel; a killed process whose backends
 * are cancelled and counted until they are gone.
 */
import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, chownSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../proxy/base/address.ts";
import { BunNet } from "../../proxy/net/bun-net.ts";
import { serverTls, type SslMode } from "../../proxy/pgconn/server-target.ts";
import { refusalWords } from "../../proxy/pgconn/server-refusal.ts";
import { clock } from "../../src/run/clock.ts";
import { peekSeam } from "../../src/run/os.ts";
import { LinkClient, LinkRig } from "../kit/link-rig.ts";
import { FakePage } from "../kit/limits.ts";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { until } from "../kit/until.ts";

const { test, path } = needs("postgres");
const START_MS = 60_000;
const tlsFolder = join(import.meta.dir, "../data/tls");
const folder = mkdtempSync(join(tmpdir(), "links-"));
const net = new BunNet({ clock, seam: peekSeam });
const METHODS = ["trust", "md5", "scram-sha-256"] as const;
const servers = new Map<string, RealPostgres>();
const rigs: LinkRig[] = [];

/** A server reads its key only when it is its own, and nobody else can. */
function tlsSettings(): Readonly<Record<string, string>> {
  const uid = Number(Bun.spawnSync(["id", "-u", "postgres"]).stdout.toString().trim());
  const isRoot = process.getuid?.() === 0;
  for (const name of ["server.pem", "server.key"]) {
    cpSync(join(tlsFolder, name), join(folder, name));
    chmodSync(join(folder, name), 0o600);
    if (isRoot) chownSync(join(folder, name), uid, uid);
  }
  if (isRoot) chownSync(folder, uid, uid);
  const [cert, key] = [join(folder, "server.pem"), join(folder, "server.key")];
  return { ssl: "on", ssl_cert_file: cert, ssl_key_file: key, unix_socket_directories: folder };
}

beforeAll(async () => {
  const settings = tlsSettings();
  for (const method of METHODS) {
    servers.set(method, await realPostgres({ server: path("postgres"), method, settings }));
  }
}, START_MS);
afterAll(async () => {
  for (const rig of rigs) rig.places.stop();
  for (const server of servers.values()) await server.stop();
  rmSync(folder, { recursive: true, force: true });
}, START_MS);

interface Way {
  readonly method: (typeof METHODS)[number];
  readonly mode: SslMode;
  readonly unix?: boolean;
  readonly page?: FakePage;
  readonly owner?: number;
}

function worker({ method, mode, unix = false, page = new FakePage(), owner = 1 }: Way): LinkRig {
  const { port } = servers.get(method) as RealPostgres;
  const address: Address = unix ? { path: join(folder, `.s.PGSQL.${port}`) } : { host: "127.0.0.1", port };
  const named: Address = unix ? address : { host: "server.test", port };
  const tls = serverTls(mode, named, { rootCert: readFileSync(join(tlsFolder, "ca.pem"), "utf8") });
  const target = { address, database: "postgres", tls };
  const rig = new LinkRig({ net, clock, limits: page.of(owner), target, seed: owner });
  rigs.push(rig);
  return rig;
}

async function linked(rig: LinkRig, password?: string): Promise<LinkClient> {
  const client = new LinkClient(rig.pool("shop", password)).take();
  await until("a link or a refusal", () => client.link !== undefined || client.refusal !== undefined);
  return client;
}

const WAYS: readonly Omit<Way, "method">[] = [
  { mode: "disable" },
  { mode: "verify-full" },
  { mode: "prefer", unix: true },
];

for (const method of METHODS) {
  for (const way of WAYS) {
    const name = way.unix === true ? "a unix socket" : way.mode === "disable" ? "TCP" : "TLS";
    test(`login by ${method} over ${name}: in, asked, given back, and the server knows how often to look for us`, async () => {
      const { sql, password } = servers.get(method) as RealPostgres;
      const client = await linked(worker({ ...way, method }), password);
      expect(client.refusal?.message).toBeUndefined();
      const { processId } = client.link!.cancelKey;
      client.ask("select 1");
      await until("it answers", () => client.readies === 1);
      const [row] =
        await sql`SELECT s.ssl FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.pid = ${processId}`;
      expect(row?.["ssl"]).toBe(name === "TLS");
      client.ask("DO $$ BEGIN ASSERT current_setting('client_connection_check_interval') = '2s'; END $$");
      await until("it answers again", () => client.readies === 2);
      expect(client.errors).toEqual([]);
      client.give();
    });
  }
}

test("a wrong password is told as such", async () => {
  const client = await linked(worker({ method: "scram-sha-256", mode: "disable" }), "wrong");
  expect(refusalWords(client.refusal!)).toMatchObject({
    code: "28P01",
    message: "the database server refused the proxy's password",
  });
});

test("cancel, over TLS too: the statement ends with 57014, and the link is used again", async () => {
  for (const mode of ["disable", "verify-full"] as const) {
    const { password } = servers.get("scram-sha-256") as RealPostgres;
    const client = await linked(worker({ method: "scram-sha-256", mode }), password);
    client.ask("select pg_sleep(60)");
    await Bun.sleep(50);
    const link = client.link!;
    expect(client.pool.cancel(link)).toBe(true);
    await until("it is cancelled", () => client.readies === 1);
    expect(client.errors).toEqual(["57014"]);
    client.give();
    await until("it is idle", () => link.state === "idle");
  }
});

test("a killed worker's backends are cancelled; their places are free when pg_stat_activity has them no more", async () => {
  const { sql, password } = servers.get("scram-sha-256") as RealPostgres;
  const page = new FakePage();
  const way = { method: "scram-sha-256", mode: "disable", page } as const;
  const [dead, alive] = [worker({ ...way, owner: 1 }), worker({ ...way, owner: 2 })];
  const busy = [await linked(dead, password), await linked(dead, password)];
  (await linked(alive, password)).give();
  const processIds = busy.map(({ link }) => link!.cancelKey.processId);
  for (const client of busy) client.ask("select pg_sleep(60)");
  page.reclaim(1);
  dead.places.stop();
  const living = async (): Promise<number> => {
    const rows = await sql`SELECT 1 FROM pg_stat_activity WHERE pid IN ${sql(processIds)}`;
    return rows.length;
  };
  expect([await living(), page.taken("pool shop")]).toEqual([2, 3]);
  await until("their places are free", () => page.taken("pool shop") === 1);
  expect(await living()).toBe(0);
});
